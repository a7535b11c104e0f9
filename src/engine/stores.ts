import { join } from 'node:path';
import type { Config } from '../core/config.js';
import type { BlobStore } from '../core/ports/blobs.js';
import type { Catalog } from '../core/ports/catalog.js';
import type { EventLog } from '../core/ports/log.js';
import type { VectorStore } from '../core/ports/vectors.js';
import type { S3BlobOptions } from '../adapters/blobs/s3/index.js';
import type { LanceVectorStore } from '../adapters/vectors/lancedb/index.js';
import { durableFolder } from '../runtime/durable-folder.js';
import type { Logger } from './logger.js';

/**
 * Opens the store that the configuration names for each port. What is not used is not loaded: an embedded engine never
 * reads a server's SDK.
 */
const below = (config: Config, name: string): string => join(config.data, name);

export async function openCatalog(config: Config, logger: Logger): Promise<Catalog> {
  const { catalog } = config.stores;
  if (catalog.kind === 'sqlite') {
    const { openSqliteCatalog } = await import('../adapters/catalog/sqlite/index.js');
    return openSqliteCatalog(below(config, 'catalog.db'));
  }
  const { openPostgresCatalog } = await import('../adapters/catalog/postgres/index.js');
  const { kind: _, ...options } = catalog;
  return openPostgresCatalog({
    ...options,
    onConnectionLost: ({ code, message }) => logger.warn({ code, reason: message }, 'catalog connection lost'),
  });
}

/** @param epoch a log of a lower one is raised to it */
export async function openLog(config: Config, epoch = 1): Promise<EventLog> {
  const { log } = config.stores;
  const { partitions } = config.ingest;
  if (log.kind === 'sqlite') {
    const { openSqliteLog } = await import('../adapters/log/sqlite/index.js');
    return openSqliteLog(below(config, 'log.db'), { partitions, epoch });
  }
  const { openKafkaLog } = await import('../adapters/log/kafka/index.js');
  const { kind: _, tls, sasl, ...options } = log;
  return openKafkaLog({
    ...options,
    partitions,
    epoch,
    ...(tls === false ? {} : { tls }),
    ...(sasl === undefined ? {} : { sasl }),
  });
}

export async function openBlobs(config: Config): Promise<{ store: BlobStore; close: () => void }> {
  const { blobs } = config.stores;
  if (blobs.kind === 'files') {
    const folder = below(config, 'blobs');
    await durableFolder(folder);
    const { openFileBlobs } = await import('../adapters/blobs/files/index.js');
    return { store: await openFileBlobs(folder), close: () => undefined };
  }
  const { openS3Blobs } = await import('../adapters/blobs/s3/index.js');
  const store = await openS3Blobs(s3Options(blobs));
  return { store, close: () => store.close() };
}

/** Makes the bucket of the configuration where it is missing. @returns whether; undefined where blobs are files */
export async function makeBucket({ stores: { blobs } }: Config): Promise<boolean | undefined> {
  if (blobs.kind === 'files') return undefined;
  const { createBucket } = await import('../adapters/blobs/s3/index.js');
  return createBucket(s3Options(blobs));
}

function s3Options(blobs: Extract<Config['stores']['blobs'], { kind: 's3' }>): S3BlobOptions {
  const { bucket, prefix, region, endpoint, accessKeyId, secretAccessKey, forcePathStyle, partBytes } = blobs;
  return {
    bucket,
    prefix,
    region,
    partBytes,
    maxAttempts: 5,
    requestTimeoutMs: 30_000,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey } }),
  };
}

export interface OpenedVectors {
  readonly store: VectorStore;
  /** Where the store can copy a generation's files while it is written to. */
  readonly snapshot: LanceVectorStore['snapshot'] | undefined;
}

export async function openVectors(config: Config, logger: Logger): Promise<OpenedVectors> {
  const { vectors } = config.stores;
  if (vectors.kind === 'lancedb') {
    const directory = below(config, 'vectors');
    await durableFolder(directory);
    const { openLanceVectors } = await import('../adapters/vectors/lancedb/index.js');
    const store = await openLanceVectors({
      directory,
      onMaintenanceError: (generation, error) =>
        logger.warn(
          { generation, reason: error instanceof Error ? error.message : String(error) },
          'store maintenance failed',
        ),
    });
    return { store, snapshot: (generation, folder) => store.snapshot(generation, folder) };
  }
  const { openQdrantVectors } = await import('../adapters/vectors/qdrant/index.js');
  const { kind: _, apiKey, shardNumber, vectorsOnDisk, ...options } = vectors;
  const store = openQdrantVectors({
    ...options,
    onDisk: { vectors: vectorsOnDisk },
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(shardNumber === undefined ? {} : { shardNumber }),
  });
  return { store, snapshot: undefined };
}

/** Whether nothing lies in the data directory that another process would need, so that several can work together. */
export function isShared({ stores }: Config): boolean {
  const { log, catalog, vectors, blobs } = stores;
  return log.kind !== 'sqlite' && catalog.kind !== 'sqlite' && vectors.kind !== 'lancedb' && blobs.kind !== 'files';
}

/** Whether everything lies in the data directory, so that whoever owns it is alone. */
export function isEmbedded({ stores }: Config): boolean {
  const { log, catalog, vectors, blobs } = stores;
  return log.kind === 'sqlite' && catalog.kind === 'sqlite' && vectors.kind === 'lancedb' && blobs.kind === 'files';
}
