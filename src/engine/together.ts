import { hostname } from 'node:os';
import { forgetDeleted } from '../../pipelines/verify/cache.js';
import { FootnoteError } from '../core/errors.js';
import type { Clock } from '../core/ports/clock.js';
import { Fleet } from '../services/fleet.js';
import type { JobRunner } from '../services/jobs.js';
import type { Consumers } from './consumers.js';
import type { Role } from './roles.js';
import type { Storage } from './storage.js';

/** Between two looks at what other processes made, released, dropped, and began. */
const LOOK_MS = 1000;
/** Between two looks at what was deleted; the cache of each process holds vectors of documents that others delete. */
const CACHE_MS = 30_000;
/** How long a replay waits for a repair of its collection. */
const QUIET_WAIT_MS = 10_000;

export interface TogetherParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly version: string;
  readonly consumers: () => Consumers;
  readonly keepsSources: () => boolean;
  readonly onFailure: (error: unknown) => void;
}

/** This process among those that work on the same servers; undefined where it is alone on its stores. */
export function createFleet(parts: TogetherParts, role: Role): Fleet | undefined {
  const { storage, clock, version, onFailure } = parts;
  if (!storage.shared) return undefined;
  const { processes, leases } = storage.catalog;
  const tell = () => ({
    host: hostname(),
    pid: process.pid,
    version,
    keepsSources: parts.keepsSources(),
    problems: parts.consumers().problems(),
  });
  return new Fleet({ processes, leases, clock, tell, onFailure }, role);
}

/** Follows what the other processes do until the signal aborts. */
export async function followOthers(
  parts: Pick<TogetherParts, 'storage' | 'clock' | 'onFailure'> & {
    readonly fleet: Fleet;
    readonly consumers: Consumers;
    readonly jobs: JobRunner;
  },
  signal: AbortSignal,
): Promise<void> {
  const every = async (ms: number, look: () => Promise<void>): Promise<void> => {
    while (!signal.aborted) {
      await look().catch((error: unknown) => {
        if (!signal.aborted) parts.onFailure(error);
      });
      await parts.clock.sleep(ms, signal).catch(() => undefined);
    }
  };
  const { catalog, cache } = parts.storage;
  let deletions: string | undefined;
  await Promise.all([
    parts.fleet.run(signal),
    every(LOOK_MS, async () => {
      const wanted = await catalog.generations.consuming();
      if (signal.aborted) return;
      parts.consumers.reconcile(wanted);
      await parts.jobs.share();
    }),
    every(CACHE_MS, async () => {
      deletions = await forgetDeleted({ heads: catalog.heads, cache, clock: parts.clock }, deletions, signal);
    }),
  ]);
}

/** Keeps a replay of dead letters and what removes points without a row away from each other (design.md, section 4). */
export async function quietly<T>(
  fleet: Fleet | undefined,
  collection: { readonly tenant: string; readonly name: string },
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (!fleet) return work(signal);
  const done = await fleet.alone(`quiet:${collection.tenant}/${collection.name}`, QUIET_WAIT_MS, signal, work);
  if (done) return done.result;
  throw new FootnoteError(
    'unavailable',
    `Another process repairs ${collection.name}, or replays its dead letters: try again in a moment.`,
    { retryAfter: 30 },
  );
}
