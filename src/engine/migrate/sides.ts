import type { Config } from '../../core/config.js';
import { FootnoteError, asFootnoteError, throwIfAborted } from '../../core/errors.js';
import { consumes, streamOf } from '../../core/generation.js';
import type { Collection } from '../../core/ports/catalog.js';
import { applyAll } from '../apply-all.js';
import { createLogger } from '../logger.js';
import type { EngineOptions } from '../open.js';
import { openEngine } from '../open.js';
import type { Storage, StorageOptions } from '../storage.js';
import { openStorage } from '../storage.js';

/** Tries to apply what is left; only a write that comes in between makes another one necessary. */
const TRIES = 3;

type Wanted = (storage: Storage) => Promise<readonly Pick<Collection, 'tenant' | 'name'>[]>;

export interface SourceRequest {
  readonly wanted: Wanted;
  readonly signal: AbortSignal;
  readonly onApplied: (done: number, total: number) => void;
}

/**
 * Opens the stores of a configuration once everything that they accepted for these collections is applied: what is not is
 * applied first, by an engine of its own. @throws data_in_use, conflict, why it can't be applied
 */
export async function openSettled(
  config: Config,
  options: EngineOptions,
  { wanted, signal, onApplied }: SourceRequest,
): Promise<Storage> {
  for (let attempt = 1; ; attempt += 1) {
    throwIfAborted(signal);
    const storage = await open(config, options);
    let left: string | undefined;
    try {
      left = await unsettled(storage, await wanted(storage));
      if (left === undefined) return storage;
    } catch (error) {
      await storage.close();
      throw error;
    }
    await storage.close();
    if (attempt > TRIES) throw new FootnoteError('conflict', `${left} Let the source come to rest, then try again.`);
    const engine = await openEngine(config, options);
    try {
      await applyAll(engine, signal, onApplied);
    } catch (error) {
      const { code, message } = asFootnoteError(error);
      if (code === 'cancelled') throw error;
      throw new FootnoteError(code, `${left} They can't be applied: ${message}`, { cause: error });
    } finally {
      await engine.close();
    }
  }
}

/**
 * Opens the stores that a collection goes to, with a log of at least this epoch. @throws data_in_use, conflict
 */
export async function openRaised(
  config: Config,
  options: EngineOptions,
  { epoch, owned }: { readonly epoch: number; readonly owned: boolean },
): Promise<Storage> {
  const storage = await open(config, options, { owned });
  try {
    if ((await storage.log.identity()).epoch >= epoch) return storage;
    // Events that were read in one epoch and not committed would come again as those of a newer one.
    const left = await unsettled(storage, await storage.catalog.collections.list());
    if (left !== undefined) {
      throw new FootnoteError(
        'conflict',
        `At the target: ${left} Start its server until footnote status shows no lag, then try again.`,
      );
    }
  } catch (error) {
    await storage.close();
    throw error;
  }
  await storage.close();
  return open(config, options, { owned, epoch });
}

function open(config: Config, { onLost }: EngineOptions, options: StorageOptions = {}): Promise<Storage> {
  return openStorage(config, createLogger(config), { ...options, ...(onLost ? { onLost } : {}) });
}

/** What has been accepted for these collections and is not applied, in words. @throws conflict for jobs under way */
async function unsettled(
  { catalog, log }: Storage,
  collections: readonly Pick<Collection, 'tenant' | 'name'>[],
): Promise<string | undefined> {
  await refuseJobs(catalog, collections);
  if ((await catalog.heads.outbox(1)).length > 0) return 'Accepted writes are not on the log yet.';
  for (const { tenant, name } of collections) {
    // Aside already: it was settled when its migration began, and nobody has worked on it since.
    if (!(await catalog.collections.get(tenant, name))) continue;
    const generations = await catalog.generations.list(tenant, name);
    if (!(await catalog.releases.current(tenant, name))) return `The collection ${name} is still being made.`;
    for (const { id, state } of generations) {
      if (state === 'building' || state === 'draft') return `Generation ${id} of ${name} is still being built.`;
      if (!consumes(state)) continue;
      const lag = await log.lag(streamOf(tenant, name), id);
      if (lag > 0) return `${lag} changes of ${name} are not applied by its generation ${id}.`;
    }
  }
  return undefined;
}

async function refuseJobs(
  { jobs }: Storage['catalog'],
  collections: readonly Pick<Collection, 'tenant' | 'name'>[],
): Promise<void> {
  for (const state of ['queued', 'running', 'paused'] as const) {
    for (let after: string | undefined; ;) {
      const page = await jobs.list({ state, limit: 500, ...(after === undefined ? {} : { after }) });
      for (const { id, kind, tenant, collection } of page) {
        if (!collections.some((each) => each.tenant === tenant && each.name === collection)) continue;
        throw new FootnoteError(
          'conflict',
          `Job ${id} (${kind}) of ${collection ?? ''} has not ended: let a server end it, or cancel it with footnote jobs cancel ${id}.`,
        );
      }
      after = page.at(-1)?.id;
      if (page.length < 500) break;
    }
  }
}
