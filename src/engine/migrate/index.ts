import { setMaxListeners } from 'node:events';
import type { ConfigInput } from '../../core/config.js';
import { parseConfig } from '../../core/config.js';
import { FootnoteError, asFootnoteError } from '../../core/errors.js';
import { systemClock } from '../../runtime/clock.js';
import { noFaults } from '../../runtime/faults.js';
import type { EngineOptions } from '../open.js';
import type { Storage } from '../storage.js';
import { copyKeys } from './copy.js';
import type { MigrationStep, MovedCollection } from './move.js';
import { moveCollection } from './move.js';
import { noteOf, readNote } from './note.js';
import { refuseShared } from './shared.js';
import { openRaised, openSettled } from './sides.js';

export { discardMigrated, listMigrations, undoMigration } from './back.js';
export type { AsideView } from './back.js';
export type { MigrationStep, MovedCollection } from './move.js';

export interface CollectionAt {
  readonly tenant: string;
  readonly collection: string;
}

export interface MigrateRequest {
  /** Default: all collections of all tenants. */
  readonly only?: CollectionAt;
  /** API keys of their tenants go along. Default: they do. */
  readonly keys?: boolean;
  /** How each side is called in messages. */
  readonly names: { readonly source: string; readonly target: string };
  readonly signal: AbortSignal;
  readonly onProgress?: (step: MigrationStep, collection: string, done: number, total: number) => void;
}

export interface MigrationReport {
  readonly collections: readonly MovedCollection[];
  /** API keys that the target had not. */
  readonly keys: number;
  /** Of the target's log. */
  readonly epoch: number;
}

/**
 * Moves collections from the stores of one configuration to those of another, with their histories and without embedding
 * anything again. Stopped at any point and called again it goes on. Decisions: docs/decisions/0011-migrate.md.
 * @throws invalid_request, data_in_use, already_exists, conflict, collection_moved, collection_not_found, data_corrupt
 */
export async function migrate(
  from: ConfigInput,
  to: ConfigInput,
  request: MigrateRequest,
  options: EngineOptions = {},
): Promise<MigrationReport> {
  const [source, target] = [parseConfig(from), parseConfig(to)];
  const owned = await refuseShared(source, target);
  const { onProgress = () => undefined, names } = request;
  const lost = new AbortController();
  const signal = AbortSignal.any([request.signal, lost.signal]);
  // Every blob that is copied listens.
  setMaxListeners(0, signal);
  const opening: EngineOptions = {
    ...options,
    onLost: () =>
      lost.abort(new FootnoteError('data_in_use', 'Another process has taken over the stores of one side.')),
  };
  const closers: Storage[] = [];
  try {
    const here = await openSettled(source, opening, {
      wanted: (storage) => wanted(storage, request.only),
      signal,
      onApplied: (done, total) => onProgress('changes', '', done, total),
    });
    closers.push(here);
    const { epoch: before, id } = await here.log.identity();
    // Above every version that rows and letters carry, and the log's own rule for applied places (services/log-identity).
    const there = await openRaised(target, opening, { epoch: before + 1, owned });
    closers.push(there);
    const identity = await there.log.identity();
    if (identity.id === id) throw new FootnoteError('invalid_request', 'The target is the source: both have one log.');
    const faults = options.faults ?? noFaults;
    await faults.reach('migrate:opened');
    const moving = await wanted(here, request.only, identity.id);
    const tenants = new Map<string, Promise<number>>();
    const bringKeys = async (tenant: string): Promise<void> => {
      if (!(request.keys ?? true)) return;
      if (!tenants.has(tenant)) tenants.set(tenant, copyKeys(here, there, tenant));
      await tenants.get(tenant);
    };
    const collections: MovedCollection[] = [];
    for (const { tenant, name } of moving) {
      const parts = {
        source: here,
        target: there,
        signal,
        names,
        bringKeys,
        reach: (point: string, about?: string) => faults.reach(point, about),
        now: () => new Date(systemClock.now()).toISOString(),
        onProgress: (step: MigrationStep, done: number, total: number) => onProgress(step, name, done, total),
      };
      collections.push(await moveCollection(parts, tenant, name));
    }
    const keys = (await Promise.all(tenants.values())).reduce((sum, each) => sum + each, 0);
    return { collections, keys, epoch: identity.epoch };
  } catch (error) {
    if (lost.signal.aborted) throw lost.signal.reason;
    if (!signal.aborted) throw asFootnoteError(error);
    throw new FootnoteError('cancelled', 'Stopped: the same command goes on from here.', { cause: error });
  } finally {
    for (const each of closers.reverse()) await each.close();
  }
}

/**
 * Those that are here, those whose migration has begun, and those that were moved to this log.
 * @throws collection_not_found
 */
async function wanted(
  { catalog }: Storage,
  only: CollectionAt | undefined,
  peer?: string,
): Promise<{ readonly tenant: string; readonly name: string }[]> {
  if (only !== undefined) {
    const { tenant, collection: name } = only;
    if (!(await catalog.collections.get(tenant, name)) && !(await noteOf(catalog, tenant, name))) {
      throw new FootnoteError('collection_not_found', `There is no collection ${name} to move.`);
    }
    return [{ tenant, name }];
  }
  const begun = (await catalog.collections.listAside()).filter((aside) => {
    const note = readNote(aside);
    return note.state === 'leaving' || (note.state === 'left' && note.peer === peer);
  });
  return [...begun.map(({ collection }) => collection), ...(await catalog.collections.list())];
}
