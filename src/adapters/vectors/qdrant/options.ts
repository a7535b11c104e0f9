import type { Clock } from '../../../core/ports/clock.js';
import type { Backoff } from '../../../runtime/backoff.js';
import { systemClock } from '../../../runtime/clock.js';

export interface QdrantOptions {
  /** `http://` or `https://`, host and port (6333 by default), without a path. */
  readonly url: string;
  readonly apiKey?: string;
  /** A generation's collection is named prefix + generation. */
  readonly prefix: string;
  /** Shards of a new collection. Default: the server's, one a node. */
  readonly shardNumber?: number;
  /** Copies of each shard of a new collection. Default 1. */
  readonly replicationFactor?: number;
  /** Copies that must have applied a write before it counts. Default 1; see docs/decisions/0009-qdrant.md. */
  readonly writeConsistencyFactor?: number;
  /** What a new collection maps from the disk and does not hold in memory. Payloads are on the disk by default. */
  readonly onDisk?: OnDisk;
  /** Compression of a new collection's dense vectors; candidates are scored again with full ones. Default `none`. */
  readonly quantization?: Quantization;
  /** For one request, and for beginning another try of it, in milliseconds. Default 60,000. Never sent to the server. */
  readonly timeoutMs?: number;
  /** Of one request to write, about. Default 1 MiB. */
  readonly maxBatchBytes?: number;
  /** Requests to write at once, of the whole store. Default 4. */
  readonly parallelism?: number;
  /** Connections to the server at most. Default 64. */
  readonly connections?: number;
  /** How long `optimize` waits for the server's optimizers, in milliseconds. Default 30,000. */
  readonly optimizeWaitMs?: number;
  readonly retry?: RetryOptions;
}

export interface OnDisk {
  readonly vectors?: boolean;
  /** The HNSW graph of the dense vectors. */
  readonly graph?: boolean;
  /** The inverted index of the terms. */
  readonly terms?: boolean;
  readonly payload?: boolean;
  /** The indexes that filters use. */
  readonly filters?: boolean;
}

export type Quantization = 'none' | 'scalar' | 'binary';

/** For requests that got no answer, 429 or 5xx. */
export interface RetryOptions {
  /** Requests in all. Default 5. */
  readonly attempts?: number;
  /** Default 100 ms, doubled up to 2 s. */
  readonly backoff?: Backoff;
  /** A longer Retry-After is not waited for but handed to the caller, in milliseconds. Default 10,000. */
  readonly longestWaitMs?: number;
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
}

export type RetrySettings = Required<RetryOptions>;

export function retrySettings(given: RetryOptions = {}): RetrySettings {
  return {
    attempts: given.attempts ?? 5,
    backoff: given.backoff ?? { baseMs: 100, capMs: 2000 },
    longestWaitMs: given.longestWaitMs ?? 10_000,
    clock: given.clock ?? systemClock,
    random: given.random ?? Math.random,
  };
}
