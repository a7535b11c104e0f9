import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaPartition } from './partition.js';

interface Waiting {
  readonly next: bigint;
  resolve(): void;
}

interface Pending {
  next: bigint;
  readonly waiting: Waiting[];
}

const RETRY_MS = 200;

/**
 * Commits of one member. One request is under way at a time and carries whatever was acked meanwhile. While the group
 * rebalances nothing is sent: only then is it known which partitions are still ours. What belongs to a partition that was
 * revoked is dropped, and whoever waits for it is released.
 */
export class Committer {
  readonly #send: (offsets: ReadonlyMap<number, bigint>) => Promise<void>;
  readonly #pending = new Map<KafkaPartition, Pending>();
  #held = true;
  #running: Promise<void> | undefined;

  /** @param send @throws whatever may be tried again; when the group rebalances, after `hold` was called */
  constructor(send: (offsets: ReadonlyMap<number, bigint>) => Promise<void>) {
    this.#send = send;
  }

  /** Resolves when recorded, or when the partition is no longer ours. */
  commit(source: KafkaPartition, next: bigint): Promise<void> {
    if (source.revoked.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const pending = this.#pending.get(source) ?? { next, waiting: [] };
      this.#pending.set(source, pending);
      if (next > pending.next) pending.next = next;
      pending.waiting.push({ next, resolve });
      this.#start();
    });
  }

  /** Sends nothing from now on. @returns once what is under way has ended */
  async hold(): Promise<void> {
    this.#held = true;
    await this.#running;
  }

  /** The assignment is known: partitions that were revoked must have been dropped. */
  release(): void {
    this.#held = false;
    this.#start();
  }

  drop(source: KafkaPartition): void {
    const pending = this.#pending.get(source);
    this.#pending.delete(source);
    for (const each of pending?.waiting ?? []) each.resolve();
  }

  /** Resolves when nothing is pending, or can't be sent now. */
  async flushed(): Promise<void> {
    await this.#running;
  }

  #start(): void {
    if (this.#held || this.#pending.size === 0) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.#start();
    });
  }

  async #run(): Promise<void> {
    while (!this.#held && this.#pending.size > 0) {
      const batch = [...this.#pending].map(([source, { next }]) => ({ source, next }));
      try {
        await this.#send(new Map(batch.map(({ source, next }) => [source.partition, next])));
      } catch {
        // Unanswered or refused for now: tried again with what has come meanwhile, or after the rebalance.
        if (!this.#held) await sleep(RETRY_MS);
        continue;
      }
      for (const { source, next } of batch) this.#recorded(source, next);
    }
  }

  #recorded(source: KafkaPartition, upTo: bigint): void {
    const pending = this.#pending.get(source);
    if (!pending) return;
    const rest: Waiting[] = [];
    for (const each of pending.waiting) {
      if (each.next <= upTo) each.resolve();
      else rest.push(each);
    }
    if (rest.length === 0) this.#pending.delete(source);
    else this.#pending.set(source, { next: pending.next, waiting: rest });
  }
}
