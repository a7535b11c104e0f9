import type { Clock } from '../../../core/ports/clock.js';
import type { LogStore, Stream } from './store.js';

interface Pending {
  readonly stream: Stream;
  readonly group: string;
  readonly partition: number;
  next: number;
}

/** How long to wait before commits that failed (a full disk) are tried again. */
const RETRY_MS = 1000;

/** Commits of one turn of the event loop go down in one transaction. */
export class Committer {
  readonly #store: LogStore;
  readonly #clock: Clock;
  readonly #pending = new Map<string, Pending>();
  readonly #closed = new AbortController();
  #flushing: Promise<void> | undefined;
  #retrying = false;

  constructor(store: LogStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Resolves when recorded. What fails stays pending and is tried again. */
  commit(stream: Stream, group: string, partition: number, next: number): Promise<void> {
    const key = `${stream.id} ${partition} ${group}`;
    const known = this.#pending.get(key);
    if (known) known.next = Math.max(known.next, next);
    else this.#pending.set(key, { stream, group, partition, next });
    this.#flushing ??= new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        this.#flushing = undefined;
        try {
          this.flush();
          resolve();
        } catch (error) {
          this.#retryLater();
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
    return this.#flushing;
  }

  /** Writes what is pending, now. */
  flush(): void {
    if (this.#pending.size === 0) return;
    this.#store.commit([...this.#pending.values()]);
    this.#pending.clear();
  }

  /** Drops what is pending of a stream or group that is being dropped. */
  forget(stream: Stream, group?: string): void {
    for (const [key, pending] of this.#pending) {
      if (pending.stream.id === stream.id && (group === undefined || pending.group === group))
        this.#pending.delete(key);
    }
  }

  close(): void {
    this.#closed.abort();
    this.flush();
  }

  /** Writes what is pending where it can; otherwise later. Without it only redelivery follows. */
  tryFlush(): void {
    try {
      this.flush();
    } catch {
      // The cause reaches whoever acks next; what is pending stays so.
      this.#retryLater();
    }
  }

  #retryLater(): void {
    if (this.#retrying) return;
    this.#retrying = true;
    // Rejects only when the log is closed, which flushes by itself.
    void this.#clock.sleep(RETRY_MS, this.#closed.signal).then(
      () => {
        this.#retrying = false;
        this.tryFlush();
      },
      () => undefined,
    );
  }
}
