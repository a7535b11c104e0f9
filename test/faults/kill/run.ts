import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Random } from '../../../src/runtime/random.js';
import type { Kill, WorkerOptions } from '../kill-worker.js';
import { ALL_FAULT_POINTS } from '../points.js';
import { type Inspection, inspect } from './inspect.js';
import type { Reindexing } from './reindexing.js';
import type { ScriptOptions } from './script.js';
import { testConfig } from './work.js';
import { workerCommand } from './worker.js';

export interface KillOptions {
  readonly script: ScriptOptions;
  readonly kills: number;
  /** Builds and releases another generation meanwhile. */
  readonly reindex?: Reindexing;
  /** Where they are killed, one after the other. Default: everywhere, in a seeded order. */
  readonly planned?: readonly Kill[];
  /** An empty folder of its own. */
  readonly directory: string;
  readonly onProgress?: (text: string) => void;
}

export interface KillReport {
  readonly seed: number;
  readonly documents: number;
  readonly steps: number;
  /** Kills that happened, by fault point; every point has its line. */
  readonly kills: Readonly<Record<string, number>>;
  readonly killed: Inspection;
  /** The same script in one process that nobody killed. */
  readonly clean: Inspection;
  /** One clean build of what the script ends with. */
  readonly end: Inspection;
}

/** Longest time of one process; beyond it something hangs. */
const DEADLINE_MS = 30 * 60_000;

/**
 * Works through a script in processes that are killed at seeded fault points and started again, and through the same
 * script without kills. The same options kill at the same points with the same counts.
 */
export async function runKills(options: KillOptions): Promise<KillReport> {
  const { script, kills, directory } = options;
  const say = options.onProgress ?? (() => undefined);
  const counts = join(directory, 'counts.json');
  const reindex = options.reindex ? { reindex: options.reindex } : {};
  await complete({ ...(await place(directory, 'clean', script)), ...reindex }, { counts });
  const reached = JSON.parse(await readFile(counts, 'utf8')) as Record<string, number>;
  say('clean run done');
  const first = options.reindex ? { reindex: { ...options.reindex, at: 0 } } : {};
  await complete({ ...(await place(directory, 'end', script)), ...first }, { endOnly: true });
  say('clean build of the end done');

  const killed = { ...(await place(directory, 'killed', script)), ...reindex };
  const planned = options.planned ?? spread(kills, reached, new Random(script.seed + 1));
  const places = options.planned?.map(({ point }) => point) ?? ALL_FAULT_POINTS;
  const done = Object.fromEntries(places.map((point) => [point, 0]));
  for (const [i, kill] of planned.entries()) {
    const signal = await start({ ...killed, kill });
    if (signal !== 'SIGKILL') break;
    done[kill.point] = (done[kill.point] ?? 0) + 1;
    say(`kill ${i + 1} of ${kills}: ${kill.point}, count ${kill.count}`);
  }
  await complete(killed, {});
  const report = {
    seed: script.seed,
    documents: script.documents,
    steps: script.steps,
    kills: done,
    killed: await inspect(testConfig(killed.data)),
    clean: await inspect(testConfig(join(directory, 'clean', 'data'))),
    end: await inspect(testConfig(join(directory, 'end', 'data'))),
  };
  for (const name of ['clean', 'end', 'killed']) await rm(join(directory, name), { recursive: true, force: true });
  return report;
}

/** Each point as often as every other, in a seeded order. */
function spread(kills: number, reached: Readonly<Record<string, number>>, random: Random): Kill[] {
  const points: string[] = [];
  while (points.length < kills) {
    const round = [...ALL_FAULT_POINTS];
    while (round.length > 0) points.push(...round.splice(random.below(round.length), 1));
  }
  return points.slice(0, kills).map((point) => {
    // So that the kills spread over the script: a process comes about one kill's share further.
    const share = (reached[point] ?? 0) / kills;
    return { point, count: 1 + random.below(Math.max(1, Math.round(share))) };
  });
}

async function place(directory: string, name: string, script: ScriptOptions): Promise<WorkerOptions> {
  const scratch = join(directory, name);
  await mkdir(scratch, { recursive: true });
  return { data: join(scratch, 'data'), scratch, script };
}

async function complete(options: WorkerOptions, more: Partial<WorkerOptions>): Promise<void> {
  await start({ ...options, ...more });
}

/** @returns the signal that ended it; @throws when it failed by itself */
async function start(options: WorkerOptions): Promise<NodeJS.Signals | undefined> {
  const [program, ...args] = workerCommand(options);
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const deadline = setTimeout(() => child.kill('SIGTERM'), DEADLINE_MS);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  clearTimeout(deadline);
  if (code === 0) return undefined;
  if (signal === 'SIGKILL' && options.kill) return signal;
  throw new Error(`The worker ended with ${signal ?? code} (${JSON.stringify(options.kill ?? {})}): ${stderr}`);
}
