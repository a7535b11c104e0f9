import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigInput, Engine } from '../../src/engine.js';
import { listMigrations, openEngine } from '../../src/engine.js';
import { MIGRATE_FAULT_POINTS } from '../../src/engine/migrate/fault-points.js';
import { temporaryFolder } from '../support/fixtures.js';
import { ingest } from '../support/ingest.js';
import type { MigrateWorkerOptions } from './migrate-kill-worker.js';

const NEVER = new AbortController().signal;
const C = 'c';
/** Two pages of documents and a part of a third. */
const DOCUMENTS = 150;
/** How often a point is reached before the process dies there: what comes once a page or document dies in the middle. */
const COUNTS: Readonly<Record<string, number>> = {
  'migrate:document': 100,
  'migrate:page': 2,
  'migrate:blobs': 2,
  'migrate:points': 2,
};

describe('a migration that is killed and called again', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let made: string[];
  const config = (data: string): ConfigInput => ({
    data: join(folder.path, data),
    embedding: { model: 'test-hash' },
    log: { level: 'silent' },
  });

  beforeAll(async () => {
    folder = await temporaryFolder();
    const engine = await openEngine(config('made'));
    await engine.surface.collections.put(engine.caller, C, {}, NEVER);
    const docs = join(folder.path, 'docs');
    await mkdir(docs);
    for (let n = 0; n < DOCUMENTS; n += 1) {
      const [name, text] = n % 50 === 7 ? [`${n}.pdf`, '%PDF-1.7\nnothing'] : [`${n}.md`, entry(n)];
      await writeFile(join(docs, name), text);
    }
    await ingest(engine, C, docs);
    for (const n of [3, 90]) await rm(join(docs, `${n}.md`));
    expect((await ingest(engine, C, docs)).summary).toMatchObject({ failed: 3, deleted: 2 });
    made = await dump(engine);
    await engine.close();
  });
  afterAll(() => folder.remove());

  const entry = (n: number) => `# Entry ${n}\n\nThe keeper wrote ${n * 7919} and slept.\n`;

  async function dump(engine: Engine): Promise<string[]> {
    const lines: string[] = [];
    for await (const line of engine.surface.export(engine.caller, C, NEVER)) lines.push(JSON.stringify(line));
    return lines;
  }

  it.each(MIGRATE_FAULT_POINTS)('ends as if nobody had killed it: %s', async (point) => {
    const name = point.replace(':', '-');
    await cp(join(folder.path, 'made'), join(folder.path, name), { recursive: true, filter: isKept });
    const sides = { from: config(name), to: config(`${name}-to`) };
    expect(await run({ ...sides, kill: { point, count: COUNTS[point] ?? 1 } })).toBe('SIGKILL');
    expect(await run(sides)).toBe(0);
    const engine = await openEngine(sides.to);
    expect(await dump(engine)).toEqual(made);
    expect(await engine.verifyAll(NEVER)).toMatchObject({ [`default/${C}`]: { problems: 0 } });
    await engine.close();
    expect(await listMigrations(sides.from)).toMatchObject([{ collection: C, state: 'left' }]);
    expect(await listMigrations(sides.to)).toEqual([]);
  });
});

/** SQLite removes the files beside a closed database when its statements are collected; all is in the database by then. */
const isKept = (path: string): boolean => !/\.db-(wal|shm)$/.test(path);

const WORKER = fileURLToPath(new URL('../../dist/test/faults/migrate-kill-worker.js', import.meta.url));

/** @returns the exit code, or the signal */
async function run(options: MigrateWorkerOptions): Promise<unknown> {
  const child = spawn(process.execPath, [WORKER, JSON.stringify(options)], { stdio: 'inherit' });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return code ?? signal;
}
