import './quiet-store.js';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openSqliteVectorCache } from '../adapters/cache/sqlite/index.js';
import type { Config } from '../core/config.js';
import { FootnoteError, asFootnoteError } from '../core/errors.js';
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

export interface StorageOptions {
  /** Another process has taken the catalog over. */
  readonly onLost?: () => void;
  /** The log's epoch is raised to this; only when nothing of it is still to be applied. */
  readonly epoch?: number;
  /** This process owns the data directory already. */
  readonly owned?: boolean;
  /** Other processes may work on the stores beside this one, where all of them are servers. Default: it is alone. */
  readonly among?: boolean;
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
 * @throws data_in_use, data_newer, data_corrupt, read_only, disk_full, log_mismatch
 */
export async function openStorage(config: Config, logger: Logger, options: StorageOptions = {}): Promise<Storage> {
  const { onLost = () => undefined, epoch, owned = false, among = false } = options;
  const shared = isShared(config);
  const lock = owned ? undefined : await (shared ? lockOneOf(config.data) : lockDataDirectory(config.data));
  const directory = lock?.path ?? config.data;
  const closers: (() => Promise<void>)[] = [async () => lock?.release()];
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
    } else if (!shared || !among) {
      const sole = await becomeSole(catalog.leases, systemClock, onLost);
      closers.push(() => sole.release());
      // One that comes now tells of itself before it looks at the lease: one of both sees the other.
      await refuseOthers(catalog);
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
    const storage = {
      ...{ directory, embedded, shared },
      ...{ catalog, log, blobs, cache, vectors, snapshotVectors, close },
    };
    await finishRestoring(storage);
    return storage;
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws data_in_use while other processes live on these servers */
async function refuseOthers({ processes }: Catalog): Promise<void> {
  const others = await processes.list(systemClock.now());
  if (others.length === 0) return;
  const told = others.map(
    ({ role, detail }) => `${role} ${JSON.stringify(detail['host'])} ${JSON.stringify(detail['pid'])}`,
  );
  throw new FootnoteError(
    'data_in_use',
    `Processes of Footnote work on these servers: stop them first (${told.join(', ')}); one that died is forgotten after 12 seconds.`,
  );
}
