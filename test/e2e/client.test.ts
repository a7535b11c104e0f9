import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FootnoteApiError, FootnoteClient } from '../../src/client/index.js';
import { openApiDocument } from '../../src/engine.js';
import { temporaryFolder } from '../support/fixtures.js';
import type { ServedEngine } from '../support/served-engine.js';
import { serveEngine } from '../support/served-engine.js';

const ENTRY = fileURLToPath(new URL('../../dist/src/client/index.js', import.meta.url));

/** A call of each operation, by its id in the OpenAPI document. */
const CALLS: Readonly<Record<string, (client: FootnoteClient) => unknown>> = {
  search: (c) => c.search('c', { query: 'q' }),
  context: (c) => c.context('c', { query: 'q', budget: { tokens: 9 } }),
  searchMany: (c) => c.searchMany({ collections: ['c'], queries: ['q'] }),
  contextMany: (c) => c.contextMany({ collections: ['c'], queries: ['q'], budget: { tokens: 9 } }),
  why: (c) => c.why('c', { query: 'q', documentId: 'd' }),
  verifyCitations: (c) => c.verifyCitations('c', { citations: ['x'] }),
  addDocument: (c) => c.addDocument('c', { text: 'x' }),
  listDocuments: (c) => c.listDocuments('c', { source: 's', limit: 2, as: ['a', 'b'] }),
  putDocument: (c) =>
    c.putDocument('c', { key: 'a/b.md' }, { content: 'x', contentType: 'text/plain' }, { wait: true }),
  getDocumentByKey: (c) => c.getDocumentByKey('c', { source: 's', key: 'k' }),
  deleteDocumentByKey: (c) => c.deleteDocumentByKey('c', { key: 'k' }),
  deleteSource: (c) => c.deleteSource('c', 's'),
  batchDocuments: (c) => c.batchDocuments('c', { documents: [{ op: 'delete', key: 'k' }] }),
  getDocument: (c) => c.getDocument('c', 'd'),
  patchDocument: (c) => c.patchDocument('c', 'd', { title: 't' }, { ifMatch: '"1"' }),
  deleteDocument: (c) => c.deleteDocument('c', 'd'),
  getDocumentText: (c) => c.getDocumentText('c', 'd', { revision: 'r' }),
  getDocumentChunks: (c) => c.getDocumentChunks('c', 'd'),
  getDocumentOriginal: (c) => c.getDocumentOriginal('c', 'd'),
  listCollections: (c) => c.listCollections(),
  putCollection: (c) => c.putCollection('c'),
  getCollection: (c) => c.getCollection('c'),
  deleteCollection: (c) => c.deleteCollection('c'),
  ingest: (c) => c.ingest('c', { paths: ['/x'] }).next(),
  verify: (c) => c.verify('c').next(),
  export: (c) => c.export('c').next(),
  getRelease: (c) => c.getRelease('c'),
  setRelease: (c) => c.setRelease('c', { generation: 'g-1' }),
  listJobs: (c) => c.listJobs({ state: 'running' }),
  getJob: (c) => c.getJob('j'),
  pauseJob: (c) => c.pauseJob('j'),
  resumeJob: (c) => c.resumeJob('j'),
  cancelJob: (c) => c.cancelJob('j'),
  listDeadLetters: (c) => c.listDeadLetters('c'),
  getDeadLetter: (c) => c.getDeadLetter('c', 'l'),
  replayDeadLetter: (c) => c.replayDeadLetter('c', 'l'),
  dropDeadLetter: (c) => c.dropDeadLetter('c', 'l'),
  reindex: (c) => c.reindex('c'),
  listGenerations: (c) => c.listGenerations('c'),
  dropGeneration: (c) => c.dropGeneration('c', 'g-1'),
  listReleases: (c) => c.listReleases('c'),
  diffGenerations: (c) => c.diffGenerations('c', { a: 'g-1', b: 'g-2' }),
  listKeys: (c) => c.listKeys(),
  createKey: (c) => c.createKey({ scopes: ['read'], principals: ['a'] }),
  revokeKey: (c) => c.revokeKey('k'),
  listSources: (c) => c.listSources(),
  pauseSource: (c) => c.pauseSource('c', 's'),
  resumeSource: (c) => c.resumeSource('c', 's'),
  runSource: (c) => c.runSource('c', 's'),
  confirmSource: (c) => c.confirmSource('c', 's'),
  previewSource: (c) => c.previewSource('c', 's').next(),
  health: (c) => c.health(),
  ready: (c) => c.ready(),
  metrics: (c) => c.metrics(),
  status: (c) => c.status(),
  maintain: (c) => c.maintain(),
  backup: (c) => c.backup({ directory: '/x' }),
  openapi: (c) => c.openapi(),
};
/** For people, in a browser. */
const NOT_FOR_PROGRAMS = ['docs'];

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
}

const operations = Object.entries(openApiDocument('0').paths as Record<string, Record<string, Operation>>).flatMap(
  ([path, methods]) => Object.entries(methods).map(([method, of]) => ({ path, method: method.toUpperCase(), of })),
);

describe('the client', () => {
  it('has a method for each operation, at its place, with its parameters', async () => {
    const ids = operations.map(({ of }) => of.operationId).filter((id) => !NOT_FOR_PROGRAMS.includes(id));
    expect(Object.keys(CALLS).sort()).toEqual(ids.sort());
    for (const { path, method, of } of operations) {
      const call = CALLS[of.operationId];
      if (!call) continue;
      expect(FootnoteClient.prototype, of.operationId).toHaveProperty(of.operationId);
      let asked: { url: URL; init: RequestInit } | undefined;
      const client = new FootnoteClient({
        url: 'http://h/',
        key: 'fn_x',
        fetch: (url, init) => {
          asked = { url: new URL(url), init: init! };
          return Promise.resolve(new Response('{}'));
        },
      });
      await call(client);
      const place = new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
      expect(asked!.init.method, of.operationId).toBe(method);
      expect(asked!.url.pathname, of.operationId).toMatch(place);
      expect((asked!.init.headers as Record<string, string>)['authorization']).toBe('Bearer fn_x');
      const known = (of.parameters ?? []).filter((each) => each.in === 'query').map(({ name }) => name);
      for (const name of asked!.url.searchParams.keys()) expect(known, of.operationId).toContain(name);
    }
  });

  it('imports nothing but itself', async () => {
    const seen = new Set<string>();
    const follow = async (file: string): Promise<void> => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const [, from] of (await readFile(file, 'utf8')).matchAll(/(?:from|import)\s*\(?'([^']+)'/g)) {
        expect(from).toMatch(/^\.\.?\//);
        await follow(join(dirname(file), from!));
      }
    };
    await follow(ENTRY);
    expect([...seen].every((file) => file.includes('/dist/src/client/'))).toBe(true);
  });

  it('comes again when it is asked to, with what may be repeated', async () => {
    const answers = [429, 503, 200];
    const waits: number[] = [];
    const of = (statuses: number[]) => {
      let last = Date.now();
      return new FootnoteClient({
        url: 'http://h',
        maxWaitSeconds: 0.01,
        fetch: () => {
          waits.push(Date.now() - last);
          last = Date.now();
          const status = statuses.shift()!;
          const body = status === 200 ? '{"hits":[]}' : '{"code":"overloaded","detail":"Later.","requestId":"r"}';
          return Promise.resolve(new Response(body, { status, headers: { 'retry-after': '7' } }));
        },
      });
    };
    expect(await of(answers).search('c', { query: 'q' })).toEqual({ hits: [] });
    expect(waits).toHaveLength(3);
    const refused = of([503, 200]).createKey({ scopes: ['read'], principals: [] });
    await expect(refused).rejects.toMatchObject({
      code: 'overloaded',
      status: 503,
      details: { retryAfter: 7, requestId: 'r' },
    });
    await expect(of([429, 429, 429, 429, 200]).status()).rejects.toBeInstanceOf(FootnoteApiError);
  });
});

describe('the client against a server', () => {
  let data: Awaited<ReturnType<typeof temporaryFolder>>;
  let served: ServedEngine;
  let client: FootnoteClient;
  beforeAll(async () => {
    data = await temporaryFolder();
    served = await serveEngine(data.path);
    client = new FootnoteClient({ url: served.url });
  });
  afterAll(async () => {
    await served.close();
    await data.remove();
  });

  it('writes, asks, streams, waits and is told what is wrong', async () => {
    await client.putCollection('lights');
    const text = { content: 'The lamp is oiled at dusk.', contentType: 'text/plain' };
    const put = await client.putDocument('lights', { key: 'a/b.txt' }, text, { wait: true, idempotencyKey: 'once' });
    expect(put).toMatchObject({ state: 'live', chunks: 1 });
    await client.putDocument('lights', { key: 'c' }, { text: 'The fog horn is deaf.', title: 'Horn' }, { wait: true });
    const { hits } = await client.search('lights', { query: 'lamp', mode: 'lexical' });
    expect(hits.map(({ key }) => key)).toEqual(['a/b.txt']);
    const { results } = await client.verifyCitations('lights', { citations: [hits[0]!.citation] });
    expect(results[0]).toMatchObject({ valid: true });
    expect((await client.getDocumentText('lights', put.documentId)).text).toBe(text.content);
    expect(await (await client.getDocumentOriginal('lights', put.documentId)).text()).toBe(text.content);
    const chunks: string[] = [];
    for await (const { key } of client.export('lights')) chunks.push(key);
    expect(chunks.sort()).toEqual(['a/b.txt', 'c']);
    const job = await client.waitForJob((await client.reindex('lights', { switch: true })).id, { everyMs: 50 });
    expect(job.state).toBe('succeeded');
    expect((await client.getRelease('lights')).number).toBe(2);
    await client.deleteDocumentByKey('lights', { key: 'c' }, { wait: true });
    expect((await client.listDocuments('lights', { source: 'api' })).documents).toHaveLength(1);
    await expect(client.getCollection('none')).rejects.toMatchObject({ code: 'collection_not_found', status: 404 });
    const wrong = client.search('lights', { query: 'x', filter: { eq: ['nowhere', 1] } as never });
    await expect(wrong).rejects.toMatchObject({ name: 'FootnoteApiError' });
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(client.status({ signal: aborted })).rejects.toThrow('enough');
  });
});
