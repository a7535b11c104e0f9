import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestApi } from '../../test/support/api.js';
import { TOKEN, startTestApi } from '../../test/support/api.js';
import { DOCUMENT_ID, REVISION, fakeSurface } from '../../test/support/fake-surface.js';
import type { Call } from '../../test/support/openapi-client.js';
import { openApiDocument } from './openapi.js';

const surface = fakeSurface();
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi(surface);
});
afterAll(() => api.close());

const c = { c: 'demo' };
const byId = { ...c, documentId: DOCUMENT_ID };
const byKey = { ...c, source: 'api', key: 'guide/a.md' };
const text = { headers: { 'content-type': 'text/markdown' }, body: '# A\n' };

/** One call of every route that succeeds, with its status. */
const CALLS: [method: string, path: string, status: number, call?: Call][] = [
  ['GET', '/healthz', 200],
  ['GET', '/readyz', 200],
  ['GET', '/metrics', 200],
  ['GET', '/openapi.json', 200],
  ['GET', '/docs', 200],
  ['GET', '/v1/status', 200],
  ['GET', '/v1/collections', 200],
  ['PUT', '/v1/collections/{c}', 201, { params: c, json: { defaultPolicy: { principals: ['local'] } } }],
  ['GET', '/v1/collections/{c}', 200, { params: c }],
  ['DELETE', '/v1/collections/{c}', 204, { params: c }],
  ['POST', '/v1/collections/{c}/documents', 202, { params: c, ...text }],
  ['POST', '/v1/collections/{c}/documents:batch', 202, { params: c, json: { documents: [{ key: 'a', text: 'x' }] } }],
  ['GET', '/v1/collections/{c}/documents', 200, { params: c, query: { source: 'api', limit: 5, as: ['a', 'b'] } }],
  ['GET', '/v1/collections/{c}/documents/{documentId}', 200, { params: byId }],
  ['PATCH', '/v1/collections/{c}/documents/{documentId}', 202, { params: byId, json: { title: null } }],
  ['DELETE', '/v1/collections/{c}/documents/{documentId}', 202, { params: byId }],
  ['GET', '/v1/collections/{c}/documents/{documentId}/text', 200, { params: byId, query: { revision: REVISION } }],
  ['GET', '/v1/collections/{c}/documents/{documentId}/chunks', 200, { params: byId }],
  ['GET', '/v1/collections/{c}/documents/{documentId}/original', 200, { params: byId }],
  ['PUT', '/v1/collections/{c}/sources/{source}/documents/{key}', 202, { params: byKey, ...text }],
  ['GET', '/v1/collections/{c}/sources/{source}/documents/{key}', 200, { params: byKey }],
  ['DELETE', '/v1/collections/{c}/sources/{source}/documents/{key}', 202, { params: byKey }],
  ['DELETE', '/v1/collections/{c}/sources/{source}', 202, { params: { ...c, source: 'api' } }],
  ['POST', '/v1/collections/{c}/search', 200, { params: c, json: { query: 'key', mode: 'lexical' } }],
  ['POST', '/v1/collections/{c}/context', 200, { params: c, json: { query: 'key', budget: { tokens: 99 } } }],
  ['POST', '/v1/backup', 202, { json: { directory: '/srv/backups' }, headers: { authorization: `Bearer ${TOKEN}` } }],
  ['POST', '/v1/maintain', 202, { headers: { authorization: `Bearer ${TOKEN}` } }],
  ['POST', '/v1/search', 200, { json: { collections: ['handbook', 'tickets'], queries: ['key', 'lock'] } }],
  ['POST', '/v1/context', 200, { json: { collections: ['handbook'], queries: ['key'], budget: { tokens: 99 } } }],
  ['POST', '/v1/collections/{c}/why', 200, { params: c, json: { query: 'key', documentId: DOCUMENT_ID } }],
  [
    'POST',
    '/v1/collections/{c}/citations/verify',
    200,
    { params: c, json: { citations: ['c1x', { id: 'c1y', n: 1 }] } },
  ],
  [
    'POST',
    '/v1/collections/{c}/ingest',
    200,
    { params: c, json: { paths: ['/srv/docs'] }, headers: { authorization: `Bearer ${TOKEN}` } },
  ],
  ['POST', '/v1/collections/{c}/verify', 200, { params: c }],
  ['GET', '/v1/collections/{c}/export', 200, { params: c }],
  ['GET', '/v1/collections/{c}/dlq', 200, { params: c }],
  ['GET', '/v1/collections/{c}/dlq/{id}', 200, { params: { ...c, id: 'd-1' } }],
  ['POST', '/v1/collections/{c}/dlq/{id}/replay', 200, { params: { ...c, id: 'd-1' } }],
  ['POST', '/v1/collections/{c}/dlq/{id}/drop', 204, { params: { ...c, id: 'd-1' } }],
  ['GET', '/v1/collections/{c}/release', 200, { params: c }],
  ['PUT', '/v1/collections/{c}/release', 200, { params: c, json: { generation: 'g-2', expected: 1 } }],
  ['POST', '/v1/collections/{c}/reindex', 202, { params: c, json: { chunker: { targetTokens: 128 } } }],
  ['GET', '/v1/collections/{c}/generations', 200, { params: c }],
  ['DELETE', '/v1/collections/{c}/generations/{generation}', 204, { params: { ...c, generation: 'g-2' } }],
  ['GET', '/v1/collections/{c}/releases', 200, { params: c }],
  ['POST', '/v1/collections/{c}/generations/diff', 200, { params: c, json: { a: 'g-1', b: 'g-2' } }],
  ['GET', '/v1/keys', 200],
  ['POST', '/v1/keys', 201, { json: { scopes: ['read'], principals: ['staff'] } }],
  ['DELETE', '/v1/keys/{id}', 204, { params: { id: 'k-1' } }],
  ['GET', '/v1/jobs', 200, { query: { state: 'running', kind: 'document' } }],
  ['GET', '/v1/jobs/{id}', 200, { params: { id: 'j-1' } }],
  ['POST', '/v1/jobs/{id}/pause', 200, { params: { id: 'j-1' } }],
  ['POST', '/v1/jobs/{id}/resume', 200, { params: { id: 'j-1' } }],
  ['POST', '/v1/jobs/{id}/cancel', 200, { params: { id: 'j-1' } }],
  ['GET', '/v1/connectors', 200],
  ...['pause', 'resume', 'run', 'confirm', 'preview'].map((action): (typeof CALLS)[number] => [
    'POST',
    `/v1/connectors/{collection}/{source}/${action}`,
    200,
    { params: { collection: 'demo', source: 'docs' } },
  ]),
];

describe('every route', () => {
  it.each(CALLS)('%s %s answers %i as documented', async (method, path, status, call) => {
    const answer = await api.client.call(method, path, call);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('is mounted, documented and called here', () => {
    const documented = Object.entries(openApiDocument().paths ?? {}).flatMap(([path, item]) =>
      Object.keys(item as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const mounted = api.routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(?=\/|$)/g, '{$1}')}`);
    const fixed = mounted.map((route) => route.replace('documents{batch}', 'documents:batch'));
    expect([...new Set(fixed)].sort()).toEqual([...documented].sort());
    expect([...api.client.called].sort()).toEqual([...documented].sort());
  });
});

describe('reads', () => {
  const last = (name: string) => surface.asked.filter((call) => call.name === name).at(-1)!;

  it('narrow the caller by repeated `as`, and never widen', async () => {
    const path = '/v1/collections/{c}/documents/{documentId}';
    await api.client.call('GET', path, { params: byId, query: { as: ['local', 'root'] } });
    expect(last('documents.get').caller).toEqual({ tenant: 'default', principals: ['local'] });
    await api.client.call('GET', path, { params: byId, query: { as: 'root' } });
    expect(last('documents.get').caller?.principals).toEqual([]);
    await api.client.call('GET', path, { params: byId });
    expect(last('documents.get').caller?.principals).toEqual(['local']);
  });

  it('hand `as` of a body on', async () => {
    const json = { query: 'x', as: { principals: ['a'] } };
    await api.client.call('POST', '/v1/collections/{c}/search', { params: c, json });
    expect(last('search').args).toEqual(['demo', { ...json, mode: 'hybrid', limit: 10 }]);
  });

  it('page by cursor', async () => {
    const query = { cursor: 'more', limit: 7, state: 'failed' };
    const { body } = await api.client.call('GET', '/v1/collections/{c}/documents', { params: c, query });
    expect(body).toMatchObject({ next: 'more' });
    expect(last('documents.list').args).toEqual(['demo', { after: 'more', limit: 7, state: 'failed' }]);
  });

  it('give text as text, or as JSON when asked', async () => {
    const path = '/v1/collections/{c}/documents/{documentId}/text';
    const plain = await api.client.call('GET', path, { params: byId });
    expect(plain.body).toBe('Turn 🔑\n');
    expect(plain.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const json = await api.client.call('GET', path, { params: byId, headers: { accept: 'application/json' } });
    expect(json.body).toEqual({ documentId: DOCUMENT_ID, revision: REVISION, text: 'Turn 🔑\n' });
  });

  it('give originals as a download that no browser runs', async () => {
    const path = '/v1/collections/{c}/documents/{documentId}/original';
    const { body, headers } = await api.client.call('GET', path, { params: byId });
    expect(body).toBe('hello');
    expect(headers.get('content-security-policy')).toContain('sandbox');
    expect(headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''%C3%BC%20%221%22.html");
    const head = await fetch(`${api.server.address}/v1/collections/demo/documents/${DOCUMENT_ID}/original`, {
      method: 'HEAD',
    });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe('5');
  });
});

describe('streams of lines', () => {
  it('need the token where they read files of the server', async () => {
    const json = { paths: ['/etc'] };
    const without = await api.client.call('POST', '/v1/collections/{c}/ingest', { params: c, json });
    expect(without.body).toMatchObject({ status: 401, code: 'unauthorized' });
    const wrong = { authorization: 'Bearer wrong' };
    const refused = await api.client.call('GET', '/v1/status', { headers: wrong, wrong: true });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('end with a summary', async () => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const call = { params: c, json: { paths: ['/srv/a'] }, headers };
    const { body } = await api.client.call('POST', '/v1/collections/{c}/ingest', call);
    expect((body as { type: string }[]).map(({ type }) => type)).toEqual(['progress', 'file', 'summary']);
  });
});
