import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FAULT_POINTS } from '../../../pipelines/ingest/fault-points.js';
import { parseConfig } from '../../../src/core/config.js';
import { streamOf } from '../../../src/core/generation.js';
import { createLogger } from '../../../src/engine/logger.js';
import { openStorage } from '../../../src/engine/storage.js';
import { CONNECT_FAULT_POINTS, LISTING_FAULT_POINTS } from '../../../src/services/listing.js';
import { Random } from '../../../src/runtime/random.js';
import type { ConnectWorkerOptions } from '../connect-kill-worker.js';
import { inspect } from '../kill/inspect.js';
import { CALLER, COLLECTION, testConfig } from '../kill/work.js';
import { Sources } from './sources.js';

export interface ConnectKillOptions {
  readonly seed: number;
  readonly steps: number;
  readonly killsPerStep: number;
  /** Items that are added in each step. */
  readonly additions: number;
  /** An empty folder of its own. */
  readonly directory: string;
}

export interface ConnectKillReport {
  readonly seed: number;
  /** Kills that happened, by point; `at any time` are those by the clock. */
  readonly kills: Readonly<Record<string, number>>;
  readonly brokenSteps: number;
  readonly documents: number;
  readonly deletions: number;
  /** In words; empty when nothing was lost and nothing wrongly deleted. */
  readonly violations: readonly string[];
}

const ANY_TIME = 'at any time';
const OWN_POINTS: readonly string[] = [...LISTING_FAULT_POINTS, ...CONNECT_FAULT_POINTS];
const APPLY_POINTS: readonly string[] = FAULT_POINTS.filter((point) => !point.startsWith('outbox:'));
/** Longest time of one process; beyond it something hangs. */
const DEADLINE_MS = 10 * 60_000;
const WORKER = fileURLToPath(
  new URL('../../../dist/test/faults/connect-kill-worker.js', import.meta.url.replace('/dist/test/', '/test/')),
);

/**
 * Two sources change step by step; in each step processes that read them are killed between any two effects and at any
 * time, some while a source is away, before one comes to its end.
 */
export async function runConnectKills(options: ConnectKillOptions): Promise<ConnectKillReport> {
  const random = new Random(options.seed);
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  const sources = await Sources.make(directory);
  const out = join(directory, 'living.json');
  const of = (data: string): ConnectWorkerOptions => ({
    data: join(directory, data),
    folders: sources.folders,
    repository: sources.repository,
  });
  const kills: Record<string, number> = {};
  const violations: string[] = [];
  let brokenSteps = 0;
  let deletions = 0;
  for (let step = 0; step < options.steps; step += 1) {
    await sources.change(random, options.additions);
    const mend = step > 0 && random.chance(0.3) ? await sources.breakOff(random) : undefined;
    if (mend) brokenSteps += 1;
    for (let kill = 0; kill < options.killsPerStep; kill += 1) {
      const point = choosePoint(random);
      const about = point === ANY_TIME ? { afterMs: 300 + random.below(1500) } : {};
      const how = point === ANY_TIME ? {} : { kill: { point, count: 1 + random.below(6) } };
      const killed = await start({ ...of('killed'), ...how, broken: mend !== undefined }, about);
      if (killed) kills[point] = (kills[point] ?? 0) + 1;
    }
    await mend?.();
    await start({ ...of('killed'), out }, {});
    const living = JSON.parse(await readFile(out, 'utf8')) as Record<string, string>;
    violations.push(...differences(`step ${step}`, living, Object.fromEntries(sources.there)));
    const deleted = await deletedKeys(join(directory, 'killed'));
    deletions = deleted.length;
    const wrong = deleted.filter((name) => !sources.removed.has(name));
    if (wrong.length > 0) violations.push(`step ${step}: wrongly deleted: ${wrong.join(', ')}`);
  }
  await start(of('clean'), {});
  const [killed, clean] = [
    await inspect(testConfig(join(directory, 'killed'))),
    await inspect(testConfig(join(directory, 'clean'))),
  ];
  violations.push(...killed.problems);
  if (killed.canonical.join('\n') !== clean.canonical.join('\n')) {
    violations.push(
      `canonical dump: ${killed.canonical.length} lines against ${clean.canonical.length} of a clean build`,
    );
  }
  return { seed: options.seed, kills, brokenSteps, documents: sources.there.size, deletions, violations };
}

/** Half of them where listings are, a quarter where changes are applied, a quarter by the clock. */
function choosePoint(random: Random): string {
  const kind = random.next();
  if (kind < 0.5) return random.pick(OWN_POINTS);
  return kind < 0.75 ? random.pick(APPLY_POINTS) : ANY_TIME;
}

function differences(what: string, actual: Record<string, string>, expected: Record<string, string>): string[] {
  const names = (from: Record<string, string>, than: Record<string, string>) =>
    Object.keys(from).filter((name) => from[name] !== than[name]);
  const lost = names(expected, actual);
  const extra = names(actual, expected).filter((name) => expected[name] === undefined);
  return [
    ...(lost.length > 0 ? [`${what}: lost or old: ${lost.join(', ')}`] : []),
    ...(extra.length > 0 ? [`${what}: not deleted: ${extra.join(', ')}`] : []),
  ];
}

/** `source key` of every tombstone that the log ever took. */
async function deletedKeys(data: string): Promise<string[]> {
  const config = parseConfig(testConfig(data));
  const storage = await openStorage(config, createLogger(config));
  const stream = streamOf(CALLER.tenant, COLLECTION);
  const group = 'audit';
  const found = new Set<string>();
  try {
    let left = await storage.log.lag(stream, group);
    const stop = new AbortController();
    const reading = { stream, group, maxInFlightBytes: 1 << 30, signal: stop.signal };
    if (left > 0) {
      for await (const delivery of storage.log.consume(reading)) {
        const { op, source, key } = delivery.event;
        if (op === 'delete') found.add(`${source} ${key}`);
        await delivery.ack();
        left -= 1;
        if (left === 0) stop.abort();
      }
    }
    await storage.log.dropGroup(stream, group);
  } finally {
    await storage.close();
  }
  return [...found];
}

/** @returns whether it was killed; @throws when it failed by itself */
async function start(options: ConnectWorkerOptions, { afterMs }: { afterMs?: number }): Promise<boolean> {
  const child = spawn(process.execPath, [WORKER, JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const deadline = setTimeout(() => child.kill('SIGTERM'), DEADLINE_MS);
  const killing = afterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), afterMs);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  clearTimeout(deadline);
  clearTimeout(killing);
  if (code === 0) return false;
  if (signal === 'SIGKILL' && (options.kill || afterMs !== undefined)) return true;
  throw new Error(`The worker ended with ${signal ?? code} (${JSON.stringify(options.kill ?? {})}): ${stderr}`);
}
