import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openEngine } from '../../../src/engine/open.js';
import type { Told } from './client.js';
import { inspect, type End } from './inspect.js';
import { type Exported, config, nameOf, settled, work } from './work.js';

/**
 * How the histories end on embedded stores, by collection.
 * @param place an empty folder of its own
 * @param keep a folder where ends are kept for the next run of the same software: every server's are held against the same
 */
export async function cleanEnds(
  place: string,
  seeds: readonly number[],
  told: Told,
  keep?: string,
): Promise<Map<string, End>> {
  const ends = new Map<string, End>();
  for (const seed of seeds) {
    const known = keep && (await readFile(fileOf(keep, seed), 'utf8').catch(() => undefined));
    if (known) ends.set(nameOf(seed), JSON.parse(known) as End);
  }
  const missing = seeds.filter((seed) => !ends.has(nameOf(seed)));
  if (missing.length === 0) return ends;
  const of = config(place, {});
  const exported: Exported = new Map();
  const engine = await openEngine(of);
  try {
    const { url } = await engine.serve();
    for (const seed of missing) {
      await work(url, seed, told);
      exported.set(nameOf(seed), await settled(engine, seed));
    }
  } finally {
    await engine.close();
  }
  for (const [name, end] of await inspect(of, exported)) ends.set(name, end);
  await rm(place, { recursive: true, force: true });
  for (const seed of keep === undefined ? [] : missing) {
    await mkdir(keep!, { recursive: true });
    const file = fileOf(keep!, seed);
    await writeFile(`${file}.${process.pid}`, JSON.stringify(ends.get(nameOf(seed))));
    await rename(`${file}.${process.pid}`, file);
  }
  return ends;
}

const fileOf = (folder: string, seed: number): string => join(folder, `${nameOf(seed)}.json`);
