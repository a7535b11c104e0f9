import './quiet-store.js';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openSqliteVectorCache } from '../adapters/cache/sqlite/index.js';
import type { Config } from '../core/config.js';
import type { VectorCache } from '../core/ports/cache.js';
import type { Catalog } from '../core/ports/catalog.js';
import type { EventLog } from '../core/ports/log.js';
import type { VectorStore } from '../core/ports/vectors.js';
import { systemClock } from '../runtime/clock.js';
import { lockDataDirectory } from '../runtime/data-lock.js';
import { checkLogIdentity } from '../services/log-identity.js';
import { CUT_FOLDER } from './backup/cut.js';
import { HeldBlobs } from './backup/held-blobs.js';
import { finishRestoring } from './backup/restore.js';
import type { Logger } from './logger.js';
import { becomeSole } from './sole.js';
import { isEmbedded, openBlobs, openCatalog, openLog, openVectors, type OpenedVectors } from './stores.js';

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
  close(): Promise<void>;
}

export interface StorageOptions {
  /** Another process has taken the catalog over. */
  readonly onLost?: () => void;
  /** The log's epoch is raised to this; only when nothing of it is still to be applied. */
  readonly epoch?: number;
  /** This process owns the data directory already. */
  readonly owned?: boolean;
}

/**
 * Opens everything that the data directory holds, and owns it until closed.
 * @throws data_in_use, data_newer, data_corrupt, read_only, disk_full, log_mismatch
 */
export async function openStorage(config: Config, logger: Logger, options: StorageOptions = {}): Promise<Storage> {
  const { onLost = () => undefined, epoch, owned = false } = options;
  const lock = owned ? undefined : await lockDataDirectory(config.data);
  const closers: (() => Promise<void>)[] = [async () => lock?.release()];
  const close = async (): Promise<void> => {
    // Each, also when a server that is gone lets one fail; the first failure is told.
    let failure: { error: unknown } | undefined;
    for (const each of closers.splice(0).reverse()) await each().catch((error: unknown) => (failure ??= { error }));
    if (failure) throw failure.error;
  };
  try {
    const below = (name: string): string => join(config.data, name);
    const catalog = await openCatalog(config, logger);
    closers.push(() => catalog.close());
    if (config.stores.catalog.kind === 'sqlite') {
      // The directory is ours alone: whoever held a lease in it died, and nobody should have to wait for it.
      await catalog.leases.endAll();
    } else {
      const sole = await becomeSole(catalog.leases, systemClock, onLost);
      closers.push(() => sole.release());
    }
    const log = await openLog(config, epoch);
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
    const directory = config.data;
    const storage = { directory, embedded, catalog, log, blobs, cache, vectors, snapshotVectors, close };
    await finishRestoring(storage);
    return storage;
  } catch (error) {
    await close();
    throw error;
  }
}
