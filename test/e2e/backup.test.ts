import { appendFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CanonicalChunk } from '../../src/core/schemas/operations.js';
import type { JobView } from '../../src/core/schemas/jobs.js';
import { restoreBackup } from '../../src/engine.js';
import { complaints, endOf, startCli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';
import { ingest } from '../support/ingest.js';
import type { ServedEngine } from '../support/served-engine.js';
import { engineConfig, serveEngine } from '../support/served-engine.js';

const NEVER = new AbortController().signal;
const FILES = 30;

let place: Awaited<ReturnType<typeof temporaryFolder>>;
let served: ServedEngine;
let call: ReturnType<ServedEngine['in']>;
const below = (name: string) => join(place.path, name);

const put = (key: string, body: string, to = call) =>
  to('PUT', '/sources/{source}/documents/{key}', {
    params: { source: 'api', key },
    query: { wait: 'true' },
    body,
    headers: { 'content-type': 'text/plain' },
  });
const dump = async (of = call) => (await of('GET', '/export')).body as CanonicalChunk[];

async function backup(directory: string, more: object = {}) {
  const { surface, caller } = served.engine;
  const made = await surface.backup(caller, { directory, ...more }, NEVER);
  for (;;) {
    const job = await surface.jobs.get(caller, made.id, NEVER);
    if (job.state === 'succeeded') return job.result as unknown as Report;
    if (job.state === 'failed') throw Object.assign(new Error(job.error!.message), { code: job.error!.code });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
interface Report {
  readonly name: string;
  readonly files: number;
  readonly added: { readonly files: number; readonly bytes: number };
}

const restore = (data: string, from: string, backup?: string) =>
  restoreBackup(engineConfig(data), { from, signal: NEVER, ...(backup === undefined ? {} : { backup }) });

/** What is in a data directory, asked of an engine on it. */
async function within<T>(data: string, look: (engine: ServedEngine) => Promise<T>): Promise<T> {
  const engine = await serveEngine(data);
  try {
    return await look(engine);
  } finally {
    await engine.close();
  }
}

beforeAll(async () => {
  place = await temporaryFolder();
  await mkdir(below('docs'));
  for (let n = 0; n < FILES; n += 1) {
    await writeFile(
      below(`docs/d${n}.md`),
      `# Log ${n}\n\nThe keeper of light ${n} writes.\n\nAll is well at ${n * 7}.\n`,
    );
  }
  await writeFile(below('docs/bad.pdf'), '%PDF-1.7\nnothing\n%%EOF\n');
  served = await serveEngine(below('data'));
  call = served.in('lights');
  await call('PUT', '', { json: {} });
  await ingest(served.engine, 'lights', below('docs'));
  for (const key of ['a', 'b', 'c']) await put(key, `The lamp ${key} is oiled.`);
  await put('a', 'The lamp a is oiled twice.');
  await call('DELETE', '/sources/{source}/documents/{key}', {
    params: { source: 'api', key: 'c' },
    query: { wait: 'true' },
  });
});
afterAll(async () => {
  await served.close();
  await place.remove();
});

describe('a backup', () => {
  it('is restored elsewhere to the same, verified', async () => {
    const { files, added } = await backup(below('backups'));
    // Some are the same byte for byte.
    expect(added.files).toBeGreaterThan(0.9 * files);
    const report = await restore(below('elsewhere'), below('backups'));
    expect(report.collections).toEqual({
      'default/lights': { documents: FILES + 4, chunks: expect.any(Number) as number, problems: 0 },
    });
    const before = await dump();
    await within(below('elsewhere'), async (engine) => {
      const there = engine.in('lights');
      expect(await dump(there)).toEqual(before);
      const found = await there('POST', '/search', { json: { query: 'lamp', mode: 'lexical' } });
      expect((found.body as { hits: { key: string }[] }).hits.map(({ key }) => key).sort()).toEqual(['a', 'b']);
      expect((await there('GET', '/dlq')).body).toMatchObject({ deadLetters: [{ key: 'bad.pdf' }] });
      // It goes on where the other stood: writes, deletions, listings.
      expect((await put('a', 'The lamp a is broken.', there)).status).toBe(200);
      await rm(below('docs/d0.md'));
      const { summary } = await ingest(engine.engine, 'lights', below('docs'));
      expect(summary).toMatchObject({ deleted: 1, unchanged: FILES - 1 });
    });
  });

  it('copies nothing again that an earlier one has, and keeps as many as it is told', async () => {
    await put('d', 'A new lamp.');
    const { name, added, files } = await backup(below('backups'));
    // The databases, what changed of the table, two blobs.
    expect(added.files).toBeLessThan(files / 2);
    await backup(below('backups'), { keep: 1 });
    const left = (await readdir(below('backups'))).filter((entry) => /^\d{4}/.test(entry));
    expect(left).toHaveLength(1);
    expect(left[0]! > name).toBe(true);
    expect((await restore(below('later'), below('backups'))).collections['default/lights']!.problems).toBe(0);
    const before = await dump();
    await within(below('later'), async (engine) => expect(await dump(engine.in('lights'))).toEqual(before));
  });

  it('taken while documents come, change and go is a whole one', async () => {
    let on = true;
    let rounds = 0;
    const written = new Map<string, number>();
    const keepWriting = async (lane: number): Promise<void> => {
      for (let n = 0; on; n += 1) {
        const key = `w${lane}-${n % 5}`;
        await put(key, `Watch ${key} entry ${n} of lane ${lane}.\n\nNothing to report.`);
        written.set(key, n);
        if (n % 4 === 3) {
          const gone = `w${lane}-${(n + 1) % 5}`;
          await call('DELETE', '/sources/{source}/documents/{key}', {
            params: { source: 'api', key: gone },
            query: { wait: 'true' },
          });
          written.delete(gone);
        }
        rounds += 1;
      }
    };
    const lanes = [0, 1, 2].map(keepWriting);
    await expect.poll(() => rounds, { timeout: 20_000 }).toBeGreaterThan(15);
    const acknowledged = new Map(written);
    const begun = rounds;
    const { name } = await backup(below('backups'));
    expect(rounds).toBeGreaterThan(begun);
    on = false;
    await Promise.all(lanes);
    const report = await restore(below('busy'), below('backups'), name);
    expect(report.collections['default/lights']!.problems).toBe(0);
    await within(below('busy'), async (engine) => {
      const there = engine.in('lights');
      const mine = await dump(there);
      // What was acknowledged before the backup began is there, at that state or a later one.
      for (const [key, n] of acknowledged) {
        const found = await there('GET', '/sources/{source}/documents/{key}', { params: { source: 'api', key } });
        if (found.status === 404) continue;
        const { documentId } = found.body as { documentId: string };
        const text = (await there('GET', '/documents/{documentId}/text', { params: { documentId } })).body as string;
        expect(Number(/entry (\d+)/.exec(text)![1])).toBeGreaterThanOrEqual(n);
      }
      // A generation that is built anew from the restored originals is the same.
      const job = (await there('POST', '/reindex', { json: { switch: true } })).body as JobView;
      const state = async () =>
        ((await engine.client.call('GET', '/v1/jobs/{id}', { params: { id: job.id } })).body as JobView).state;
      await expect.poll(state, { timeout: 30_000 }).toBe('succeeded');
      expect(await dump(there)).toEqual(mine);
      // A write decides above everything that the log had.
      expect((await put('w0-0', 'Written after the restoration.', there)).status).toBe(200);
      const newest = await there('POST', '/search', { json: { query: 'restoration', mode: 'lexical' } });
      expect((newest.body as { hits: { key: string }[] }).hits[0]?.key).toBe('w0-0');
    });
  }, 240_000);

  it('goes into a folder of its own alone, and out into an empty one', async () => {
    await mkdir(below('other'));
    await writeFile(below('other/letter.txt'), 'mine');
    await expect(backup(below('other'))).rejects.toMatchObject({ code: 'conflict' });
    await expect(backup(below('data/inside'))).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(restore(below('other'), below('backups'))).rejects.toMatchObject({ code: 'conflict' });
    expect(await readFile(below('other/letter.txt'), 'utf8')).toBe('mine');
    await expect(restore(below('none'), below('docs'))).rejects.toMatchObject({ code: 'not_found' });
    await expect(restore(below('none'), below('backups'), '2020-01-01T00-00-00-000Z')).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('that is damaged is told from a good one, and nothing is left of the attempt', async () => {
    await backup(below('damaged'));
    const [shard] = (await readdir(below('damaged/objects'))).filter((entry) => /^[0-9a-f]{2}$/.test(entry));
    const [object] = await readdir(below(`damaged/objects/${shard}`));
    const path = below(`damaged/objects/${shard}/${object}`);
    const bytes = await readFile(path);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(path, bytes);
    await expect(restore(below('broken'), below('damaged'))).rejects.toMatchObject({ code: 'data_corrupt' });
    await rm(path);
    await expect(restore(below('broken'), below('damaged'))).rejects.toMatchObject({ code: 'data_corrupt' });
    expect(await readdir(place.path)).not.toContain('broken');
    const [name] = (await readdir(below('damaged'))).filter((entry) => /^\d{4}/.test(entry));
    await appendFile(below(`damaged/${name}/files.ndjson`), '{}\n');
    await expect(restore(below('broken'), below('damaged'))).rejects.toMatchObject({ code: 'data_corrupt' });
  });
});

describe('backup and restore on the command line', () => {
  const run = async (args: string[], killAfterMs?: number) => {
    const child = startCli([...args, '--json', '--config', below('footnote.yaml')], { cwd: place.path });
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    const ended = await endOf(child);
    clearTimeout(timer);
    return ended;
  };

  it('may be killed at any time and done again', async () => {
    await writeFile(below('footnote.yaml'), 'embedding: { model: test-hash }\n');
    const before = await dump();
    await served.close();
    for (const ms of [700, 1000, 1300]) await run(['backup', 'killed', '--data', below('data')], ms);
    const done = await run(['backup', 'killed', '--data', below('data')]);
    expect(complaints(done)).toEqual([]);
    const { name } = JSON.parse(done.stdout) as Report;
    const restoring = ['restore', 'killed', '--backup', name, '--data', below('again')];
    for (const ms of [600, 900, 1200, 1600]) {
      const { signal } = await run(restoring, ms);
      // It may have come to its end before.
      if (signal === null) await rm(below('again'), { recursive: true });
      else await rm(below('again'), { recursive: true, force: true });
    }
    const restored = await run(restoring);
    expect(complaints(restored)).toEqual([]);
    expect(JSON.parse(restored.stdout)).toMatchObject({ ok: true, name });
    await within(below('again'), async (engine) => expect(await dump(engine.in('lights'))).toEqual(before));
    served = await serveEngine(below('data'));
    call = served.in('lights');
    expect(await dump()).toEqual(before);
  }, 240_000);
});
