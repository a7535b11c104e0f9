import { expireLetters } from '../../pipelines/retention/letters.js';
import { forgetTombstones } from '../../pipelines/retention/tombstones.js';
import type { Config } from '../core/config.js';
import { streamOf } from '../core/generation.js';
import type { Clock } from '../core/ports/clock.js';
import type { Storage } from './storage.js';
import type { OperationParts } from './surface/operations.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const PAGE = 200;

export interface RetentionParts {
  readonly storage: Storage;
  readonly config: Config;
  readonly clock: Pick<Clock, 'now'>;
  /** Replays of dead letters under way. */
  readonly replaying: () => number;
  readonly quietly: OperationParts['quietly'];
}

/** What is kept for a while only. */
export interface Retained {
  readonly name: 'revisions' | 'jobs' | 'idempotency' | 'log' | 'letters' | 'tombstones';
  /** How often it is looked at, in milliseconds. */
  readonly everyMs: number;
  /** Removes what is past its time. @returns how many went */
  expire(signal: AbortSignal): Promise<number>;
}

/** Everything with a stated time to stay, in the order in which one may wait for another. */
export function retained(parts: RetentionParts): Retained[] {
  const { storage, config, clock, replaying, quietly } = parts;
  const { catalog, log } = storage;
  const { retention } = config;
  const ago = (days: number): string => new Date(clock.now() - days * DAY).toISOString();
  const everywhere = async (of: (collection: { tenant: string; name: string }) => Promise<number>): Promise<number> => {
    let sum = 0;
    for (const collection of await catalog.collections.list()) sum += await of(collection);
    return sum;
  };
  return [
    {
      name: 'revisions',
      everyMs: 10 * MINUTE,
      expire: () => expireRevisions(storage, ago(retention.revisionDays)),
    },
    { name: 'jobs', everyMs: 60 * MINUTE, expire: () => catalog.jobs.prune(ago(retention.jobDays)) },
    { name: 'idempotency', everyMs: 60 * MINUTE, expire: () => catalog.idempotency.prune(ago(0)) },
    {
      name: 'log',
      everyMs: 60 * MINUTE,
      expire: () => everywhere(({ tenant, name }) => log.trim(streamOf(tenant, name), ago(retention.logDays))),
    },
    {
      name: 'letters',
      everyMs: 60 * MINUTE,
      expire: (signal) =>
        everywhere(({ tenant, name }) =>
          expireLetters(log.deadLetters, streamOf(tenant, name), ago(retention.deadLetterDays), signal),
        ),
    },
    {
      name: 'tombstones',
      everyMs: 60 * MINUTE,
      expire: (signal) =>
        everywhere((collection) =>
          quietly(collection, signal, (inner) =>
            forgetTombstones({ ...catalog, log, clock }, collection, {
              before: ago(retention.tombstoneDays),
              inFlight: () => replaying() > 0,
              signal: inner,
            }),
          ),
        ),
    },
  ];
}

/** Texts of replaced revisions, kept so long that citations could be checked. */
async function expireRevisions({ catalog, blobs }: Storage, replacedBefore: string): Promise<number> {
  let removed = 0;
  for (;;) {
    const expired = await catalog.revisions.takeExpired(replacedBefore, PAGE);
    for (const record of expired) await blobs.delete(record.parsed);
    removed += expired.length;
    if (expired.length < PAGE) return removed;
  }
}
