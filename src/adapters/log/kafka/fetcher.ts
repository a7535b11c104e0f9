import { setTimeout as sleep } from 'node:timers/promises';
import { protocolError } from '../../kafka/errors.js';
import { leaders } from '../../kafka/offsets.js';
import type { Cluster, FetchedRecord } from '../../kafka/vendor.js';

export interface FetchSource {
  readonly topic: string;
  /** The partitions to read now and from where; those that are left out are paused. */
  wanted(): Iterable<readonly [partition: number, offset: bigint]>;
  /** Records at or above the offset that was asked for; none when the partition's end was reached. */
  records(partition: number, records: readonly FetchedRecord[], highWatermark: bigint): void;
  /** The offset does not exist. Nothing is reset: the partition is to be given up. */
  outOfRange(partition: number, offset: bigint): void;
}

/** How long a broker may wait for something to send; also how soon a partition that was paused is asked for again. */
const MAX_WAIT_MS = 250;
const PARTITION_BYTES = 1 << 20;
const REQUEST_BYTES = 8 << 20;
const PAUSE_MS = 500;

/**
 * Reads partitions from their leaders, a loop a broker, until the signal aborts. Whatever fails is asked for again after a
 * pause; partitions of a request that failed are asked for one by one, so that one's error leaves the others running.
 */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #source: FetchSource;
  readonly #signal: AbortSignal;
  readonly #loops = new Map<number, Promise<void>>();
  /** Partitions whose last request failed, and until when they rest (ms). */
  readonly #resting = new Map<number, number>();
  #leaders = new Map<number, number>();
  #stale = true;
  #wake: (() => void) | undefined;

  constructor(cluster: Cluster, source: FetchSource, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#source = source;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.wake(), { once: true });
  }

  /** Something may be wanted that was not. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      if (this.#stale) await this.#refresh();
      for (const node of new Set(this.#leaders.values())) {
        if (this.#loops.has(node) || this.#of(node).length === 0) continue;
        const loop = this.#loop(node).finally(() => {
          this.#loops.delete(node);
          this.wake();
        });
        this.#loops.set(node, loop);
      }
      const timer = setTimeout(() => this.wake(), PAUSE_MS);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      clearTimeout(timer);
    }
  }

  async #refresh(): Promise<void> {
    try {
      const found = await leaders(this.#cluster, this.#source.topic);
      this.#leaders = found ?? new Map<number, number>();
      this.#stale = found === undefined;
    } catch {
      // Asked again after the pause of `run`.
      await this.#cluster.refreshMetadata().catch(() => undefined);
    }
  }

  #of(node: number): (readonly [number, bigint])[] {
    const now = Date.now();
    return [...this.#source.wanted()].filter(
      ([partition]) => this.#leaders.get(partition) === node && (this.#resting.get(partition) ?? 0) <= now,
    );
  }

  async #loop(node: number): Promise<void> {
    while (!this.#signal.aborted) {
      const wanted = this.#of(node);
      if (wanted.length === 0) return;
      if (await this.#fetch(node, wanted, MAX_WAIT_MS)) continue;
      if (wanted.length > 1) for (const one of wanted) await this.#fetch(node, [one], 1);
      this.#stale = true;
      await sleep(PAUSE_MS, undefined, { signal: this.#signal }).catch(() => undefined);
      return;
    }
  }

  /** @returns false when it failed */
  async #fetch(node: number, wanted: readonly (readonly [number, bigint])[], maxWaitTime: number): Promise<boolean> {
    const { topic } = this.#source;
    try {
      const broker = await this.#cluster.findBroker({ nodeId: node });
      const { responses } = await broker.fetch({
        replicaId: -1,
        isolationLevel: 1,
        maxWaitTime,
        minBytes: 1,
        maxBytes: REQUEST_BYTES,
        topics: [
          {
            topic,
            partitions: wanted.map(([partition, offset]) => ({
              partition,
              fetchOffset: offset.toString(),
              maxBytes: PARTITION_BYTES,
            })),
          },
        ],
      });
      if (this.#signal.aborted) return true;
      const from = new Map(wanted);
      for (const { partition, messages, highWatermark } of responses.flatMap((each) => each.partitions)) {
        this.#resting.delete(partition);
        const first = from.get(partition)!;
        // A batch comes whole, also what lies before the offset.
        const fresh = messages.filter((each) => !each.isControlRecord && BigInt(each.offset) >= first);
        this.#source.records(partition, fresh, BigInt(highWatermark));
      }
      return true;
    } catch (error) {
      if (this.#signal.aborted) return true;
      const failure = error as { name?: string; partition?: number; host?: string; port?: number };
      if (failure.name === 'KafkaJSOffsetOutOfRange' || protocolError(error) === 'OFFSET_OUT_OF_RANGE') {
        const partition = wanted.length === 1 ? wanted[0]![0] : failure.partition;
        const asked = wanted.find(([each]) => each === partition);
        if (asked) {
          this.#source.outOfRange(asked[0], asked[1]);
          return true;
        }
      }
      if (failure.host !== undefined && failure.port !== undefined) {
        this.#cluster.removeBroker({ host: failure.host, port: failure.port });
      }
      if (wanted.length === 1) this.#resting.set(wanted[0]![0], Date.now() + PAUSE_MS);
      return false;
    }
  }
}
