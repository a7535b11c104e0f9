import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigInput } from '../../../src/core/config.js';
import { documentId } from '../../../src/core/ids.js';
import type { Engine } from '../../../src/engine/open.js';
import { serverStores } from '../../support/stores.js';
import { DEFAULT_PRINCIPALS, makeScript, type ScriptOptions } from '../kill/script.js';
import { CALLER, COLLECTION, makeFolder, replayAll, testConfig, write } from '../kill/work.js';

/** The script puts its files into this many folders; each is a source of its own. */
const FOLDERS = 7;
const NEVER = new AbortController().signal;

/** Of servers that tests share, with members whose end the group finds out about soon. */
export function clusterStores(): NonNullable<ConfigInput['stores']> {
  const stores = serverStores();
  const log = { ...stores.log, sessionTimeoutMs: 4000, heartbeatMs: 400, rebalanceTimeoutMs: 8000 };
  return { ...stores, log: log as NonNullable<typeof stores.log> };
}

/** @param stores none: embedded */
export function clusterConfig(data: string, folder: string, stores?: ConfigInput['stores']): ConfigInput {
  return {
    ...testConfig(data),
    ...(stores === undefined ? {} : { stores, ingest: { partitions: 12 } }),
    collections: [{ name: COLLECTION, defaultPolicy: { principals: DEFAULT_PRINCIPALS } }],
    sources: Array.from({ length: FOLDERS }, (_, n) => ({
      collection: COLLECTION,
      source: `folder-${n}`,
      connector: 'files',
      everyMs: 1000,
      watch: false,
      // What would be stopped by the brake is not what is looked at here.
      brake: { share: 1 },
      options: { paths: [join(folder, String(n))] },
    })),
  };
}

export interface Drive {
  /** Writes for the API, and says when everything is applied; the sources are kept by whoever is there for it. */
  readonly engine: Engine;
  readonly script: ScriptOptions;
  readonly folder: string;
  /** Waits after each step. */
  readonly pace?: (step: number, of: number) => Promise<void>;
}

export async function makeFolders(folder: string): Promise<void> {
  for (let n = 0; n < FOLDERS; n += 1) await mkdir(join(folder, String(n)), { recursive: true });
}

/** Works through the script: files change under their connectors, documents of the API are written, dead letters replayed. */
export async function drive({ engine, script, folder, pace }: Drive): Promise<void> {
  const { steps } = makeScript({ ...script, soundFiles: true });
  for (const [s, step] of steps.entries()) {
    await makeFolder(folder, step.files);
    await Promise.all(step.writes.map((each, i) => write(engine, each, `${s}.${i}`, false)));
    if (step.replay) await replayAll(engine);
    await pace?.(s, steps.length);
  }
}

/** Ids of the documents that the script writes by the API. */
export function writtenDocuments(script: ScriptOptions): ReadonlySet<string> {
  const { steps } = makeScript({ ...script, soundFiles: true });
  const at = { tenant: CALLER.tenant, collection: COLLECTION, source: 'api' };
  return new Set(steps.flatMap(({ writes }) => writes.map(({ key }) => documentId({ ...at, key }))));
}

/** Until every source was read after now, and all of it is applied. */
export async function settled(engine: Engine, deadlineMs: number): Promise<void> {
  const since = new Date().toISOString();
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const { sources } = await engine.surface.connectors.list(CALLER, NEVER);
    const read = sources.filter(
      ({ last }) => last?.outcome === 'ok' && last.counts.failed === 0 && last.startedAt > since,
    );
    const { lag, documents } = (await engine.surface.status(CALLER, NEVER)).collections[COLLECTION]!;
    if (read.length === FOLDERS && lag === 0 && documents.pending === 0) return;
    if (Date.now() > deadline) {
      throw new Error(
        `Not settled: lag ${lag}, ${documents.pending} pending, read ${read.length}: ${JSON.stringify(sources)}`,
      );
    }
    await sleep(250);
  }
}
