import { mkdir, writeFile } from 'node:fs/promises';
import { connect as connectTo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect, makeArrowTable } from '@lancedb/lancedb';
import { SqliteDatabase } from '../../src/adapters/sqlite/database.js';
import { openSqliteLog } from '../../src/adapters/log/sqlite/index.js';
import type { JobView } from '../../src/core/schemas/jobs.js';
import { EVENT_VERSION } from '../../src/core/event.js';
import { streamOf } from '../../src/core/generation.js';
import { openEngine } from '../../src/engine.js';
import { runCli } from '../support/cli.js';
import { makeEvent, temporaryFolder } from '../support/fixtures.js';
import { ingest } from '../support/ingest.js';
import { serveEngine, engineConfig } from '../support/served-engine.js';
import { writeTinyModel } from '../support/tiny-model.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

const below = (...names: string[]) => join(folder.path, ...names);
const cli = (...args: string[]) => runCli(args, { cwd: folder.path });

/** The error that a failed command tells as JSON. */
async function failure(...args: string[]): Promise<{ code: string; message: string }> {
  const result = await cli(...args, '--json');
  expect(result, args.join(' ')).toMatchObject({ code: 1, stdout: '' });
  // The log's lines may stand before it.
  const last = result.stderr.trim().split('\n').at(-1)!;
  return (JSON.parse(last) as { error: { code: string; message: string } }).error;
}

function change(file: string, sql: string, ...values: string[]): void {
  const database = new SqliteDatabase(file, { synchronous: 'FULL' });
  database.run(sql, values);
  database.close();
}

describe('data of newer software', () => {
  const data = () => below('data');
  let generation: string;
  beforeEach(async () => {
    const { engine, ...served } = await serveEngine(data());
    const { signal } = new AbortController();
    await engine.surface.collections.put(engine.caller, 'c', {}, signal);
    await mkdir(below('docs'));
    await writeFile(below('docs', 'a.md'), '# A\n\nOf copper.\n');
    await ingest(engine, 'c', below('docs'));
    generation = (await engine.surface.release.get(engine.caller, 'c', signal)).generation;
    await served.close();
  });

  it.each([
    {
      what: 'the data directory',
      make: async () => writeFile(join(data(), 'format.json'), '{"format": 99}'),
      advice: /upgrade Footnote, or use another directory/,
    },
    {
      what: 'the catalog',
      make: async () =>
        change(join(data(), 'catalog.db'), "UPDATE meta SET value = '99' WHERE name = 'catalog.format'"),
      advice: /upgrade Footnote, or restore a backup/,
    },
    {
      what: 'the log',
      make: async () => change(join(data(), 'log.db'), "UPDATE meta SET value = '99' WHERE name = 'format'"),
      advice: /upgrade Footnote, or restore a backup/,
    },
    {
      what: 'the vector cache',
      make: async () => change(join(data(), 'cache.db'), "UPDATE meta SET value = 99 WHERE name = 'format'"),
      advice: /upgrade Footnote, or delete .*cache\.db/,
    },
    {
      what: 'the layout of blobs',
      make: async () => writeFile(join(data(), 'blobs', 'format.json'), '{"format": 99}'),
      advice: /upgrade Footnote, or restore a backup/,
    },
  ])('is refused when it is $what, and left as it is', async ({ make, advice }) => {
    await make();
    const error = await openEngine(engineConfig(data())).then(
      (engine) => engine.close().then(() => undefined),
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'data_newer', message: expect.stringMatching(advice) as string });
    expect((await failure('status', '--data', 'data')).code).toBe('data_newer');
    // The refusal gave the directory free, and a second one finds it as it was.
    await expect(openEngine(engineConfig(data()))).rejects.toMatchObject({ code: 'data_newer' });
  });

  it('is told by whoever meets it when it is a table of vectors', async () => {
    const foreign = await connect(join(data(), 'vectors'));
    const table = makeArrowTable([{ id: 'x' }]);
    table.schema.metadata.set('footnote', JSON.stringify({ format: 99, vectors: { text: 32 } }));
    await foreign.createTable(generation, table, { mode: 'overwrite' });
    foreign.close();
    await writeFile(join(data(), 'vectors', `${generation}.durable`), '99\n');
    const served = await serveEngine(data());
    try {
      const answer = await served.in('c')('POST', '/search', { json: { query: 'copper' } });
      expect(answer.body).toMatchObject({ status: 500, code: 'data_newer' });
      expect((answer.body as { detail: string }).detail).toContain('upgrade Footnote');
    } finally {
      await served.close();
    }
  });

  it('is told by searches and changes when the terms are of a newer analyzer', async () => {
    change(join(data(), 'catalog.db'), "UPDATE generations SET spec = json_set(spec, '$.analyzer.version', '99')");
    const served = await serveEngine(data());
    try {
      for (const mode of ['lexical', 'hybrid']) {
        const { body } = await served.in('c')('POST', '/search', { json: { query: 'copper', mode } });
        expect(body, mode).toMatchObject({ code: 'data_newer', detail: expect.stringContaining('reindex') as string });
      }
      await writeFile(below('docs', 'b.md'), '# B\n\nOf tin.\n');
      await expect(ingest(served.engine, 'c', below('docs'))).rejects.toMatchObject({ code: 'data_newer' });
      // The advice helps.
      const { id } = (await served.in('c')('POST', '/reindex', { json: { switch: true } })).body as JobView;
      let job: JobView;
      do {
        await delay(20);
        job = (await served.client.call('GET', '/v1/jobs/{id}', { params: { id } })).body as JobView;
      } while (job.state === 'queued' || job.state === 'running');
      expect(job.error).toBeUndefined();
      await ingest(served.engine, 'c', below('docs'));
      const { body } = await served.in('c')('POST', '/search', { json: { query: 'tin', mode: 'lexical' } });
      expect(body).toMatchObject({ hits: [{ key: 'b.md' }] });
    } finally {
      await served.close();
    }
  });

  it('stops the collection whose log holds a newer event, says so, and loses nothing', async () => {
    const log = openSqliteLog(join(data(), 'log.db'));
    const newer = makeEvent('z.md', { v: EVENT_VERSION + 1, tenant: 'default', collection: 'c', source: 'files' });
    await log.append(streamOf('default', 'c'), [newer]);
    await log.close();
    const served = await serveEngine(data());
    try {
      const call = served.in('c');
      let ready: unknown;
      do {
        await delay(20);
        ready = (await served.client.call('GET', '/readyz')).body;
      } while ((ready as { ready: boolean }).ready);
      expect(JSON.stringify(ready)).toContain('upgrade Footnote');
      const hits = (await call('POST', '/search', { json: { query: 'copper', mode: 'lexical' } })).body;
      expect(hits).toMatchObject({ hits: [{ key: 'a.md' }] });
      await expect(ingest(served.engine, 'c', below('docs'))).rejects.toMatchObject({ code: 'data_newer' });
      const status = (await served.client.call('GET', '/v1/status')).body;
      expect(status).toMatchObject({
        collections: { c: { lag: 1, generations: [{ state: expect.stringContaining('data_newer') as string }] } },
      });
    } finally {
      await served.close();
    }
  });
});

describe('a data directory in use', () => {
  it('has one engine, which is named, and is free again after it', async () => {
    const first = await openEngine(engineConfig(below('data')));
    await expect(openEngine(engineConfig(below('data')))).rejects.toMatchObject({
      code: 'data_in_use',
      message: expect.stringMatching(/process \d+ .*--data/) as string,
    });
    expect((await failure('serve', '--data', 'data', '--port', '0')).code).toBe('data_in_use');
    await first.close();
    await (await openEngine(engineConfig(below('data')))).close();
  });

  it('of a server whose port is taken says which setting to change', async () => {
    const served = await serveEngine(below('data'));
    try {
      const error = await failure('serve', '--data', 'other', '--port', new URL(served.url).port);
      expect(error).toMatchObject({ code: 'unavailable', message: expect.stringContaining('http.port') as string });
    } finally {
      await served.close();
    }
  });
});

describe('a model that cannot be used', () => {
  const config = (model: string, more = '') =>
    writeFile(below('footnote.yaml'), `data: data\ncache: cache\nembedding: {model: ${model}, offline: true${more}}\n`);

  it('is missing: what to do is said', async () => {
    await config('all-MiniLM-L6-v2');
    const error = await failure('collections', 'create', 'c');
    expect(error.code).toBe('model_missing');
    expect(error.message).toMatch(/models pull|offline/);
    await config('all-MiniLM-L7');
    const unknown = await failure('collections', 'create', 'c');
    expect(unknown).toMatchObject({ code: 'model_missing', message: expect.stringContaining('Built in:') as string });
    await config('./no-such-folder');
    const absent = await failure('collections', 'create', 'c');
    expect(absent).toMatchObject({ code: 'model_missing' });
    expect(absent.message).toContain('footnote-model.json');
  });

  it('is not the file that the manifest means: it is never used', async () => {
    await writeTinyModel(below('tiny'), {
      pooling: 'mean',
      manifest: {
        files: [
          { role: 'model', name: 'model.onnx', sha256: '0'.repeat(64) },
          { role: 'tokenizer', name: 'tokenizer.json' },
        ],
      },
    });
    await config('./tiny');
    const error = await failure('collections', 'create', 'c');
    expect(error.code).toBe('model_hash_mismatch');
    expect(error.message).toContain('model.onnx');
    const verified = await cli('models', 'verify', './tiny', '--json');
    expect(verified.code).toBe(1);
    expect(JSON.parse(verified.stdout)).toMatchObject({ ok: false });
  });

  it('gives vectors of other dimensions than its manifest says', async () => {
    await writeTinyModel(below('tiny'), { pooling: 'mean', manifest: { dims: 12 } });
    await config('./tiny');
    const error = await failure('collections', 'create', 'c');
    expect(error.code).toBe('model_unsupported');
    expect(error.message).toMatch(/12.*8|8.*12/);
  });

  it('was changed under a collection: its queries and documents are refused, and nothing is mixed', async () => {
    await writeTinyModel(below('tiny'), { pooling: 'mean' });
    await config('./tiny');
    await mkdir(below('docs'));
    await writeFile(below('docs', 'a.md'), 'the cat sat\n');
    expect((await cli('ingest', 'docs', '--collection', 'c')).code).toBe(0);
    await writeTinyModel(below('tiny'), { pooling: 'cls' });
    await writeFile(below('docs', 'b.md'), 'the dog ran\n');
    const search = await failure('search', 'cat', '--collection', 'c');
    expect(search).toMatchObject({ code: 'space_mismatch', message: expect.stringContaining('reindex') as string });
    const late = await failure('ingest', 'docs', '--collection', 'c');
    expect(late.code).toBe('build_mismatch');
    expect((await cli('search', 'cat', '--collection', 'c', '--mode', 'lexical')).code).toBe(0);
    await writeTinyModel(below('tiny'), { pooling: 'mean' });
    expect((await cli('ingest', 'docs', '--collection', 'c')).code).toBe(0);
    expect((await cli('verify')).code).toBe(0);
  });
});

describe('clients that are slow', () => {
  let data: Awaited<ReturnType<typeof temporaryFolder>>;
  let served: Awaited<ReturnType<typeof serveEngine>>;
  beforeAll(async () => {
    data = await temporaryFolder();
    served = await serveEngine(data.path, { http: { requestTimeoutMs: 3000 } });
    await served.in('c')('PUT', '', { json: {} });
  });
  afterAll(async () => {
    await served.close();
    await data.remove();
  });

  it('get 408 and lose their connection, while others are answered', async () => {
    const { port, host } = new URL(served.url);
    const socket = connectTo(Number(port), '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    const closed = new Promise((done) => socket.once('close', done));
    socket.write(
      `POST /v1/collections/c/search HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
        'Content-Length: 100\r\n\r\n{"query": ',
    );
    const other = await served.in('c')('POST', '/search', { json: { query: 'x' } });
    expect(other.status).toBe(200);
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('request_timeout');
  });
});
