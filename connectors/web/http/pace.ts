import { setTimeout as sleep } from 'node:timers/promises';
import { FootnoteError } from '../../../src/core/errors.js';

/** Spreads the requests to each host: one every so many milliseconds, in the order they were asked for. */
export class Pace {
  readonly #next = new Map<string, number>();

  /** @param everyMs between two requests to one host, in milliseconds */
  constructor(private readonly everyMs: number) {}

  /** @param atLeastMs the host's own wish (Crawl-delay); the longer of the two is kept. @throws FootnoteError cancelled */
  async turn(host: string, atLeastMs: number, signal: AbortSignal): Promise<void> {
    const now = performance.now();
    const at = Math.max(now, this.#next.get(host) ?? 0);
    this.#next.set(host, at + Math.max(this.everyMs, atLeastMs));
    if (at <= now) return;
    try {
      await sleep(at - now, undefined, { signal });
    } catch (cause) {
      throw new FootnoteError('cancelled', 'Reading was cancelled.', { cause });
    }
  }
}
