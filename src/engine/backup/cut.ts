import { once } from 'node:events';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { FootnoteError, asFootnoteError, throwIfAborted } from '../../core/errors.js';
import type { Position } from '../../core/event.js';
import { streamOf } from '../../core/generation.js';
import { builtEntry } from '../../runtime/entry.js';
import type { Snapshot } from '../../workers/snapshot.js';
import type { Storage } from '../storage.js';

/** Where a cut is laid out before it is copied; in the data directory, so that files can be linked. */
export const CUT_FOLDER = 'cut';
const HOLD = 'backup';
const ATTEMPTS = 5;

export interface GroupStart {
  readonly stream: string;
  readonly group: string;
  readonly positions: readonly Position[];
}

export interface Cut {
  readonly folder: string;
  /** Commits from before the catalog was copied: whatever was applied since is in the log, and is applied again. */
  readonly groups: readonly GroupStart[];
}

/**
 * Lays out databases and vectors as of one moment, while they are written to: the catalog first, then the vectors, the log
 * last. So the log holds every event that either of the others has seen, and with the commits read before all of that,
 * applying again brings them to the same state: every step of it may be repeated (law 4). Blobs are for the caller to
 * hold. @throws disk_full, unavailable when generations come and go all the time
 */
export async function makeCut(storage: Storage, signal: AbortSignal): Promise<Cut> {
  const { snapshotVectors } = storage;
  if (!storage.embedded || !snapshotVectors) {
    throw new FootnoteError(
      'invalid_request',
      'A backup holds what lies in the data directory, and here servers hold a part of it: back those up with their own tools, the catalog first and the log last (docs/operations.md).',
    );
  }
  const folder = join(storage.directory, CUT_FOLDER);
  for (let attempt = 1; ; attempt += 1) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const groups = await holdGroups(storage);
    try {
      await copyDatabase(join(storage.directory, 'catalog.db'), join(folder, 'catalog.db'));
      throwIfAborted(signal);
      for (const { group } of groups) await snapshotVectors(group, join(folder, 'vectors'));
      throwIfAborted(signal);
      await copyDatabase(join(storage.directory, 'log.db'), join(folder, 'log.db'));
      if (sameGroups(groups, await groupsOf(storage))) return { folder, groups };
    } catch (error) {
      // A generation that was dropped meanwhile.
      if (asFootnoteError(error).code !== 'not_found' || attempt >= ATTEMPTS) throw error;
    } finally {
      await releaseHolds(storage, groups);
    }
    if (attempt >= ATTEMPTS) {
      throw new FootnoteError('unavailable', 'Generations come and go while the backup is made: try again later.');
    }
  }
}

async function holdGroups(storage: Storage): Promise<GroupStart[]> {
  const groups = await groupsOf(storage);
  for (const { stream, group, positions } of groups) await storage.log.hold(stream, `${HOLD}:${group}`, positions);
  return groups;
}

async function releaseHolds(storage: Storage, groups: readonly GroupStart[]): Promise<void> {
  for (const { stream, group } of groups) await storage.log.release(stream, `${HOLD}:${group}`);
}

/** A restored log has the holds that were in force when it was copied. */
export function backupHold(group: string): string {
  return `${HOLD}:${group}`;
}

async function groupsOf({ catalog, log }: Storage): Promise<GroupStart[]> {
  const groups: GroupStart[] = [];
  for (const { tenant, name } of await catalog.collections.list()) {
    const stream = streamOf(tenant, name);
    for (const { id, state } of await catalog.generations.list(tenant, name)) {
      if (state === 'draft' || state === 'dropped') continue;
      groups.push({ stream, group: id, positions: await log.committed(stream, id) });
    }
  }
  return groups;
}

function sameGroups(a: readonly GroupStart[], b: readonly GroupStart[]): boolean {
  const names = (of: readonly GroupStart[]) => of.map(({ group }) => group).join();
  return names(a) === names(b);
}

async function copyDatabase(file: string, target: string): Promise<void> {
  const workerData: Snapshot = { file, target };
  const worker = new Worker(builtEntry(import.meta.url, '../../workers/snapshot.js'), { workerData });
  // `once` rejects when the thread fails.
  await once(worker, 'exit');
  const handle = await open(target, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
