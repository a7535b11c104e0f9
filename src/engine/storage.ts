import './quiet-store.js';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openSqliteVectorCache } from '../adapters/cache/sqlite/index.js';
import type { Config } from '../core/config.js';
import { asFootnoteError } from '../core/errors.js';
import type { VectorCache } from '../core/ports/cache.js';
import type { Catalog } from '../core/ports/catalog.js';
import type { EventLog } from '../core/ports/log.js';
import type { VectorStore } from '../core/ports/vectors.js';
import { systemClock } from '../runtime/clock.js';
import { type DataDirectory, lockDataDirectory } from '../runtime/data-lock.js';
import { checkLogIdentity } from '../services/log-identity.js';
import { CUT_FOLDER } from './backup/cut.js';
import { HeldBlobs } from './backup/held-blobs.js';
import { finishRestoring } from './backup/restore.js';
import type { Logger } from './logger.js';
import { becomeSole } from './sole.js';
import { isEmbedded, isShared, openBlobs, openCatalog, openLog, openVectors, type OpenedVectors } from './stores.js';

export interface Storage {
  readonly directory: string;
  readonly catalog: Catalog;
  readonly log: EventLog;
  readonly blobs: HeldBlobs;
  readonly cache: VectorCache;
  readonly vectors: VectorStore;
  /** Copies the files of a generation; undefined where its store keeps its own. */
  readonly snapshotVectors: OpenedVectors['snapshot'];
  /** Everything lies in the directory, and this process alone owns it. */
  readonly embedded: boolean;
  /** Nothing that others need lies in the directory: several processes work on the stores. */
  readonly shared: boolean;
  close(): Promise<void>;
}

/** Processes of one machine that share a data directory. */
const MOST_PROCESSES = 64;

/** On servers each process has a folder of its own, for its cache and its connectors' files: the first that is free. */
async function lockOneOf(data: string): Promise<DataDirectory> {
  for (let n = 1; ; n += 1) {
    try {
      return await lockDataDirectory(join(data, 'processes', String(n)));
    } catch (error) {
      if (asFootnoteError(error).code !== 'data_in_use' || n >= MOST_PROCESSES) throw error;
    }
  }
}

/**
 * Opens everything that the data directory holds, and owns it until closed.
 * @param onLost another process has taken the catalog over
 * @throws data_in_use, data_newer, data_corrupt, read_only, disk_full, log_mismatch
 */
export async function openStorage(
  config: Config,
  logger: Logger,
  onLost: () => void = () => undefined,
): Promise<Storage> {
  const shared = isShared(config);
  const lock = shared ? await lockOneOf(config.data) : await lockDataDirectory(config.data);
  const directory = lock.path;
  const closers: (() => Promise<void>)[] = [() => lock.release()];
  const close = async (): Promise<void> => {
    // Each, also when a server that is gone lets one fail; the first failure is told.
    let failure: { error: unknown } | undefined;
    for (const each of closers.splice(0).reverse()) await each().catch((error: unknown) => (failure ??= { error }));
    if (failure) throw failure.error;
  };
  try {
    const below = (name: string): string => join(directory, name);
    const catalog = await openCatalog(config, logger);
    closers.push(() => catalog.close());
    if (config.stores.catalog.kind === 'sqlite') {
      // The directory is ours alone: whoever held a lease in it died, and nobody should have to wait for it.
      await catalog.leases.endAll();
    } else if (!shared) {
      const sole = await becomeSole(catalog.leases, systemClock, onLost);
      closers.push(() => sole.release());
    }
    const log = await openLog(config);
    closers.push(() => log.close());
    await checkLogIdentity(log, catalog);
    // What a backup was being made of when an earlier process ended.
    await rm(below(CUT_FOLDER), { recursive: true, force: true });
    const { store, close: closeBlobs } = await openBlobs(config);
    closers.push(async () => closeBlobs());
    const blobs = new HeldBlobs(store);
    const cache = openSqliteVectorCache(below('cache.db'), { maxBytes: config.embedding.cacheBytes });
    closers.push(async () => cache.close());
    const { store: vectors, snapshot: snapshotVectors } = await openVectors(config, logger);
    closers.push(() => vectors.close());
    const embedded = isEmbedded(config);
    const storage = { directory, embedded, shared, catalog, log, blobs, cache, vectors, snapshotVectors, close };
    await finishRestoring(storage);
    return storage;
  } catch (error) {
    await close();
    throw error;
  }
}
