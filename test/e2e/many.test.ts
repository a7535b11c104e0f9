import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyCreateSchema } from '../../src/core/schemas/keys.js';
import type { ContextManyResult, SearchManyResult, SearchResult } from '../../src/core/schemas/query.js';
import { temporaryFolder } from '../support/fixtures.js';
import type { ServedEngine } from '../support/served-engine.js';
import { serveEngine } from '../support/served-engine.js';
import { writeTinyModel } from '../support/tiny-model.js';

let data: Awaited<ReturnType<typeof temporaryFolder>>;
let served: ServedEngine;

beforeAll(async () => {
  data = await temporaryFolder();
  served = await serveEngine(join(data.path, 'data'), { http: { rateLimit: { requests: 100 } } });
  for (const [collection, texts] of Object.entries({
    boats: { a: 'The mast of the old boat is made of larch.', b: 'A boat needs a keel.' },
    trees: { a: 'A larch loses its needles in autumn.', b: 'Oaks keep dry leaves in winter.' },
    tools: { a: 'A plane smooths the larch plank.' },
  })) {
    const call = served.in(collection);
    await call('PUT', '', { json: {} });
    for (const [key, text] of Object.entries(texts)) await put(call, key, text);
  }
});
afterAll(async () => {
  await served.close();
  await data.remove();
});

const put = (call: ReturnType<ServedEngine['in']>, key: string, body: string, principals?: string[]) =>
  call('PUT', '/sources/{source}/documents/{key}', {
    params: { source: 'api', key },
    query: { wait: 'true' },
    ...(principals
      ? { json: { text: body, policy: { principals } }, headers: { 'content-type': DOCUMENT } }
      : { body, headers: { 'content-type': 'text/plain' } }),
  });
const DOCUMENT = 'application/vnd.footnote.document+json';
const search = (json: object) => served.client.call('POST', '/v1/search', { json: { mode: 'lexical', ...json } });
const names = ({ results }: SearchManyResult) =>
  results.map(({ hits }) => hits.map(({ collection, key }) => `${collection}/${key}`).sort());

describe('several collections and queries in one request', () => {
  it('are answered query by query, each from all of the collections', async () => {
    const answer = await search({ collections: ['boats', 'trees'], queries: ['larch', 'keel', 'nothing of this'] });
    expect(answer.status).toBe(200);
    const body = answer.body as SearchManyResult;
    expect(body.results.map(({ query }) => query)).toEqual(['larch', 'keel', 'nothing of this']);
    expect(names(body)).toEqual([['boats/a', 'trees/a'], ['boats/b'], []]);
    expect(Object.keys(body.results[0]!.releases)).toEqual(['boats', 'trees']);
  });

  it('find in one collection what its own search finds', async () => {
    for (const mode of ['hybrid', 'dense', 'lexical']) {
      const query = 'a boat made of larch';
      const alone = (await served.in('boats')('POST', '/search', { json: { query, mode } })).body as SearchResult;
      const { results } = (await search({ collections: ['boats'], queries: [query], mode })).body as SearchManyResult;
      expect(results[0]!.hits.map(({ collection: _, ...hit }) => hit)).toEqual(alone.hits);
    }
  });

  it('share the limit, and are ranked together', async () => {
    const collections = ['tools', 'trees', 'boats'];
    const ask = async (limit: number) =>
      ((await search({ collections, queries: ['larch'], limit, mode: 'hybrid' })).body as SearchManyResult).results[0]!;
    const { hits } = await ask(5);
    expect(hits.map(({ score }) => score)).toEqual(hits.map(({ score }) => score).toSorted((a, b) => b - a));
    expect((await ask(2)).hits.map(({ chunkId }) => chunkId)).toEqual(hits.slice(0, 2).map(({ chunkId }) => chunkId));
  });

  it('are packed into one context a query, each citation good in its collection', async () => {
    const answer = await served.client.call('POST', '/v1/context', {
      json: { collections: ['boats', 'trees'], queries: ['larch', 'oaks'], budget: { tokens: 200 }, mode: 'lexical' },
    });
    const { results } = answer.body as ContextManyResult;
    const [larch] = results;
    expect(larch!.tokens).toBeLessThanOrEqual(200);
    expect(larch!.citations.map(({ collection }) => collection).sort()).toEqual(['boats', 'trees']);
    expect(larch!.citations.map(({ marker }) => marker)).toEqual(['[1]', '[2]']);
    for (const { collection, ...citation } of larch!.citations) {
      const checked = await served.in(collection)('POST', '/citations/verify', { json: { citations: [citation] } });
      expect(checked.body).toMatchObject({ results: [{ valid: true, current: true }] });
      const other = collection === 'boats' ? 'trees' : 'boats';
      const elsewhere = await served.in(other)('POST', '/citations/verify', { json: { citations: [citation] } });
      expect(elsewhere.body).toMatchObject({ results: [{ valid: false, reason: 'not_found' }] });
    }
    expect(results[1]!.context).toContain('Oaks');
  });

  it('are refused when one is not there, is named twice, or is too much', async () => {
    const refusals: [object, number, string][] = [
      [{ collections: ['boats', 'none'], queries: ['x'] }, 404, 'collection_not_found'],
      [{ collections: ['boats', 'boats'], queries: ['x'] }, 400, 'invalid_request'],
      [{ collections: [], queries: ['x'] }, 400, 'invalid_request'],
      [{ collections: ['boats'], queries: Array.from({ length: 33 }, () => 'x') }, 400, 'invalid_request'],
    ];
    for (const [json, status, code] of refusals) {
      // Some of these the OpenAPI document forbids already.
      const answer = await fetch(`${served.url}/v1/search`, {
        method: 'POST',
        body: JSON.stringify(json),
        headers: { 'content-type': 'application/json' },
      });
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code]);
    }
  });

  it('of different models are refused unless the query is lexical', async () => {
    const model = await writeTinyModel(join(data.path, 'tiny'), { pooling: 'mean' });
    const job = (await served.in('tools')('POST', '/reindex', { json: { model, switch: true } })).body as {
      id: string;
    };
    const state = async () =>
      ((await served.client.call('GET', '/v1/jobs/{id}', { params: { id: job.id } })).body as { state: string }).state;
    await expect.poll(state, { timeout: 20_000 }).toBe('succeeded');
    const both = { collections: ['boats', 'tools'], queries: ['larch'] };
    const refused = await search({ ...both, mode: 'hybrid' });
    expect([refused.status, (refused.body as { code: string }).code]).toEqual([409, 'space_mismatch']);
    expect(names((await search(both)).body as SearchManyResult)).toEqual([['boats/a', 'tools/a']]);
  });

  it('give each caller its own: collections of the key, principals, `as`, and as many requests as they stand for', async () => {
    await put(served.in('trees'), 'secret', 'The larch of the board.', ['board']);
    const make = async (more: object) => {
      const key = KeyCreateSchema.parse({ scopes: ['read'], principals: ['local', 'board'], ...more });
      return (await served.engine.surface.keys.create(served.engine.caller, key, false, NEVER)).secret;
    };
    const ask = async (secret: string, json: object) => {
      const headers = { authorization: `Bearer ${secret}` };
      return served.client.call('POST', '/v1/search', { headers, json: { mode: 'lexical', ...json } });
    };
    const all = { collections: ['boats', 'trees'], queries: ['larch'] };
    const board = await make({});
    expect(names((await ask(board, all)).body as SearchManyResult)).toEqual([['boats/a', 'trees/a', 'trees/secret']]);
    const staff = await ask(board, { ...all, as: { principals: ['local'] } });
    expect(names(staff.body as SearchManyResult)).toEqual([['boats/a', 'trees/a']]);
    const one = await make({ collections: ['boats'] });
    expect((await ask(one, all)).status).toBe(404);
    expect((await ask(one, { ...all, collections: ['boats'] })).status).toBe(200);
    const careful = await make({ requireAs: true });
    expect((await ask(careful, all)).status).toBe(403);
    const much = { collections: ['boats', 'trees'], queries: Array.from({ length: 30 }, () => 'larch') };
    const busy = await make({});
    expect((await ask(busy, much)).status).toBe(200);
    expect((await ask(busy, much)).status).toBe(429);
  });
});

const NEVER = new AbortController().signal;
