/**
 * What a collection takes on each server, for docs/sizing.md. Run on stores that hold nothing else, once changes are
 * applied: node dist/scripts/sizing.js CONFIG COLLECTION [--kafka LOG-DIR] [--qdrant STORAGE-DIR]
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import pg from 'pg';
import { loadConfig } from '../src/cli/config.js';
import type { Config } from '../src/core/config.js';

type Stores = Config['stores'];
type Server<Name extends keyof Stores, Kind> = Extract<Stores[Name], { kind: Kind }>;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { kafka: { type: 'string' }, qdrant: { type: 'string' } },
});
const [file, collection] = positionals;
if (file === undefined || collection === undefined) throw new Error('CONFIG and COLLECTION are missing');
const { config } = await loadConfig({ env: process.env, cwd: process.cwd() }, { config: file });
const { log, catalog, vectors, blobs } = config.stores;
if (log.kind !== 'kafka' || catalog.kind !== 'postgres' || vectors.kind !== 'qdrant' || blobs.kind !== 's3') {
  throw new Error('Not all stores are servers.');
}

const topics = `${log.prefix}.`;
const { documents, chunks } = await counts(catalog, collection);
const sizes = {
  postgres: await tables(catalog),
  s3: await objects(blobs),
  ...(values.kafka === undefined ? {} : { kafka: await folders(values.kafka, topics) }),
  ...(values.qdrant === undefined ? {} : { qdrant: await folders(join(values.qdrant, 'collections'), vectors.prefix) }),
};
console.log(JSON.stringify({ documents, chunks, sizes }, undefined, 2));

/** Of what a generation shows. */
async function counts({ url, schema }: Server<'catalog', 'postgres'>, name: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ documents: number; chunks: number }>(
      `select count(*)::int as documents, coalesce(sum(chunks), 0)::int as chunks
       from ${client.escapeIdentifier(schema)}.documents where collection = $1 and state = 'live'`,
      [name],
    );
    return rows[0]!;
  } finally {
    await client.end();
  }
}

/** Bytes of each table with its indexes and long values. */
async function tables({ url, schema }: Server<'catalog', 'postgres'>): Promise<Record<string, number>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; bytes: string }>(
      `select c.relname as name, pg_total_relation_size(c.oid) as bytes from pg_class c
       join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relkind = 'r' order by 2 desc`,
      [schema],
    );
    return Object.fromEntries(rows.map(({ name, bytes }) => [name, Number(bytes)]));
  } finally {
    await client.end();
  }
}

/** Objects and bytes by their kind: originals and normalized texts. */
async function objects(options: Server<'blobs', 's3'>): Promise<Record<string, { count: number; bytes: number }>> {
  const { endpoint, region, bucket, prefix, accessKeyId, secretAccessKey } = options;
  const client = new S3Client({
    region,
    forcePathStyle: true,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey } }),
  });
  const kinds: Record<string, { count: number; bytes: number }> = {};
  let ContinuationToken: string | undefined;
  do {
    const where = { Bucket: bucket, Prefix: `${prefix}/`, ContinuationToken };
    const page = await client.send(new ListObjectsV2Command(where));
    for (const { Key = '', Size = 0 } of page.Contents ?? []) {
      const kind = Key.split('/').at(-1)!.split('-')[0]!;
      const { count, bytes } = (kinds[kind] ??= { count: 0, bytes: 0 });
      kinds[kind] = { count: count + 1, bytes: bytes + Size };
    }
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  client.destroy();
  return kinds;
}

/** Of the folders whose names begin so: bytes of the files, and of what they take on the disk (sparse files are less). */
async function folders(within: string, prefix: string): Promise<Record<string, { bytes: number; onDisk: number }>> {
  const found: Record<string, { bytes: number; onDisk: number }> = {};
  for (const name of await readdir(within)) {
    if (!name.startsWith(prefix)) continue;
    const sum = { bytes: 0, onDisk: 0 };
    for (const entry of await readdir(join(within, name), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const { size, blocks } = await stat(join(entry.parentPath, entry.name));
      sum.bytes += size;
      sum.onDisk += blocks * 512;
    }
    found[name] = sum;
  }
  return found;
}
