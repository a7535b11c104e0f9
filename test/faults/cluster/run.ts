import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigInput } from '../../../src/core/config.js';
import type { Engine } from '../../../src/engine/open.js';
import { openEngine } from '../../../src/engine/open.js';
import { violations } from '../kill/compare.js';
import { type Inspection, inspect } from '../kill/inspect.js';
import type { ScriptOptions } from '../kill/script.js';
import { CALLER, COLLECTION } from '../kill/work.js';
import { ClusterMember } from './member.js';
import { clusterConfig, drive, makeFolders, settled, writtenDocuments } from './script.js';

/** What is done to the processes while the script goes on. */
export interface Disturbance {
  /** Until the script may go on. */
  pace(step: number, of: number): Promise<void>;
  /** No process of it runs any more. */
  end(): Promise<void>;
}

export interface ClusterOptions {
  readonly script: ScriptOptions;
  /** An empty folder of its own. */
  readonly directory: string;
  readonly stores: NonNullable<ConfigInput['stores']>;
  /** Starts the processes, and what happens to them. */
  readonly disturb: (config: ConfigInput, engine: Engine) => Promise<Disturbance>;
  /** Chunks of the clean build, where the script ends with others than the default. */
  readonly targetTokens?: number;
  readonly onProgress?: (text: string) => void;
}

export interface ClusterReport {
  readonly disturbed: Inspection;
  /** The same script on embedded stores, in one process that nobody disturbed. */
  readonly clean: Inspection;
  /** Of written documents, and no part of them: those of the last hour are left alone, whoever they may belong to. */
  readonly youngBlobs: number;
  /** In words; empty when both came to the same end. */
  readonly violations: readonly string[];
}

const SETTLE_MS = 5 * 60_000;
const NEVER = new AbortController().signal;

/** Works through the script with processes on servers that are disturbed, and with one on embedded stores that is not. */
export async function runCluster(options: ClusterOptions): Promise<ClusterReport> {
  const { script, directory } = options;
  const say = options.onProgress ?? (() => undefined);
  const of = async (name: string, stores?: ConfigInput['stores']): Promise<[ConfigInput, string]> => {
    const folder = join(directory, name, 'folder');
    await mkdir(join(directory, name), { recursive: true });
    await makeFolders(folder);
    return [clusterConfig(join(directory, name, 'data'), folder, stores), folder];
  };

  const [cleanConfig, cleanFolder] = await of('clean');
  await clean(cleanConfig, cleanFolder, options);
  const expected = await inspect(cleanConfig);
  say(`clean run done: ${expected.canonical.length} chunks`);

  const [config, folder] = await of('disturbed', options.stores);
  const engine = await openEngine(config, { role: 'serve' });
  let disturbance: Disturbance | undefined;
  let last: ClusterMember[] = [];
  try {
    const made = await options.disturb(config, engine);
    disturbance = made;
    await drive({ engine, script, folder, pace: (step, steps) => made.pace(step, steps) });
    await made.end();
    say('the script is done; it settles');
    last = (['worker', 'worker', 'connect'] as const).map((role) => new ClusterMember({ config, role }));
    await Promise.all([settled(engine, SETTLE_MS), ...last.map(({ ready }) => ready)]);
    await Promise.all(last.map((member) => member.stop()));
  } catch (error) {
    await disturbance?.end().catch(() => undefined);
    for (const member of last) member.signal('SIGKILL');
    throw error;
  } finally {
    await engine.close();
  }
  return compare(await inspect(config), expected, writtenDocuments(script));
}

async function clean(config: ConfigInput, folder: string, options: ClusterOptions): Promise<void> {
  const { script, targetTokens } = options;
  const engine = await openEngine(config);
  try {
    if (targetTokens !== undefined) await reindexEmpty(engine, targetTokens);
    await engine.connect.start();
    await drive({ engine, script, folder });
    await settled(engine, SETTLE_MS);
  } finally {
    await engine.close();
  }
}

/** Before anything is there, so that everything is chunked like this from the beginning. */
async function reindexEmpty(engine: Engine, targetTokens: number): Promise<void> {
  const { generations, jobs } = engine.surface;
  const { id } = await generations.reindex(CALLER, COLLECTION, { chunker: { targetTokens }, switch: true }, NEVER);
  for (;;) {
    const { state } = await jobs.get(CALLER, id, NEVER);
    if (state === 'succeeded') break;
    if (state !== 'queued' && state !== 'running') throw new Error(`Reindexing ended as ${state}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const all = await generations.list(CALLER, COLLECTION, NEVER);
  for (const { id, served } of all.generations) {
    if (!served) await generations.drop(CALLER, COLLECTION, id, NEVER);
  }
}

/**
 * Which versions of a file a connector ever saw depends on when it looked, and with it whose replaced texts are kept: blobs
 * are compared where every version was accepted. That each document has what it shows, `verify` has looked at.
 */
function compare(disturbed: Inspection, clean: Inspection, written: ReadonlySet<string>): ClusterReport {
  const comparable = (blobs: readonly string[]): string[] => blobs.filter((blob) => written.has(blob.split(' ')[0]!));
  const expected = { ...clean, blobs: comparable(clean.blobs) };
  const found = comparable(disturbed.blobs);
  const kept = asOftenAs(expected.blobs, found);
  // Each process has a cache of its own.
  const killed = { ...disturbed, blobs: kept, cachedVectors: clean.cachedVectors };
  const wrong = violations({ seed: 0, documents: 0, steps: 0, kills: {}, killed, clean: expected, end: expected });
  return { disturbed, clean, youngBlobs: found.length - kept.length, violations: wrong };
}

/** Those of `found` that `expected` has, too, none more often than there: a text that was stored twice is young once. */
function asOftenAs(expected: readonly string[], found: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const blob of expected) left.set(blob, (left.get(blob) ?? 0) + 1);
  return found.filter((blob) => {
    const count = left.get(blob) ?? 0;
    left.set(blob, count - 1);
    return count > 0;
  });
}
