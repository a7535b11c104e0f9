import type { Kafka, Producer } from 'kafkajs';
import { FootnoteError } from '../../../core/errors.js';
import { protocolError, UNKNOWN_TOPIC } from '../../kafka/errors.js';
import { kafkaError } from './errors.js';
import type { NewRecord } from './record.js';

interface Request {
  readonly topic: string;
  readonly records: readonly NewRecord[];
  readonly offsets: bigint[];
  resolve(offsets: bigint[]): void;
  reject(error: unknown): void;
}

/** Records a produce request holds at most, over all partitions. */
const MAX_RECORDS = 1000;

/**
 * Appends of one moment share a produce request, in order; one request is under way at a time, so that order and the
 * producer's sequence numbers hold whatever is tried again. A producer that failed is replaced: its sequence is unknown.
 */
export class Appender {
  readonly #kafka: Kafka;
  readonly #maxBytes: number;
  #producer: Promise<Producer> | undefined;
  #queue: Request[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  /** @param maxBytes of a produce request; below the topics' `max.message.bytes` */
  constructor(kafka: Kafka, maxBytes: number) {
    this.#kafka = kafka;
    this.#maxBytes = maxBytes;
  }

  /** @returns offsets in the order of the records, acknowledged by all replicas in sync. @throws not_found when the topic is gone; unavailable */
  append(topic: string, records: readonly NewRecord[]): Promise<bigint[]> {
    if (records.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new FootnoteError('unavailable', 'The log is closed.'));
      this.#queue.push({ topic, records, offsets: [], resolve, reject });
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined;
      });
    });
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    await this.#forget();
  }

  async #run(): Promise<void> {
    // Whoever appends in this turn of the event loop shares the request.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) await this.#flush();
  }

  async #flush(): Promise<void> {
    const parts = this.#next();
    const byTopic = new Map<string, NewRecord[]>();
    for (const { request, records } of parts) {
      const list = byTopic.get(request.topic);
      if (list) list.push(...records);
      else byTopic.set(request.topic, [...records]);
    }
    let bases: Map<string, bigint>;
    try {
      bases = await this.#send(byTopic);
    } catch (error) {
      // An idempotent producer that gave up does not know what arrived.
      await this.#forget();
      const gone = protocolError(error) === UNKNOWN_TOPIC;
      const told = gone
        ? new FootnoteError('not_found', 'The stream was dropped.', { cause: error })
        : kafkaError(error, 'take the changes');
      const failed = new Set(parts.map((part) => part.request));
      this.#queue = this.#queue.filter((request) => !failed.has(request));
      for (const request of failed) request.reject(told);
      return;
    }
    for (const { request, records } of parts) {
      for (const record of records) {
        const place = `${record.partition} ${request.topic}`;
        const offset = bases.get(place)!;
        bases.set(place, offset + 1n);
        request.offsets.push(offset);
      }
      if (request.offsets.length < request.records.length) continue;
      this.#queue.shift();
      request.resolve(request.offsets);
    }
  }

  /** What the next request holds, in order of arrival; the first that does not fit whole ends it. */
  #next(): { request: Request; records: NewRecord[] }[] {
    const parts: { request: Request; records: NewRecord[] }[] = [];
    let count = 0;
    let bytes = 0;
    for (const request of this.#queue) {
      const records: NewRecord[] = [];
      for (let i = request.offsets.length; i < request.records.length; i += 1) {
        const record = request.records[i]!;
        if (count > 0 && (count >= MAX_RECORDS || bytes + record.bytes > this.#maxBytes)) break;
        records.push(record);
        count += 1;
        bytes += record.bytes;
      }
      if (records.length > 0) parts.push({ request, records });
      if (request.offsets.length + records.length < request.records.length) break;
    }
    return parts;
  }

  /** @returns the offset of each partition's first record, by `partition topic` */
  async #send(byTopic: ReadonlyMap<string, readonly NewRecord[]>): Promise<Map<string, bigint>> {
    const producer = await this.#connected();
    const answers = await producer.sendBatch({
      acks: -1,
      topicMessages: [...byTopic].map(([topic, records]) => ({
        topic,
        messages: records.map(({ key, value, headers, partition }) => ({ key, value, headers, partition })),
      })),
    });
    const bases = new Map<string, bigint>();
    for (const { topicName, partition, baseOffset } of answers) {
      bases.set(`${partition} ${topicName}`, BigInt(baseOffset ?? '-1'));
    }
    for (const [topic, records] of byTopic) {
      for (const { partition } of records) {
        const base = bases.get(`${partition} ${topic}`);
        if (base === undefined || base < 0n) throw new Error(`no offset for partition ${partition} of ${topic}`);
      }
    }
    return bases;
  }

  #connected(): Promise<Producer> {
    this.#producer ??= (async () => {
      const producer = this.#kafka.producer({
        idempotent: true,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
        createPartitioner:
          () =>
          ({ message }) =>
            message.partition!,
      });
      await producer.connect();
      return producer;
    })();
    return this.#producer;
  }

  async #forget(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    // One that never connected, or whose connection broke, has nothing left to close.
    await producer?.then((each) => each.disconnect()).catch(() => undefined);
  }
}
