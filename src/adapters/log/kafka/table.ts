import { FootnoteError, throwIfAborted } from '../../../core/errors.js';
import { Coalescer } from '../../../runtime/coalescer.js';
import type { Appender } from './appender.js';
import { mismatch } from './errors.js';
import { Fetcher } from './fetcher.js';
import type { Topics } from './topics.js';
import type { Cluster, FetchedRecord } from '../../kafka/vendor.js';

export interface TableRow {
  readonly key: string;
  /** Undefined: the row was removed. */
  readonly value: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly offset: bigint;
}

/** How often the end of a topic that was compacted may turn out empty before the reader steps over it. */
const EMPTY_READS = 3;

/**
 * A compacted topic of one partition as a table: rows by key, the last one counts. Every process follows it from the
 * beginning; a write returns once this process has seen it, and `sync` reads up to whatever others have written before.
 */
export class Table {
  readonly topic: string;
  readonly #topics: Topics;
  readonly #appender: Appender;
  readonly #apply: (rows: readonly TableRow[]) => void;
  readonly #stop = new AbortController();
  #next = 0n;
  #empty = 0;
  #failure: Error | undefined;
  #waiting: { offset: bigint; resolve: () => void; reject: (error: Error) => void }[] = [];
  #running: Promise<void> | undefined;
  /** Whoever asks while the end is being looked at shares the next look. */
  readonly #syncs = new Coalescer<undefined, void>(
    async (all) => {
      await this.#sync();
      return all.map(() => undefined);
    },
    { most: Infinity },
  );

  constructor(topic: string, topics: Topics, appender: Appender, apply: (rows: readonly TableRow[]) => void) {
    this.topic = topic;
    this.#topics = topics;
    this.#appender = appender;
    this.#apply = apply;
  }

  /** Makes the topic when it is not there, and begins to follow it. */
  async open(cluster: Cluster): Promise<void> {
    if ((await this.#topics.leaders(this.topic)) === undefined) await this.#topics.create(this.topic, 'table', 1);
    const bounds = await this.#topics.bounds(this.topic);
    if (bounds?.low.length !== 1) {
      throw mismatch(`The topic ${this.topic} has ${bounds?.low.length ?? 0} partitions; it is a table and has one.`);
    }
    this.#next = bounds.low[0]!;
    const fetcher = new Fetcher(
      cluster,
      {
        topic: this.topic,
        wanted: () => (this.#failure ? [] : [[0, this.#next]]),
        records: (_, records, high) => this.#records(records, high),
        outOfRange: (_, offset) => this.#fail(mismatch(`Offset ${offset} of the topic ${this.topic} is gone.`)),
      },
      this.#stop.signal,
    );
    this.#running = fetcher.run();
  }

  /** Sets or removes a row. @returns once this process has seen it */
  async write(key: string, value: string | undefined, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.writeAll([{ key, value, headers }]);
  }

  async writeAll(
    rows: readonly { key: string; value: string | undefined; headers?: Readonly<Record<string, string>> }[],
  ): Promise<void> {
    if (rows.length === 0) return;
    const records = rows.map(({ key, value, headers = {} }) => ({
      partition: 0,
      key,
      value: value ?? null,
      headers,
      bytes: Buffer.byteLength(value ?? '') + key.length + JSON.stringify(headers).length + 64,
    }));
    const offsets = await this.#appender.append(this.topic, records);
    await this.#seen(offsets[offsets.length - 1]! + 1n);
  }

  /** Everything that anybody wrote before the call is seen when it returns. */
  sync(): Promise<void> {
    return this.#syncs.ask(undefined);
  }

  async #sync(): Promise<void> {
    const bounds = await this.#topics.bounds(this.topic);
    if (bounds === undefined) throw mismatch(`The topic ${this.topic} is gone.`);
    await this.#seen(bounds.high[0]!);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#end(new FootnoteError('unavailable', 'The log is closed.'));
    await this.#running;
  }

  #seen(offset: bigint): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#next >= offset) return Promise.resolve();
    throwIfAborted(this.#stop.signal);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ offset, resolve, reject });
    });
  }

  #records(records: readonly FetchedRecord[], high: bigint): void {
    try {
      this.#apply(
        records.map((record) => ({
          key: record.key?.toString() ?? '',
          value: record.value?.toString(),
          headers: Object.fromEntries(Object.entries(record.headers).map(([name, text]) => [name, String(text)])),
          offset: BigInt(record.offset),
        })),
      );
    } catch (error) {
      return this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
    const last = records[records.length - 1];
    if (last) this.#next = BigInt(last.offset) + 1n;
    // What stood there was compacted away, up to an end that no record marks any more.
    this.#empty = last || this.#next >= high ? 0 : this.#empty + 1;
    if (this.#empty >= EMPTY_READS) this.#next += 1n;
    this.#waiting = this.#waiting.filter((each) => {
      if (each.offset > this.#next) return true;
      each.resolve();
      return false;
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#end(this.#failure);
  }

  #end(error: Error): void {
    for (const each of this.#waiting.splice(0)) each.reject(error);
  }
}
