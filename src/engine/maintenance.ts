import { asFootnoteError } from '../core/errors.js';
import type { Config } from '../core/config.js';
import { streamOf } from '../core/generation.js';
import type { Clock } from '../core/ports/clock.js';
import type { Logger } from './logger.js';
import type { Storage } from './storage.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const PAGE = 200;

/** What is done every so often, and how often in milliseconds. */
interface Task {
  readonly name: string;
  readonly everyMs: number;
  run(signal: AbortSignal): Promise<void>;
}

/** Keeps the stated retention times and the store fast; one task after another, in the background. */
export async function runMaintenance(
  parts: {
    storage: Storage;
    config: Config;
    clock: Clock;
    logger: Logger;
    repair: (signal: AbortSignal) => Promise<void>;
    dropRetired: () => Promise<void>;
  },
  signal: AbortSignal,
): Promise<void> {
  const { storage, config, clock, logger } = parts;
  const ago = (ms: number): string => new Date(clock.now() - ms).toISOString();
  const tasks: Task[] = [
    {
      name: 'revisions',
      everyMs: 10 * MINUTE,
      run: () => expireRevisions(storage, ago(config.retention.revisionDays * DAY)),
    },
    {
      name: 'jobs',
      everyMs: 60 * MINUTE,
      run: async () => void (await storage.catalog.jobs.prune(ago(config.retention.jobDays * DAY))),
    },
    {
      name: 'idempotency',
      everyMs: 60 * MINUTE,
      run: async () => void (await storage.catalog.idempotency.prune(ago(0))),
    },
    { name: 'log', everyMs: 60 * MINUTE, run: () => trimLogs(storage, ago(config.retention.logDays * DAY)) },
    { name: 'vectors', everyMs: 10 * MINUTE, run: (stop) => optimize(storage, stop) },
    { name: 'repair', everyMs: 6 * 60 * MINUTE, run: parts.repair },
    { name: 'generations', everyMs: 10 * MINUTE, run: parts.dropRetired },
  ];
  const due = new Map(tasks.map((task) => [task, clock.now() + Math.min(task.everyMs, MINUTE)]));
  while (!signal.aborted) {
    try {
      await clock.sleep(MINUTE / 6, signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    for (const task of tasks) {
      if (signal.aborted || clock.now() < due.get(task)!) continue;
      due.set(task, clock.now() + task.everyMs);
      try {
        await task.run(signal);
      } catch (error) {
        if (signal.aborted) return;
        const reason = asFootnoteError(error);
        logger.warn({ task: task.name, code: reason.code, reason: reason.message }, 'maintenance failed');
      }
    }
  }
}

/** Texts of replaced revisions, kept so long that citations could be checked. */
async function expireRevisions({ catalog, blobs }: Storage, replacedBefore: string): Promise<void> {
  for (;;) {
    const expired = await catalog.revisions.takeExpired(replacedBefore, PAGE);
    for (const record of expired) await blobs.delete(record.parsed);
    if (expired.length < PAGE) return;
  }
}

async function trimLogs({ catalog, log }: Storage, olderThan: string): Promise<void> {
  for (const { tenant, name } of await catalog.collections.list()) await log.trim(streamOf(tenant, name), olderThan);
}

async function optimize({ catalog, vectors }: Storage, signal: AbortSignal): Promise<void> {
  for (const { tenant, name } of await catalog.collections.list()) {
    for (const generation of await catalog.generations.list(tenant, name)) {
      if (generation.state === 'draft' || generation.state === 'dropped') continue;
      await vectors.optimize(generation.id, signal);
    }
  }
}
