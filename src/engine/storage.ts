import './quiet-store.js';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileBlobs } from '../adapters/blobs/files/index.js';
import { openSqliteVectorCache } from '../adapters/cache/sqlite/index.js';
import { openSqliteCatalog } from '../adapters/catalog/sqlite/index.js';
import { openSqliteLog } from '../adapters/log/sqlite/index.js';
import type { LanceVectorStore } from '../adapters/vectors/lancedb/index.js';
import { openLanceVectors } from '../adapters/vectors/lancedb/index.js';
import type { Config } from '../core/config.js';
import type { VectorCache } from '../core/ports/cache.js';
import type { Catalog } from '../core/ports/catalog.js';
import type { EventLog } from '../core/ports/log.js';
import { lockDataDirectory } from '../runtime/data-lock.js';
import { checkLogIdentity } from '../services/log-identity.js';
import { CUT_FOLDER } from './backup/cut.js';
import { HeldBlobs } from './backup/held-blobs.js';
import { finishRestoring } from './backup/restore.js';
import type { Logger } from './logger.js';

export interface Storage {
  readonly directory: string;
  readonly catalog: Catalog;
  readonly log: EventLog;
  readonly blobs: HeldBlobs;
  readonly cache: VectorCache;
  readonly vectors: LanceVectorStore;
  close(): Promise<void>;
}

/**
 * Opens everything that the data directory holds, and owns it until closed.
 * @throws data_in_use, data_newer, data_corrupt, read_only, disk_full, log_mismatch
 */
export async function openStorage(config: Config, logger: Logger): Promise<Storage> {
  const lock = await lockDataDirectory(config.data);
  const closers: (() => Promise<void>)[] = [() => lock.release()];
  const close = async (): Promise<void> => {
    for (const each of closers.splice(0).reverse()) await each();
  };
  try {
    const below = (name: string): string => join(config.data, name);
    await mkdir(below('vectors'), { recursive: true, mode: 0o700 });
    await mkdir(below('blobs'), { recursive: true, mode: 0o700 });
    const catalog = await openSqliteCatalog(below('catalog.db'));
    closers.push(() => catalog.close());
    // The directory is ours alone: whoever held a lease in it died, and nobody should have to wait for it.
    await catalog.leases.endAll();
    const log = openSqliteLog(below('log.db'), { partitions: config.ingest.partitions });
    closers.push(() => log.close());
    await checkLogIdentity(log, catalog);
    // What a backup was being made of when an earlier process ended.
    await rm(below(CUT_FOLDER), { recursive: true, force: true });
    const blobs = new HeldBlobs(await openFileBlobs(below('blobs')));
    const cache = openSqliteVectorCache(below('cache.db'), { maxBytes: config.embedding.cacheBytes });
    closers.push(async () => cache.close());
    const vectors = await openLanceVectors({
      directory: below('vectors'),
      onMaintenanceError: (generation, error) =>
        logger.warn(
          { generation, reason: error instanceof Error ? error.message : String(error) },
          'store maintenance failed',
        ),
    });
    closers.push(() => vectors.close());
    const storage = { directory: config.data, catalog, log, blobs, cache, vectors, close };
    await finishRestoring(storage);
    return storage;
  } catch (error) {
    await close();
    throw error;
  }
}
