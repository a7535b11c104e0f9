import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestApi } from '../../test/support/api.js';
import { startTestApi } from '../../test/support/api.js';
import { DOCUMENT_ID, fakeSurface } from '../../test/support/fake-surface.js';
import type { DocumentAt, EngineSurface } from '../core/surface.js';

const LIMIT = 256 * 1024;
const PUT = '/v1/collections/{c}/sources/{source}/documents/{key}';
const surface = fakeSurface();
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi(surface, { documentBytes: LIMIT, waitMs: 1234 });
});
afterAll(() => api.close());
beforeEach(() => {
  surface.outcome = 'applied';
  surface.stored.clear();
});

const at = (key: string) => ({ c: 'demo', source: 'api', key });
const markdown = { 'content-type': 'text/markdown; charset=latin1' };

describe('a document as raw bytes', () => {
  it('is streamed with its media type and charset', async () => {
    const body = Buffer.alloc(200_000, 'x');
    const answer = await api.client.call('PUT', PUT, { params: at('a.md'), headers: markdown, body });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe('/v1/jobs/j-1');
    const stored = surface.stored.get('a.md')!;
    expect(stored.bytes.equals(body)).toBe(true);
    expect(stored.fields).toEqual({ mime: 'text/markdown', parse: { charset: 'latin1' } });
    expect(stored.options).toEqual({});
  });

  it('may come without a useful media type', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    await api.client.call('PUT', PUT, { params: at('a'), headers, body: 'a=b' });
    expect(surface.stored.get('a')).toMatchObject({ fields: {} });
  });

  it('is refused beyond the limit, announced or not', async () => {
    const tooMuch = Buffer.alloc(LIMIT + 1);
    const announced = await api.client.call('PUT', PUT, { params: at('big'), headers: markdown, body: tooMuch });
    expect(announced.body).toMatchObject({ status: 413, code: 'document_too_large' });
    const unannounced = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let sent = 0; sent <= LIMIT; sent += 65_536) controller.enqueue(new Uint8Array(65_536));
        controller.close();
      },
    });
    const chunked = await api.client.call('PUT', PUT, { params: at('big'), headers: markdown, body: unannounced });
    expect(chunked.body).toMatchObject({ status: 413, code: 'document_too_large' });
    expect(surface.stored.has('big')).toBe(false);
  });

  it('never ends early for a sender that breaks off', async () => {
    let tell!: (error: unknown) => void;
    const ended = new Promise<unknown>((resolve) => (tell = resolve));
    const fake = fakeSurface();
    const put: EngineSurface['documents']['put'] = async (...args) => {
      try {
        return await fake.documents.put(...args);
      } catch (error) {
        tell(error);
        throw error;
      }
    };
    const own = await startTestApi({ ...fake, documents: { ...fake.documents, put } });
    const socket = connect(own.server.port, '127.0.0.1');
    socket.write(
      `PUT /v1/collections/demo/sources/api/documents/cut HTTP/1.1\r\nHost: localhost:${own.server.port}\r\n` +
        `Content-Type: text/plain\r\nContent-Length: 100\r\n\r\nonly this`,
      () => setImmediate(() => socket.destroy()),
    );
    expect(await ended).toMatchObject({ code: 'cancelled' });
    expect(fake.stored.has('cut')).toBe(false);
    await own.close(0);
  });
});

describe('a document as a multipart form', () => {
  const file = () => new File(['# Ü\n'], 'guide.md', { type: 'text/markdown' });

  it.each(['document first', 'file first'])('is read with %s', async (order) => {
    const form = new FormData();
    const fields = JSON.stringify({ title: 'Ü', metadata: { year: 2024 } });
    if (order === 'document first') form.append('document', fields);
    form.append('file', file());
    if (order === 'file first') form.append('document', new Blob([fields], { type: 'application/json' }));
    const { status } = await api.client.call('PUT', PUT, { params: at('m.md'), body: form });
    expect(status).toBe(202);
    const { bytes, fields: read } = surface.stored.get('m.md')!;
    expect(bytes.toString()).toBe('# Ü\n');
    expect(read).toEqual({ title: 'Ü', metadata: { year: 2024 }, mime: 'text/markdown', name: 'guide.md' });
  });

  it('may have no fields', async () => {
    const form = new FormData();
    form.append('file', file());
    expect((await api.client.call('PUT', PUT, { params: at('n.md'), body: form })).status).toBe(202);
  });

  it('is refused when its fields are wrong, wherever they stand', async () => {
    for (const first of [true, false]) {
      const form = new FormData();
      if (first) form.append('document', '{"titel":"x"}');
      form.append('file', file());
      if (!first) form.append('document', '{"titel":"x"}');
      const { body } = await api.client.call('PUT', PUT, { params: at('w.md'), body: form });
      expect(body).toMatchObject({ status: 400, errors: [{ path: 'titel', message: 'is not a known field' }] });
    }
    expect(surface.stored.has('w.md')).toBe(false);
  });

  it('is refused without a file, with two, with other parts, and when it ends early', async () => {
    const none = new FormData();
    none.append('document', '{}');
    const two = new FormData();
    two.append('file', file());
    two.append('file', file());
    const other = new FormData();
    other.append('attachment', file());
    for (const body of [none, two, other]) {
      const answer = await api.client.call('PUT', PUT, { params: at('x'), body });
      expect(answer.body).toMatchObject({ status: 400, code: 'invalid_request' });
    }
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    for (const body of ['--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf', 'nothing']) {
      const answer = await api.client.call('PUT', PUT, { params: at('x'), headers, body });
      expect(answer.body).toMatchObject({ status: 400, code: 'invalid_request' });
    }
    const unbounded = { 'content-type': 'multipart/form-data' };
    const answer = await api.client.call('PUT', PUT, { params: at('x'), headers: unbounded, body: 'x' });
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(surface.stored.has('x')).toBe(false);
  });

  it('is refused beyond the limit', async () => {
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(LIMIT + 1)]));
    const { body } = await api.client.call('PUT', PUT, { params: at('big'), body: form });
    expect(body).toMatchObject({ status: 413, code: 'document_too_large' });
  });
});

describe('a document as JSON', () => {
  const headers = { 'content-type': 'application/vnd.footnote.document+json' };

  it('brings text or base64', async () => {
    const title = 'T';
    await api.client.call('PUT', PUT, { params: at('t'), headers, json: { title, text: 'Ü' } });
    expect(surface.stored.get('t')).toMatchObject({ fields: { title, parse: { charset: 'utf-8' } } });
    expect(surface.stored.get('t')!.bytes.toString()).toBe('Ü');
    await api.client.call('PUT', PUT, { params: at('b'), headers, json: { base64: 'AAH/' } });
    expect([...surface.stored.get('b')!.bytes]).toEqual([0, 1, 255]);
  });

  it('is refused with both, with neither, with wrong base64 and with half a surrogate pair', async () => {
    for (const json of [{ text: 'a', base64: 'AA==' }, {}, { base64: '%' }, { text: 'x\ud800' }]) {
      const { body } = await api.client.call('PUT', PUT, { params: at('w'), headers, json, wrong: true });
      expect(body).toMatchObject({ status: 400, code: 'invalid_request' });
      expect((body as { errors: unknown[] }).errors).toHaveLength(1);
    }
  });
});

describe('waiting', () => {
  const put = () =>
    api.client.call('PUT', PUT, { params: at('a'), query: { wait: 'true' }, headers: markdown, body: 'x' });

  it('answers 200 when it is searchable', async () => {
    const { status, body, headers } = await put();
    expect(status).toBe(200);
    expect(body).toMatchObject({ documentId: DOCUMENT_ID, state: 'live', chunks: 1 });
    expect(headers.get('etag')).toMatch(/^"[^"]+"$/);
    expect(surface.stored.get('a')!.options).toEqual({ waitMs: 1234 });
  });

  it("answers 422 with the row's code when it failed", async () => {
    surface.outcome = 'failed';
    const { status, body } = await put();
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: 'password_required', details: { documentId: DOCUMENT_ID } });
  });

  it('answers 202 and the job when it took too long', async () => {
    surface.outcome = 'accepted';
    const { status, body } = await put();
    expect(status).toBe(202);
    expect(body).toMatchObject({ state: 'pending', job: { id: 'j-1' } });
  });
});

describe('keys', () => {
  it.each([
    'guide/a.md',
    'a b+c',
    'ü/🔑',
    '../../etc/passwd',
    'a/../b',
    '100%',
    '%2F',
    '%25',
    'a?b#c',
    'a:b',
    '~*()',
    '...',
  ])('are one segment, decoded once: %s', async (key) => {
    const { status, body } = await api.client.call('GET', PUT, { params: at(key) });
    expect(status).toBe(200);
    expect((body as { key: string }).key).toBe(key);
    expect((surface.asked.at(-1)!.args[0] as DocumentAt).key).toBe(key);
  });

  it.each([
    ['a%00b', 400],
    ['%FF', 400],
    ['x'.repeat(1025), 400],
    ['a/b', 404],
    ['', 404],
  ])('are refused when no document can have them: %s', async (segment, status) => {
    const response = await fetch(`${api.server.address}/v1/collections/demo/sources/api/documents/${segment}`);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
  });

  it('are made by POST, the same for the same Idempotency-Key', async () => {
    const path = '/v1/collections/{c}/documents';
    const post = (headers: Record<string, string>) =>
      api.client.call('POST', path, { params: { c: 'demo' }, headers: { ...markdown, ...headers }, body: 'x' });
    const keys = [];
    for (const headers of [{ 'idempotency-key': 'k1' }, { 'idempotency-key': 'k1' }, {}, {}]) {
      keys.push(((await post(headers)).body as { key: string }).key);
    }
    expect(keys[0]).toBe(keys[1]);
    expect(new Set(keys).size).toBe(3);
  });
});

describe('conditions', () => {
  const put = (headers: Record<string, string>) =>
    api.client.call('PUT', PUT, { params: at('a'), headers: { ...markdown, ...headers }, body: 'x', wrong: true });

  it('are handed on', async () => {
    await put({ 'if-match': '"v1"', 'idempotency-key': 'k' });
    expect(surface.stored.get('a')!.options).toEqual({ ifMatch: 'v1', idempotencyKey: 'k' });
    await put({ 'if-match': '*' });
    expect(surface.stored.get('a')!.options).toEqual({ ifMatch: '*' });
  });

  it('are refused when they cannot be meant', async () => {
    expect((await put({ 'if-match': 'v1' })).status).toBe(400);
    expect((await put({ 'if-match': 'W/"v1"' })).status).toBe(412);
    expect((await put({ 'if-none-match': '*' })).status).toBe(400);
    expect((await put({ 'idempotency-key': 'a b' })).status).toBe(400);
    expect((await put({ 'content-encoding': 'gzip' })).status).toBe(415);
  });

  it('take merge patches', async () => {
    const json = { metadata: { a: null }, policy: { principals: ['x'] } };
    const headers = { 'content-type': 'application/merge-patch+json', 'if-match': '"v1"' };
    const params = { c: 'demo', documentId: DOCUMENT_ID };
    await api.client.call('PATCH', '/v1/collections/{c}/documents/{documentId}', { params, json, headers });
    expect(surface.asked.at(-1)).toMatchObject({ name: 'documents.patch', args: [{}, json, { ifMatch: 'v1' }] });
  });
});
