import { Bytes } from './bytes.js';
import { createErrorFromCode, Encoder, fetchRequest, type Broker } from './vendor.js';

/** What a broker gives of one partition, its record batches as they lie on its disk. */
export interface FetchedPartition {
  readonly highWatermark: bigint;
  /** Below it, every transaction has ended. */
  readonly lastStableOffset: bigint;
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[];
  readonly batches: Buffer;
}

export interface PartitionFetch {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** A batch that is larger comes whole all the same. */
  readonly maxBytes: number;
  readonly maxWaitMs: number;
}

const parse = async <T>(decoded: T): Promise<T> => decoded;

/**
 * Reads one partition (read_committed). kafkajs' own decoder drops batches that compaction has emptied, so that nobody
 * could tell where the next one begins, and unpacks without a bound.
 * @throws the broker's error, with its `type`
 */
export async function fetchPartition(broker: Broker, of: PartitionFetch): Promise<FetchedPartition> {
  const { topic, partition, offset, maxBytes, maxWaitMs } = of;
  return broker.connectionPool.send({
    request: fetchRequest({
      replicaId: -1,
      isolationLevel: 1,
      maxWaitTime: maxWaitMs,
      minBytes: 1,
      maxBytes,
      topics: [{ topic, partitions: [{ partition, fetchOffset: offset.toString(), maxBytes }] }],
    }),
    response: { decode: async (payload) => decodeFetch(payload), parse },
  });
}

function decodeFetch(payload: Buffer): FetchedPartition {
  const bytes = new Bytes(payload);
  bytes.int32();
  refuse(bytes.int16());
  bytes.int32();
  const [found] = bytes.array(bytes.int32(), () => {
    bytes.string();
    return bytes.array(bytes.int32(), () => partitionOf(bytes));
  })[0]!;
  return found!;
}

function partitionOf(bytes: Bytes): FetchedPartition {
  bytes.int32();
  const error = bytes.int16();
  const highWatermark = bytes.int64();
  const lastStableOffset = bytes.int64();
  bytes.int64();
  const aborted = bytes.array(bytes.int32(), () => ({ producerId: bytes.int64(), firstOffset: bytes.int64() }));
  bytes.int32();
  const batches = bytes.nullable(bytes.int32()) ?? Buffer.alloc(0);
  refuse(error);
  return { highWatermark, lastStableOffset, aborted, batches };
}

const METADATA = 3;
/** The first version (Kafka 3.0) whose topics carry ids and that is laid out as here. */
const WITH_IDS = 11;
const NO_ID = '0'.repeat(32);

/** The id that a topic of this name got when it was made, in hex; undefined where brokers give none (before Kafka 3.0). */
export async function topicId(broker: Broker, topic: string): Promise<string | undefined> {
  if ((broker.versions?.[METADATA]?.maxVersion ?? 0) < WITH_IDS) return undefined;
  const request = new Encoder()
    // The tags of the header, then: one topic by name, which is not to be made, without anybody's rights.
    .writeUVarInt(0)
    .writeUVarInt(2)
    .writeBuffer(Buffer.alloc(16))
    .writeUVarIntString(topic)
    .writeUVarInt(0)
    .writeBoolean(false)
    .writeBoolean(false)
    .writeUVarInt(0);
  const id = await broker.connectionPool.send({
    request: { apiKey: METADATA, apiVersion: WITH_IDS, apiName: 'Metadata', encode: async () => request },
    response: { decode: async (payload) => decodeTopicId(payload), parse },
  });
  return id === NO_ID ? undefined : id;
}

function decodeTopicId(payload: Buffer): string {
  const bytes = new Bytes(payload);
  bytes.skipTags();
  bytes.int32();
  bytes.compactArray(() => {
    bytes.int32();
    bytes.compactString();
    bytes.int32();
    bytes.compactString();
    bytes.skipTags();
  });
  bytes.compactString();
  bytes.int32();
  const count = bytes.uvarint() - 1;
  if (count < 1) throw new RangeError('no topic in the answer');
  refuse(bytes.int16());
  bytes.compactString();
  return bytes.bytes(16).toString('hex');
}

function refuse(code: number): void {
  if (code !== 0) throw createErrorFromCode(code);
}
