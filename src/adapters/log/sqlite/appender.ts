import type { LogStore, NewEvent } from './store.js';

interface Request {
  readonly events: readonly NewEvent[];
  readonly offsets: number[];
  resolve(offsets: number[]): void;
  reject(error: unknown): void;
}

/** Bounds on one transaction: a few milliseconds of the event loop. */
const MAX_EVENTS = 256;
const MAX_BYTES = 1 << 20;

/** Group commit: appends that arrive in one turn of the event loop share a transaction, in order. */
export class Appender {
  readonly #store: LogStore;
  readonly #appended: (stream: string) => void;
  #queue: Request[] = [];
  #scheduled = false;

  constructor(store: LogStore, appended: (stream: string) => void) {
    this.#store = store;
    this.#appended = appended;
  }

  /** @returns offsets in order, durable */
  append(events: readonly NewEvent[]): Promise<number[]> {
    if (events.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      this.#queue.push({ events, offsets: [], resolve, reject });
      this.#schedule();
    });
  }

  /** Writes whatever waits, now. */
  drain(): void {
    while (this.#queue.length > 0) this.#flush();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  #flush(): void {
    const batch: NewEvent[] = [];
    const parts: { request: Request; count: number }[] = [];
    let bytes = 0;
    for (const request of this.#queue) {
      let count = 0;
      for (const event of request.events.slice(request.offsets.length, request.offsets.length + MAX_EVENTS)) {
        if (batch.length > 0 && (batch.length >= MAX_EVENTS || bytes + event.bytes > MAX_BYTES)) break;
        batch.push(event);
        bytes += event.bytes;
        count += 1;
      }
      if (count > 0) parts.push({ request, count });
      // The first that does not fit whole ends the batch, so that order is kept.
      if (request.offsets.length + count < request.events.length) break;
    }
    if (batch.length === 0) return;
    let offsets: number[];
    try {
      offsets = this.#store.append(batch);
    } catch (error) {
      const failed = new Set(parts.map((part) => part.request));
      this.#queue = this.#queue.filter((request) => !failed.has(request));
      for (const request of failed) request.reject(error);
      return;
    }
    let at = 0;
    for (const { request, count } of parts) {
      request.offsets.push(...offsets.slice(at, at + count));
      at += count;
      if (request.offsets.length < request.events.length) continue;
      this.#queue.shift();
      request.resolve(request.offsets);
    }
    for (const stream of new Set(batch.map((event) => event.stream))) this.#appended(stream);
  }
}
