import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/core/schemas/jobs.js';
import type { CanonicalChunk, ReleaseView } from '../../src/core/schemas/operations.js';
import type { SearchResult } from '../../src/core/schemas/query.js';
import type { GenerationList, ReleaseDiffResult } from '../../src/core/schemas/reindex.js';
import { temporaryFolder } from '../support/fixtures.js';
import { ingest } from '../support/ingest.js';
import type { ServedEngine } from '../support/served-engine.js';
import { serveEngine } from '../support/served-engine.js';

const DOCUMENTS = 40;
const SLOW = { embedding: { sessions: 1 } };

let data: Awaited<ReturnType<typeof temporaryFolder>>;
let docs: Awaited<ReturnType<typeof temporaryFolder>>;
let served: ServedEngine;
let call: ReturnType<ServedEngine['in']>;

const text = (n: number): string =>
  `# Buoy ${n}\n\n${Array.from({ length: 30 }, (_, p) => `Paragraph ${p} of buoy${n} holds word${n}x${p} and more of the sea.`).join('\n\n')}\n`;

async function start(): Promise<void> {
  served = await serveEngine(data.path, SLOW);
  call = served.in('sea');
}

beforeAll(async () => {
  [data, docs] = await Promise.all([temporaryFolder(), temporaryFolder()]);
  await mkdir(docs.path, { recursive: true });
  for (let n = 0; n < DOCUMENTS; n += 1) await writeFile(join(docs.path, `b${n}.md`), text(n));
  await start();
  await call('PUT', '', { json: {} });
  await ingest(served.engine, 'sea', docs.path);
});
afterAll(async () => {
  await served.close();
  await Promise.all([data.remove(), docs.remove()]);
});

const dump = async () => (await call('GET', '/export')).body as CanonicalChunk[];
const found = async (query: string) =>
  ((await call('POST', '/search', { json: { query, mode: 'lexical', limit: 5 } })).body as SearchResult).hits;
const release = async () => (await call('GET', '/release')).body as ReleaseView;
const generations = async () => ((await call('GET', '/generations')).body as GenerationList).generations;
const reindex = async (json: object) => (await call('POST', '/reindex', { json })).body as JobView;
const job = async (id: string) =>
  (await served.client.call('GET', '/v1/jobs/{id}', { params: { id } })).body as JobView;
const control = (id: string, action: string) =>
  served.client.call('POST', `/v1/jobs/{id}/${action}`, { params: { id } });

async function ended(id: string): Promise<JobView> {
  for (;;) {
    const now = await job(id);
    if (!['queued', 'running', 'paused'].includes(now.state)) return now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('a new generation', () => {
  it('is built with other chunks beside the live one, and released by one switch', async () => {
    const before = await release();
    const chunks = (await dump()).length;
    const made = await reindex({ chunker: { targetTokens: 32 } });
    expect((await call('POST', '/reindex', { json: {} })).status).toBe(409);
    // Writes go on meanwhile, to both.
    await call('PUT', '/sources/{source}/documents/{key}', {
      params: { source: 'api', key: 'new' },
      query: { wait: 'true' },
      headers: { 'content-type': 'text/markdown' },
      body: '# New\n\nThe kelp forest sways.\n',
    });
    expect(await ended(made.id)).toMatchObject({ state: 'succeeded', kind: 'reindex' });
    expect((await release()).generation).toBe(before.generation);
    expect((await dump()).length).toBe(chunks + 1);
    const all = await generations();
    const next = all.find(({ id }) => id !== before.generation)!;
    expect(next).toMatchObject({ state: 'shadow', served: false, ready: true, chunker: { targetTokens: 32 } });
    expect(next.documents.live).toBe(DOCUMENTS + 1);
    await call('PUT', '/release', { json: { generation: next.id, expected: before.number } });
    expect((await dump()).length).toBeGreaterThan(chunks);
    expect((await found('kelp'))[0]?.key).toBe('new');
  });

  it('can be compared with the former one, and rolled back at once', async () => {
    const now = await release();
    const diff = (
      await call('POST', '/generations/diff', {
        json: {
          a: now.previous,
          b: now.generation,
          queries: [
            { query: 'kelp forest', relevant: ['new'] },
            { query: 'word7x3', relevant: ['b7.md'] },
          ],
        },
      })
    ).body as ReleaseDiffResult;
    // Hashes for vectors: what they find besides is chance.
    expect(diff).toMatchObject({ k: 10, queries: 2, judged: { queries: 2 } });
    const recent = (await call('POST', '/generations/diff', { json: { a: now.previous, b: now.generation } })).body;
    expect(recent).toMatchObject({ queries: expect.any(Number) as number });
    // What happens before rolling back is in the former one, too.
    await call('DELETE', '/sources/{source}/documents/{key}', {
      params: { source: 'api', key: 'new' },
      query: { wait: 'true' },
    });
    const back = await call('PUT', '/release', { json: { generation: now.previous } });
    expect(back.status).toBe(200);
    expect(await found('kelp')).toEqual([]);
    expect((await found('word7x3'))[0]?.key).toBe('b7.md');
  });

  it('equals the former one when nothing is built otherwise, and another engine goes on where one stopped', async () => {
    const before = await dump();
    const made = await reindex({ switch: true });
    await control(made.id, 'pause');
    await served.close();
    await start();
    expect((await job(made.id)).state).toBe('paused');
    await control(made.id, 'resume');
    expect(await ended(made.id)).toMatchObject({ state: 'succeeded' });
    expect(await dump()).toEqual(before);
    const { number, generation, previous } = await release();
    expect(number).toBe(4);
    const same = await call('POST', '/generations/diff', {
      json: { a: previous, b: generation, queries: [{ query: 'word7x3' }, { query: 'word9x1' }] },
    });
    expect(same.body).toMatchObject({ overlap: 1, sameFirst: 1, most: [] });
  });

  it('is gone when its job is cancelled', async () => {
    const before = await generations();
    const made = await reindex({ chunker: { targetTokens: 20 } });
    await control(made.id, 'pause');
    await control(made.id, 'cancel');
    expect(await ended(made.id)).toMatchObject({ state: 'cancelled' });
    const ids = async () => (await generations()).map(({ id }) => id);
    await expect.poll(ids).toEqual(before.map(({ id }) => id));
  });

  it('is built from the next live one when the one that it was built from is dropped meanwhile', async () => {
    const { generation: first, previous } = await release();
    const made = await reindex({ chunker: { targetTokens: 24 } });
    await control(made.id, 'pause');
    await call('PUT', '/release', { json: { generation: previous } });
    expect((await call('DELETE', '/generations/{generation}', { params: { generation: first } })).status).toBe(204);
    await control(made.id, 'resume');
    expect(await ended(made.id)).toMatchObject({ state: 'succeeded' });
    const built = (await generations()).find(({ chunker }) => chunker['targetTokens'] === 24)!;
    expect(built).toMatchObject({ state: 'shadow', ready: true, documents: { live: DOCUMENTS } });
  });

  it('is dropped by hand unless it is served', async () => {
    const { generation } = await release();
    const drop = (id: string) =>
      call('DELETE', '/generations/{generation}', { params: { generation: id } }).then(({ status }) => status);
    expect(await drop(generation)).toBe(409);
    for (const { id, served: live } of await generations()) if (!live) expect(await drop(id)).toBe(204);
    expect(await drop('g-000000')).toBe(404);
    expect((await generations()).map(({ id }) => id)).toEqual([generation]);
    expect((await found('word7x3'))[0]?.key).toBe('b7.md');
  });
});
