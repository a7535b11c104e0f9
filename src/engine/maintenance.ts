import { asFootnoteError } from '../core/errors.js';
import type { Clock } from '../core/ports/clock.js';
import type { Logger } from './logger.js';
import type { Retained } from './retention.js';
import type { Fleet } from '../services/fleet.js';
import type { Storage } from './storage.js';

const MINUTE = 60_000;

export interface MaintenanceParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retained: readonly Retained[];
  /** Checks every collection and mends what may be mended. @returns how much was repaired */
  readonly repair: (signal: AbortSignal) => Promise<number>;
  readonly dropRetired: () => Promise<void>;
  /** Finishes what crashes left half done. */
  readonly tidy: () => Promise<void>;
  /** The processes among which one at a time does each of these things. */
  readonly fleet?: Fleet;
}

/** What is done every so often, and how often in milliseconds. */
interface Task {
  readonly name: string;
  readonly everyMs: number;
  run(signal: AbortSignal): Promise<unknown>;
}

/** Keeps the stated retention times and the store fast; one task after another, in the background. */
export async function runMaintenance(parts: MaintenanceParts, signal: AbortSignal): Promise<void> {
  const { clock, logger } = parts;
  const tasks: Task[] = [
    ...parts.retained.map((each) => ({
      ...each,
      run: async (stop: AbortSignal) => {
        const removed = await each.expire(stop);
        if (removed > 0) logger.info({ task: each.name, removed }, 'retention');
      },
    })),
    { name: 'vectors', everyMs: 10 * MINUTE, run: (stop) => optimize(parts.storage, stop) },
    { name: 'repair', everyMs: 6 * 60 * MINUTE, run: parts.repair },
    { name: 'generations', everyMs: 10 * MINUTE, run: parts.dropRetired },
    // Of a process that died beside others; who is alone does it at the start.
    ...(parts.fleet ? [{ name: 'tidy', everyMs: MINUTE, run: parts.tidy }] : []),
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
        await inTurn(parts, task, signal);
      } catch (error) {
        if (signal.aborted) return;
        const reason = asFootnoteError(error);
        logger.warn({ task: task.name, code: reason.code, reason: reason.message }, 'maintenance failed');
      }
    }
  }
}

/** Beside other processes: when it is due for all of them, and no other is at it. */
async function inTurn({ fleet, storage, clock }: MaintenanceParts, task: Task, signal: AbortSignal): Promise<void> {
  if (!fleet) return void (await task.run(signal));
  const { meta } = storage.catalog;
  const last = `maintenance.${task.name}`;
  await fleet.alone(last, 0, signal, async (inner) => {
    const before = await meta.get(last);
    if (before !== undefined && Date.parse(before) > clock.now() - task.everyMs) return;
    await task.run(inner);
    await meta.set(last, new Date(clock.now()).toISOString());
  });
  await fleet.forgetDead();
}

/** What one round removed, by what it was. */
export type MaintenanceReport = Readonly<Record<Retained['name'] | 'repaired', number>>;

/** A round of everything, now: what retention is over goes, what crashes left is removed, tables are made compact. */
export async function maintainNow(
  parts: Omit<MaintenanceParts, 'clock' | 'logger'>,
  signal: AbortSignal,
  afterStep: (done: number, total: number) => Promise<void>,
): Promise<MaintenanceReport> {
  const report: Partial<Record<Retained['name'] | 'repaired', number>> = {};
  const total = parts.retained.length + 3;
  let done = 0;
  const step = async (run: () => Promise<void>): Promise<void> => {
    await run();
    await afterStep((done += 1), total);
  };
  await step(async () => void (report.repaired = await parts.repair(signal)));
  for (const each of parts.retained) {
    await step(async () => void (report[each.name] = await each.expire(signal)));
  }
  await step(async () => {
    await parts.tidy();
    await parts.dropRetired();
  });
  await step(() => optimize(parts.storage, signal));
  return report as MaintenanceReport;
}

async function optimize({ catalog, vectors }: Storage, signal: AbortSignal): Promise<void> {
  for (const { tenant, name } of await catalog.collections.list()) {
    for (const generation of await catalog.generations.list(tenant, name)) {
      if (generation.state === 'draft' || generation.state === 'dropped') continue;
      await vectors.optimize(generation.id, signal);
    }
  }
}
