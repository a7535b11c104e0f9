import { gunzipSync } from 'node:zlib';
import { Bytes } from '../../../src/adapters/kafka/bytes.js';
import type { FetchedPartition } from '../../../src/adapters/kafka/raw.js';
import { FootnoteError } from '../../../src/core/errors.js';
import { crc32c } from './crc32c.js';
import { lz4 } from './lz4.js';
import { snappy } from './snappy.js';
import { zstd } from './zstd.js';

export interface KafkaRecord {
  readonly partition: number;
  readonly offset: bigint;
  /** Milliseconds; of its producer or of the broker, as the topic is set. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
}

/** One batch as its producer sent it, or what compaction has left of it. */
export interface RecordBatch {
  readonly first: bigint;
  /** Where the next batch may begin. */
  readonly next: bigint;
  /** Empty for markers of transactions and for records of transactions that were aborted. @throws UnreadableBatch */
  records(): Iterable<KafkaRecord>;
}

/** A whole batch that can't be unpacked: its records are not known one by one. */
export class UnreadableBatch extends Error {
  constructor(
    readonly first: bigint,
    readonly last: bigint,
    readonly raw: Buffer,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Bytes that one batch may unpack to. */
const MAX_UNPACKED = 64 << 20;
const PREFIX = 12;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const APPEND_TIME = 0x08;

type Unpack = (packed: Buffer, most: number) => Buffer;
const UNPACK: readonly (Unpack | undefined)[] = [
  (plain) => plain,
  (packed, most) => gunzipSync(packed, { maxOutputLength: most }),
  snappy,
  lz4,
  zstd,
];

/**
 * The batches of an answer, record format 2 (Kafka 0.11 and later). The last one may be cut off: it comes with the next
 * answer.
 */
export function* batchesOf({ batches, aborted }: FetchedPartition, partition: number): Generator<RecordBatch> {
  const waiting = [...aborted].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  const dropped = new Set<bigint>();
  const bytes = new Bytes(batches);
  while (bytes.left >= PREFIX) {
    const first = bytes.int64();
    const length = bytes.int32();
    if (length < 0 || length > bytes.left) return;
    const batch = headOf(first, bytes.bytes(length), partition);
    while (waiting.length > 0 && waiting[0]!.firstOffset <= batch.last) dropped.add(waiting.shift()!.producerId);
    const isDropped = batch.transactional && dropped.has(batch.producerId);
    if (batch.control && abortsOf(batch)) dropped.delete(batch.producerId);
    yield {
      first,
      next: batch.last + 1n,
      records: () => (batch.control || isDropped ? [] : recordsOf(batch)),
    };
  }
}

interface Batch {
  readonly partition: number;
  readonly first: bigint;
  readonly last: bigint;
  readonly raw: Buffer;
  readonly codec: number;
  readonly transactional: boolean;
  readonly control: boolean;
  readonly baseTimestamp: bigint;
  /** Of all its records, where the broker set it. */
  readonly appended: bigint | undefined;
  readonly producerId: bigint;
  readonly count: number;
  readonly body: Buffer;
}

function headOf(first: bigint, raw: Buffer, partition: number): Batch {
  try {
    return readHead(first, raw, partition);
  } catch (error) {
    if (error instanceof RangeError) throw damaged(first, partition, error);
    throw error;
  }
}

function damaged(first: bigint, partition: number, cause?: unknown): FootnoteError {
  const message = `The batch of offset ${first} in partition ${partition} was damaged on its way.`;
  return new FootnoteError('data_corrupt', message, { permanence: 'transient', cause });
}

function readHead(first: bigint, raw: Buffer, partition: number): Batch {
  const bytes = new Bytes(raw);
  bytes.int32();
  if (bytes.int8() !== 2) {
    throw new FootnoteError(
      'invalid_config',
      `Offset ${first} of partition ${partition} is of a record format from before Kafka 0.11: copy the topic's records into a new one with a current client.`,
    );
  }
  if (bytes.uint32() !== crc32c(raw.subarray(bytes.at))) throw damaged(first, partition);
  const attributes = bytes.int16();
  const last = first + BigInt(bytes.int32());
  const baseTimestamp = bytes.int64();
  const maxTimestamp = bytes.int64();
  const producerId = bytes.int64();
  bytes.bytes(6);
  return {
    partition,
    first,
    last,
    raw,
    codec: attributes & 7,
    transactional: (attributes & TRANSACTIONAL) !== 0,
    control: (attributes & CONTROL) !== 0,
    baseTimestamp,
    appended: attributes & APPEND_TIME ? maxTimestamp : undefined,
    producerId,
    count: bytes.int32(),
    body: bytes.bytes(bytes.left),
  };
}

/** A marker's key names its version and its kind: 0 aborts, 1 commits. */
function abortsOf(batch: Batch): boolean {
  try {
    for (const { key } of recordsOf(batch)) return key !== null && key.length >= 4 && key.readInt16BE(2) === 0;
    return false;
  } catch (error) {
    // The broker's own: without it nobody knows which records count.
    throw damaged(batch.first, batch.partition, error);
  }
}

function* recordsOf(batch: Batch): Generator<KafkaRecord> {
  const { first, last, raw } = batch;
  try {
    const unpack = UNPACK[batch.codec];
    if (!unpack) throw new RangeError(`compression ${batch.codec} is not known`);
    const bytes = new Bytes(unpack(batch.body, MAX_UNPACKED));
    for (let i = 0; i < batch.count; i += 1) yield recordOf(batch, new Bytes(bytes.bytes(bytes.varint())));
  } catch (error) {
    throw new UnreadableBatch(first, last, raw, error);
  }
}

function recordOf({ partition, first, baseTimestamp, appended }: Batch, bytes: Bytes): KafkaRecord {
  bytes.int8();
  const timestamp = appended ?? baseTimestamp + bytes.varlong();
  if (appended !== undefined) bytes.varlong();
  const offset = first + BigInt(bytes.varint());
  const key = bytes.nullable(bytes.varint());
  const value = bytes.nullable(bytes.varint());
  const headers = bytes.array(bytes.varint(), () => {
    const name = bytes.bytes(bytes.varint()).toString();
    return [name, bytes.nullable(bytes.varint())] as const;
  });
  return { partition, offset, timestamp: Number(timestamp), key, value, headers };
}
