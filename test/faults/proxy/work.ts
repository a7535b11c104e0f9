import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigInput } from '../../../src/core/config.js';
import type { CanonicalChunk } from '../../../src/core/schemas/operations.js';
import type { Engine } from '../../../src/engine/open.js';
import { engineConfig } from '../../support/served-engine.js';
import { Client, type Told } from './client.js';
import { makeHistory } from './history.js';

/** Longest time until what was accepted is applied, once nothing fails any more. */
const SETTLE_MS = 180_000;
/** Each look asks the servers. */
const LOOK_MS = 100;
/** Steps. */
const READ_EVERY = 3;
const NEVER = new AbortController().signal;

/** By collection, what readers see. */
export type Exported = Map<string, CanonicalChunk[]>;

export const nameOf = (seed: number): string => `seed-${seed}`;

export function config(data: string, stores: NonNullable<ConfigInput['stores']>): ConfigInput {
  return engineConfig(data, {
    stores,
    ingest: { partitions: 2 },
    parsing: { processes: 1 },
    http: { rateLimit: { requests: 1_000_000 } },
  });
}

/** Works through the seed's history, in a collection of its own. */
export async function work(url: string, seed: number, told: Told): Promise<void> {
  const client = new Client(url, nameOf(seed), told);
  await client.create();
  for (const [s, step] of makeHistory(seed).entries()) {
    await client.write(step, String(s));
    if (s % READ_EVERY === 0) await client.look(step);
  }
}

/** @returns what is seen once everything that was accepted has been applied */
export async function settled(engine: Engine, seed: number): Promise<CanonicalChunk[]> {
  const deadline = performance.now() + SETTLE_MS;
  while ((await engine.pending()) > 0) {
    if (performance.now() > deadline) throw new Error(`seed ${seed} does not settle`);
    await sleep(LOOK_MS);
  }
  const lines: CanonicalChunk[] = [];
  for await (const line of engine.surface.export(engine.caller, nameOf(seed), NEVER)) lines.push(line);
  return lines;
}
