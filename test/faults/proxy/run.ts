import { mkdir, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { asFootnoteError } from '../../../src/core/errors.js';
import type { Engine } from '../../../src/engine/open.js';
import { openEngine } from '../../../src/engine/open.js';
import type { ConfigInput } from '../../../src/core/config.js';
import { Client, type Told } from './client.js';
import { cleanEnds } from './clean.js';
import { violations } from './compare.js';
import { makeHistory } from './history.js';
import { inspect, type End } from './inspect.js';
import type { Wire } from './wires.js';
import { type Exported, config, nameOf, settled, work } from './work.js';

export interface ProxyOptions {
  readonly wire: Wire;
  /** From this one on. */
  readonly first: number;
  readonly seeds: number;
  /** An empty folder of its own. */
  readonly directory: string;
  /** Where ends of histories without a proxy are kept between runs. */
  readonly keep?: string;
  readonly onProgress?: (text: string) => void;
  /** What is known after each block. */
  readonly onReport?: (report: ProxyReport) => Promise<void>;
}

export interface ProxyReport {
  readonly seeds: number;
  readonly writes: number;
  readonly refused: number;
  readonly violations: readonly string[];
  readonly leftovers: Readonly<Record<string, number>>;
  /** Of the last seeds, for a look at what was compared. */
  readonly ends: readonly { readonly struck: End; readonly clean: End }[];
}

/** Seeds that one engine works through, before its stores are looked into. */
const BLOCK = 10;
const OPEN_TRIES = 60;

/** Each seed's history behind the proxy and on embedded stores without one; both must come to the same end. */
export async function runProxy(options: ProxyOptions): Promise<ProxyReport> {
  const told: Told = { refused: 0, violations: [] };
  const stray = (reason: unknown) => told.violations.push(`unhandled: ${asFootnoteError(reason).message}`);
  process.on('unhandledRejection', stray);
  const leftovers: Record<string, number> = {};
  let report: ProxyReport = { seeds: 0, writes: 0, refused: 0, violations: told.violations, leftovers, ends: [] };
  try {
    for (let from = 0; from < options.seeds; from += BLOCK) {
      const seeds = Array.from({ length: Math.min(BLOCK, options.seeds - from) }, (_, i) => options.first + from + i);
      const ends = await runBlock(options, seeds, told);
      for (const [i, { struck, clean }] of ends.entries()) {
        told.violations.push(...violations(struck, clean).map((each) => `seed ${seeds[i]}: ${each}`));
        for (const [kind, count] of Object.entries(struck.leftovers)) leftovers[kind] = (leftovers[kind] ?? 0) + count;
      }
      const writes = seeds.flatMap(makeHistory).reduce((sum, step) => sum + step.writes.length, report.writes);
      report = { ...report, seeds: from + seeds.length, writes, refused: told.refused, ends };
      await options.onReport?.(report);
    }
  } finally {
    process.off('unhandledRejection', stray);
  }
  return report;
}

async function runBlock(
  { wire, directory, keep, onProgress }: ProxyOptions,
  seeds: readonly number[],
  told: Told,
): Promise<ProxyReport['ends']> {
  const own = `proxy-${randomUUID().slice(0, 8)}`;
  const place = (name: string): string => join(directory, own, name);
  const of = config(place('struck'), wire.stores(own));
  await mkdir(join(directory, own), { recursive: true });
  try {
    const struck = await inspect(of, await behindProxy(wire, of, seeds, told, onProgress));
    await removeAll(wire, of, seeds, told);
    for (const each of await wire.left(own)) told.violations.push(`left after its deletion: ${each}`);
    const clean = await cleanEnds(place('clean'), seeds, told, keep);
    return seeds.map((seed) => ({ struck: struck.get(nameOf(seed))!, clean: clean.get(nameOf(seed))! }));
  } finally {
    wire.plan.stop();
    await wire.remove(own);
    await rm(join(directory, own), { recursive: true, force: true });
  }
}

async function behindProxy(
  wire: Wire,
  of: ConfigInput,
  seeds: readonly number[],
  told: Told,
  onProgress: ProxyOptions['onProgress'],
): Promise<Exported> {
  const found: Exported = new Map();
  wire.plan.begin(seeds[0]!);
  const engine = await opened(of, told);
  try {
    const { url } = await engine.serve();
    for (const seed of seeds) {
      wire.plan.begin(seed);
      await work(url, seed, told);
      wire.plan.stop();
      await wire.idle();
      found.set(nameOf(seed), await settled(engine, seed));
      onProgress?.(`seed ${seed}: ${told.refused} refused, ${told.violations.length} violations`);
    }
  } finally {
    wire.plan.stop();
    await engine.close();
  }
  return found;
}

/** Deletes the collections, struck as their histories were. */
async function removeAll(wire: Wire, of: ConfigInput, seeds: readonly number[], told: Told): Promise<void> {
  const engine = await openEngine(of);
  try {
    const { url } = await engine.serve();
    for (const seed of seeds) {
      wire.plan.begin(seed);
      await new Client(url, nameOf(seed), told).remove();
    }
  } finally {
    wire.plan.stop();
    await engine.close();
  }
}

/** A start that is struck fails in order, and the next one is tried. */
async function opened(of: ConfigInput, told: Told): Promise<Engine> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await openEngine(of);
    } catch (thrown) {
      const error = asFootnoteError(thrown);
      if (attempt > OPEN_TRIES) throw error;
      if (error.code !== 'unavailable' && error.code !== 'overloaded') {
        told.violations.push(`a start failed with ${error.code}: ${error.message}`);
      }
    }
  }
}
