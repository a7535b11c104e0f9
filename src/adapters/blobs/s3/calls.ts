import type { S3Client } from '@aws-sdk/client-s3';
import { throwIfAborted } from '../../../core/errors.js';
import type { Clock } from '../../../core/ports/clock.js';
import { backoffMs } from '../../../runtime/backoff.js';
import { systemClock } from '../../../runtime/clock.js';
import { failureOf, typedError, type Failure, type Operation } from './errors.js';
import type { S3BlobOptions } from './options.js';

const BACKOFF = { baseMs: 100, capMs: 5_000 };
const MAX_WAIT_MS = 20_000;

export interface Attempt {
  /** Aborted when the caller gives up or the time is over. */
  readonly abortSignal: AbortSignal;
  /** From 1. */
  readonly number: number;
  /** The answer has begun: its body has its own limit. */
  answered(): void;
}

export interface CallOptions<T> {
  readonly signal?: AbortSignal | undefined;
  /** Takes a failure for an answer; undefined leaves it one. */
  readonly answer?: (failure: Failure) => T | undefined;
  readonly maxAttempts?: number;
}

/** Sends requests with bounds on attempts, time and waits (errors.ts says what may be tried again). */
export class S3Calls {
  readonly clock: Clock;
  readonly #options: S3BlobOptions;
  readonly #random: () => number;
  /** For messages: the bucket and where it is. */
  readonly #place: string;

  constructor(
    readonly client: S3Client,
    options: S3BlobOptions,
  ) {
    this.#options = options;
    this.clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    const where = options.endpoint === undefined ? options.region : new URL(options.endpoint).host;
    this.#place = `The S3 bucket ${options.bucket} (${where})`;
  }

  /** @throws content_missing, invalid_config, disk_full, cancelled; unavailable when no attempt helped */
  async run<T>(operation: Operation, send: (attempt: Attempt) => Promise<T>, options: CallOptions<T> = {}): Promise<T> {
    const { signal, answer } = options;
    const maxAttempts = options.maxAttempts ?? this.#options.maxAttempts;
    for (let number = 1; ; number += 1) {
      throwIfAborted(signal);
      let failure: Failure;
      try {
        return await this.#attempt(number, send, signal);
      } catch (error) {
        throwIfAborted(signal);
        const found = failureOf(error, this.clock.now());
        if (!found) throw error;
        failure = found;
      }
      const taken = answer?.(failure);
      if (taken !== undefined) return taken;
      const waitMs = backoffMs(number, BACKOFF, this.#random, failure.retryAfterMs);
      const tooLong = waitMs > (this.#options.maxWaitMs ?? MAX_WAIT_MS);
      if (failure.kind !== 'again' || number >= maxAttempts || tooLong) {
        throw typedError(failure, operation, this.#place);
      }
      await this.clock.sleep(waitMs, signal).catch((error: unknown) => {
        throwIfAborted(signal);
        throw error;
      });
    }
  }

  async #attempt<T>(
    number: number,
    send: (attempt: Attempt) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const controller = new AbortController();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      controller.abort();
    }, this.#options.requestTimeoutMs);
    const stop = (): void => controller.abort();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await send({ abortSignal: controller.signal, number, answered: () => clearTimeout(timer) });
    } catch (error) {
      if (late) throw Object.assign(new Error('no answer in time'), { name: 'TimeoutError' });
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  }
}
