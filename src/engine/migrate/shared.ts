import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Config } from '../../core/config.js';
import { FootnoteError } from '../../core/errors.js';
import { parsePostgresUrl } from '../../runtime/postgres-url.js';

/**
 * Refuses two configurations that have a store in common: the copy would be the original. One data directory may serve
 * both, as long as none of its files does.
 * @returns whether it does
 * @throws invalid_request
 */
export async function refuseShared(source: Config, target: Config): Promise<boolean> {
  const sameData = (await realOf(source.data)) === (await realOf(target.data));
  const [from, to] = [placesOf(source), placesOf(target)];
  const common = (Object.keys(from) as (keyof typeof from)[]).filter((store) => {
    const [a, b] = [from[store], to[store]];
    if (a === undefined || b === undefined) return a === b && sameData;
    return a.some((place) => b.includes(place));
  });
  if (common.length === 0) return sameData;
  const all = common.length === Object.keys(from).length;
  throw new FootnoteError(
    'invalid_request',
    all
      ? 'The target is the source: both configurations name the same stores.'
      : `Both configurations keep ${common.map((store) => `stores.${store}`).join(', ')} in the same place: a collection is moved with all of its stores. Give the target a place of its own (another prefix, schema or data directory).`,
  );
}

/** Where each store is, by all of its names; undefined: in the data directory. */
function placesOf({ stores }: Config) {
  const { log, catalog, vectors, blobs } = stores;
  return {
    log: log.kind === 'kafka' ? log.brokers.map((broker) => `${broker.toLowerCase()} ${log.prefix}`) : undefined,
    catalog:
      catalog.kind === 'postgres'
        ? [`${parsePostgresUrl(catalog.url, { subject: 'stores.catalog.url' }).server.toLowerCase()} ${catalog.schema}`]
        : undefined,
    vectors: vectors.kind === 'qdrant' ? [`${new URL(vectors.url).host} ${vectors.prefix}`] : undefined,
    blobs:
      blobs.kind === 's3'
        ? [
            `${blobs.endpoint === undefined ? blobs.region : new URL(blobs.endpoint).host} ${blobs.bucket} ${blobs.prefix}`,
          ]
        : undefined,
  };
}

/** A directory's own name; of one that is to be made, as it is written. */
async function realOf(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}
