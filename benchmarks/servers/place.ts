import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteObjectsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import type { Config, ConfigInput } from '../../src/core/config.js';
import { parseConfig } from '../../src/core/config.js';

const VARIABLES = ['KAFKA_BROKERS', 'POSTGRES_URL', 'S3_ENDPOINT', 'QDRANT_URL'];

/** Why benchmarks on servers can't run, if so. */
export function serversMissing(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const missing = VARIABLES.filter((name) => environment[name] === undefined);
  return missing.length === 0 ? undefined : `${missing.join(', ')} not set: npm run servers starts them`;
}

/** A part of the running servers that a benchmark has for itself, and a data directory. */
export interface Place {
  readonly config: Config;
  /** Below the data directory's parent: for files of the benchmark's own. */
  readonly folder: string;
  /** Everything of it on the servers and on the disk goes away; after all engines on it are closed. */
  remove(): Promise<void>;
}

export async function newPlace(input: ConfigInput, environment: NodeJS.ProcessEnv = process.env): Promise<Place> {
  const of = (name: string): string => environment[name] ?? '';
  const own = `bench-${randomBytes(6).toString('hex')}`;
  const apiKey = environment['QDRANT_API_KEY'];
  const folder = await mkdtemp(join(tmpdir(), 'footnote-bench-'));
  const config = parseConfig({
    ...input,
    data: join(folder, 'data'),
    stores: {
      log: {
        kind: 'kafka',
        brokers: of('KAFKA_BROKERS').split(','),
        prefix: own,
        replicationFactor: 1,
        minInsyncReplicas: 1,
        sessionTimeoutMs: 10_000,
      },
      catalog: { kind: 'postgres', url: of('POSTGRES_URL'), schema: own.replace('-', '_') },
      vectors: {
        kind: 'qdrant',
        url: of('QDRANT_URL'),
        prefix: `${own}-`,
        ...(apiKey === undefined ? {} : { apiKey }),
      },
      blobs: {
        kind: 's3',
        endpoint: of('S3_ENDPOINT'),
        region: of('S3_REGION'),
        bucket: of('S3_BUCKET'),
        accessKeyId: of('S3_ACCESS_KEY_ID'),
        secretAccessKey: of('S3_SECRET_ACCESS_KEY'),
        prefix: own,
      },
    },
  });
  return {
    config,
    folder,
    async remove() {
      await Promise.all([emptyKafka(config), emptyPostgres(config), emptyQdrant(config), emptyS3(config)]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function emptyKafka({ stores: { log } }: Config): Promise<void> {
  if (log.kind !== 'kafka') return;
  const admin = new Kafka({ brokers: log.brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const mine = (name: string): boolean => name.startsWith(`${log.prefix}.`);
  const topics = (await admin.listTopics()).filter(mine);
  if (topics.length > 0) await admin.deleteTopics({ topics });
  const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter(mine);
  // A group that was removed meanwhile, or whose member is still leaving, takes no place that matters.
  if (groups.length > 0) await admin.deleteGroups(groups).catch(() => undefined);
  await admin.disconnect();
}

async function emptyPostgres({ stores: { catalog } }: Config): Promise<void> {
  if (catalog.kind !== 'postgres') return;
  const client = new pg.Client({ connectionString: catalog.url });
  await client.connect();
  await client.query(`drop schema if exists "${catalog.schema}" cascade`);
  await client.end();
}

async function emptyQdrant({ stores: { vectors } }: Config): Promise<void> {
  if (vectors.kind !== 'qdrant') return;
  const headers = vectors.apiKey === undefined ? {} : { 'api-key': vectors.apiKey };
  const answer = await fetch(`${vectors.url}/collections`, { headers });
  const { result } = (await answer.json()) as { result: { collections: { name: string }[] } };
  for (const { name } of result.collections) {
    if (name.startsWith(vectors.prefix))
      await fetch(`${vectors.url}/collections/${name}`, { method: 'DELETE', headers });
  }
}

async function emptyS3({ stores: { blobs } }: Config): Promise<void> {
  if (blobs.kind !== 's3') return;
  const { endpoint, region, accessKeyId, secretAccessKey, bucket, prefix } = blobs;
  const client = new S3Client({
    endpoint: endpoint!,
    region,
    credentials: { accessKeyId: accessKeyId!, secretAccessKey: secretAccessKey! },
    forcePathStyle: true,
  });
  for (;;) {
    const { Contents: found = [] } = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: `${prefix}/` }),
    );
    if (found.length === 0) break;
    const Objects = found.map(({ Key }) => ({ Key: Key! }));
    await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
  }
  client.destroy();
}
