import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { createLogger } from '../../../src/engine/logger.js';
import { openEngine } from '../../../src/engine/open.js';
import { openStorage } from '../../../src/engine/storage.js';
import type { Storage } from '../../../src/engine/storage.js';
import { type ConfigInput, parseConfig } from '../../../src/core/config.js';
import { streamOf } from '../../../src/core/generation.js';
import { sha256 } from '../../../src/core/ids.js';
import { CALLER, COLLECTION } from './work.js';

/** All that a data directory holds, in a form that two runs to the same end have in common. */
export interface Contents {
  /** `export --canonical`. */
  readonly canonical: readonly string[];
  /** Points in the store, hidden ones too. */
  readonly points: readonly string[];
  /** `document kind sha256` of every blob, sorted: originals and normalized texts. */
  readonly blobs: readonly string[];
  /** `document code` of every dead letter, sorted. */
  readonly letters: readonly string[];
  readonly cachedVectors: number;
}

export interface Inspection extends Contents {
  /** What `verify` found, by kind, before anything was repaired: leftovers of crashes, which no reader ever sees. */
  readonly leftovers: Readonly<Record<string, number>>;
  /** What `verify` could not repair, or found again after it had. */
  readonly problems: readonly string[];
}

/** Verifies, repairs and verifies again, then reads everything. */
export async function inspect(of: ConfigInput): Promise<Inspection> {
  const embedded = of.stores?.blobs === undefined;
  if (embedded) await ageBlobs(join(of.data!, 'blobs'));
  const leftovers: Record<string, number> = {};
  const problems: string[] = [];
  const canonical: string[] = [];
  const never = new AbortController().signal;
  const engine = await openEngine(of);
  try {
    const before: string[] = [];
    for await (const line of engine.surface.export(CALLER, COLLECTION, never)) before.push(JSON.stringify(line));
    for await (const event of engine.surface.verify(CALLER, COLLECTION, { repair: true }, never)) {
      if (event.type !== 'problem') continue;
      leftovers[event.kind] = (leftovers[event.kind] ?? 0) + 1;
      if (!event.repaired) problems.push(`${event.kind}: ${event.message}`);
    }
    for await (const event of engine.surface.verify(CALLER, COLLECTION, { repair: false }, never)) {
      if (event.type === 'problem') problems.push(`still ${event.kind}: ${event.message}`);
    }
    for await (const line of engine.surface.export(CALLER, COLLECTION, never)) canonical.push(JSON.stringify(line));
    if (before.join() !== canonical.join()) problems.push('The repair changed what readers see.');
  } finally {
    await engine.close();
  }
  return { canonical, leftovers, problems, ...(await contents(of)) };
}

async function contents(of: ConfigInput): Promise<Omit<Contents, 'canonical'>> {
  const config = parseConfig(of);
  const storage = await openStorage(config, createLogger(config));
  try {
    return { ...(await stored(storage, COLLECTION)), cachedVectors: (await storage.cache.stats()).entries };
  } finally {
    await storage.close();
  }
}

/** What the stores hold of a collection. */
export async function stored(
  storage: Storage,
  collection: string,
): Promise<Pick<Contents, 'points' | 'blobs' | 'letters'>> {
  const points: string[] = [];
  for (const { id, state } of await storage.catalog.generations.list(CALLER.tenant, collection)) {
    if (state === 'dropped') continue;
    for await (const point of storage.vectors.scroll(id)) points.push(point.chunkId);
  }
  const letters = await storage.log.deadLetters.list(streamOf(CALLER.tenant, collection), { limit: 10_000 });
  return {
    points: points.sort(),
    blobs: await blobs(storage, collection),
    letters: letters.map((letter) => `${letter.documentId} ${letter.code}`).sort(),
  };
}

async function blobs({ blobs }: Storage, collection: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { ref, documentId } of blobs.list({ tenant: CALLER.tenant, collection })) {
    const kind = ref.blob.split('/').at(-1)!.split('-')[0];
    // By its range: of the whole content a store checks the hash, which a listing does not tell.
    const content = await blobs.get({ ...ref, sha256: '' }, { start: 0, end: ref.bytes });
    found.push(`${documentId} ${kind} ${sha256(await buffer(content))}`);
  }
  return found.sort();
}

/** The sweep leaves blobs alone for an hour, lest they belong to a write under way: here nothing is. */
async function ageBlobs(folder: string): Promise<void> {
  const old = Date.now() / 1000 - 7200;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), old, old);
  }
}
