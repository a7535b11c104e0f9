import type { IHeaders } from 'kafkajs';
import { sha256 } from '../../../src/core/ids.js';
import type { KafkaRecord } from '../wire/batches.js';

/** A bad record on its way to the topic of dead letters. */
export interface Letter {
  readonly record: KafkaRecord;
  /** The last offset, where a whole batch could not be read. */
  readonly lastOffset?: bigint;
  readonly code: string;
  readonly message: string;
}

/** Where letters come from. */
export interface Origin {
  readonly cluster: string | null;
  readonly topic: string;
  readonly topicId: string | null;
}

const PREFIX = 'footnote-';
const OWN = (name: string): string => PREFIX + name;

export interface LetterMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
  readonly bytes: number;
}

/** The record as it was, and in headers where it stood and why it is here. */
export function letterMessage({ record, lastOffset, code, message }: Letter, origin: Origin): LetterMessage {
  const headers: Record<string, (Buffer | string)[]> = {};
  const put = (name: string, value: Buffer | string | null): void => {
    // kafkajs writes null as it is, though its types do not say so.
    (headers[name] ??= []).push(value as Buffer | string);
  };
  for (const [name, value] of record.headers) put(name, value);
  put(OWN('cluster'), origin.cluster ?? '');
  put(OWN('topic'), origin.topic);
  put(OWN('topic-id'), origin.topicId ?? '');
  put(OWN('partition'), String(record.partition));
  put(OWN('offset'), record.offset.toString());
  if (lastOffset !== undefined) put(OWN('last-offset'), lastOffset.toString());
  put(OWN('timestamp'), String(record.timestamp));
  put(OWN('code'), code);
  put(OWN('message'), message);
  const lengths = Object.entries(headers).flatMap(([name, values]) =>
    values.map((value) => name.length + (value === null ? 0 : Buffer.byteLength(value)) + 16),
  );
  const bytes = lengths.reduce((sum, each) => sum + each, (record.key?.length ?? 0) + (record.value?.length ?? 0) + 64);
  return { key: record.key, value: record.value, headers, bytes };
}

/** Without its value, which the topic does not take: its hash tells which it was. */
export function withoutValue(message: LetterMessage): LetterMessage {
  const { key, value, headers } = message;
  const omitted = { [OWN('omitted')]: `${value?.length ?? 0} bytes, sha256 ${sha256(value ?? Buffer.alloc(0))}` };
  return { key, value: null, headers: { ...headers, ...omitted }, bytes: message.bytes - (value?.length ?? 0) + 128 };
}

/**
 * The record that a letter holds. Undefined: of another topic, of a whole batch, without its value, or no letter at all.
 */
export function recordOfLetter({ key, value, headers }: KafkaRecord, origin: Origin): KafkaRecord | undefined {
  const own = (name: string) => headers.findLast(([each]) => each === OWN(name))?.[1]?.toString();
  const of = [origin.cluster ?? '', origin.topic, origin.topicId ?? ''];
  if ([own('cluster'), own('topic'), own('topic-id')].some((each, i) => each !== of[i])) return undefined;
  if (own('omitted') !== undefined || own('last-offset') !== undefined) return undefined;
  const [partition, offset, timestamp] = [own('partition'), own('offset'), own('timestamp')];
  if (!/^\d{1,9}$/.test(partition ?? '') || !/^\d{1,19}$/.test(offset ?? '')) return undefined;
  // Ours came last: what the record brought of the same names comes before.
  const original = headers.filter(([name], index) => {
    if (!NAMES.has(name)) return true;
    return index !== headers.findLastIndex(([each]) => each === name);
  });
  return {
    partition: Number(partition),
    offset: BigInt(offset!),
    timestamp: Number(timestamp ?? -1),
    key,
    value,
    headers: original,
  };
}

const NAMES: ReadonlySet<string> = new Set(
  ['cluster', 'topic', 'topic-id', 'partition', 'offset', 'timestamp', 'code', 'message'].map(OWN),
);
