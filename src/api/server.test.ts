import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { TestApi } from '../../test/support/api.js';
import { startTestApi } from '../../test/support/api.js';
import { DOCUMENT_ID, fakeSurface } from '../../test/support/fake-surface.js';
import { FootnoteError } from '../core/errors.js';
import type { EngineSurface } from '../core/surface.js';
import type { ApiOptions } from './app.js';
import type { ServerOptions } from './server.js';

const open: TestApi[] = [];
afterEach(async () => {
  for (const api of open.splice(0)) await api.close(0);
});

async function start(
  changes: Partial<EngineSurface> = {},
  options: Partial<ApiOptions> = {},
  server: Partial<ServerOptions> = {},
): Promise<TestApi> {
  const api = await startTestApi(fakeSurface(changes), options, server);
  open.push(api);
  return api;
}

interface Raw {
  status: number;
  headers: IncomingHttpHeaders;
  problem: Record<string, unknown>;
}

/** A request with headers that `fetch` would not send. */
function raw(api: TestApi, path: string, headers: Record<string, string>, method = 'GET'): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: api.server.port, path, headers, method }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        const problem = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
        resolve({ status: response.statusCode!, headers: response.headers, problem });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** Sends bytes and returns all that comes until the connection closes. */
function bytes(api: TestApi, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(api.server.port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
    socket.on('close', () => resolve(received));
    socket.on('error', reject);
  });
}

/** A function that a test releases, and the promise of being called. */
function gate<T>(value: T) {
  let release!: () => void;
  let entered!: (signal: AbortSignal) => void;
  const opened = new Promise<void>((resolve) => (release = resolve));
  const called = new Promise<AbortSignal>((resolve) => (entered = resolve));
  const pass = async (_caller: unknown, signal: AbortSignal): Promise<T> => {
    entered(signal);
    await opened;
    return value;
  };
  return { release, called, pass };
}

const STATUS = { version: '1', collections: {} };
const SEARCH = '/v1/collections/{c}/search';

describe('bad requests', () => {
  it('are problems: malformed JSON, wrong types, unknown fields, too large', async () => {
    const { client } = await start();
    const params = { c: 'demo' };
    const json = { 'content-type': 'application/json' };
    const send = async (body: Buffer | string, headers: Record<string, string> = json) =>
      (await client.call('POST', SEARCH, { params, body, headers, wrong: true })).body as Record<string, unknown>;
    expect(await send('{"query":')).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await send('')).toMatchObject({ status: 400 });
    expect(await send('[]')).toMatchObject({ status: 400 });
    expect(await send(Buffer.from([0x7b, 0xff]))).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await send(String.raw`{"query":"\ud800"}`)).toMatchObject({
      status: 400,
      errors: [{ path: 'query', message: 'holds half of a surrogate pair' }],
    });
    expect(await send('{"query":"x","k":1}')).toMatchObject({
      status: 400,
      errors: [{ path: 'k', message: 'is not a known field' }],
    });
    expect(await send('{"query":"x","filter":{"eq":["nope",1]}}')).toMatchObject({
      status: 400,
      code: 'invalid_filter',
    });
    expect(await send('query=x', { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
    expect(await send('{}', { 'content-type': 'application/json; charset=utf-16' })).toMatchObject({ status: 415 });
    expect(await send(JSON.stringify({ query: 'x'.repeat(70_000) }))).toMatchObject({
      status: 413,
      code: 'request_too_large',
    });
  });

  it('are problems: unknown query parameters, names and ids', async () => {
    const { server } = await start();
    for (const path of [
      '/v1/collections/demo/documents?limi=1',
      '/v1/collections/demo/documents?limit=0',
      '/v1/collections/demo/documents?state=x',
      '/v1/collections/.hidden',
      '/v1/collections/demo/documents/not-a-uuid',
    ]) {
      const response = await fetch(server.address + path);
      expect([path, response.status]).toEqual([path, 400]);
      const problem = (await response.json()) as { errors: unknown[] };
      expect(problem.errors).toHaveLength(1);
    }
  });

  it('know 404 from 405', async () => {
    const api = await start();
    expect(await raw(api, '/nope', { host: `localhost:${api.server.port}` })).toMatchObject({
      status: 404,
      problem: { code: 'not_found' },
    });
    const wrong = await raw(api, '/v1/collections/demo/search', { host: `localhost:${api.server.port}` }, 'PUT');
    expect(wrong).toMatchObject({ status: 405, headers: { allow: 'POST' }, problem: { title: 'Method Not Allowed' } });
  });

  it('that are not HTTP, or too large in their headers, or for a proxy, get a problem too', async () => {
    const api = await start();
    expect(await bytes(api, 'NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [^]*problem\+json[^]*invalid_request/);
    const host = `Host: localhost:${api.server.port}\r\n`;
    const large = await bytes(api, `GET /healthz HTTP/1.1\r\n${host}X: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(large).toMatch(/^HTTP\/1\.1 431 [^]*request_too_large/);
    const proxy = await bytes(api, `GET http://example.com/ HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
    expect(proxy).toMatch(/^HTTP\/1\.1 400 [^]*no proxy/);
    const nameless = await bytes(api, 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n');
    expect(nameless).toMatch(/^HTTP\/1\.1 400 [^]*invalid_request/);
  });
});

describe('access', () => {
  it('is for our own names and pages only', async () => {
    const api = await start({}, { hosts: ['rag.internal'], origins: ['https://app.example.com'] });
    const { port } = api.server;
    const status = async (headers: Record<string, string>) => (await raw(api, '/v1/status', headers)).status;
    for (const host of [
      `localhost:${port}`,
      `127.0.0.1:${port}`,
      `[::1]:${port}`,
      'rag.internal',
      `RAG.internal:${port}`,
    ]) {
      expect([host, await status({ host })]).toEqual([host, 200]);
    }
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      'localhost',
      `localhost:${port + 1}`,
      '127.0.0.1.nip.io',
    ]) {
      expect([host, await status({ host })]).toEqual([host, 403]);
    }
    const host = `localhost:${port}`;
    for (const origin of [`http://${host}`, 'https://app.example.com']) {
      expect([origin, await status({ host, origin })]).toEqual([origin, 200]);
    }
    for (const origin of ['https://evil.example', 'null', `https://${host}`, `http://localhost:${port + 1}`]) {
      expect([origin, await status({ host, origin })]).toEqual([origin, 403]);
    }
    const preflight = await raw(api, '/v1/status', { host, origin: 'https://evil.example' }, 'OPTIONS');
    expect(preflight.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('is refused beyond loopback, and on a port that is taken', async () => {
    await expect(start({}, {}, { host: '0.0.0.0' })).rejects.toMatchObject({ code: 'invalid_config' });
    const { server } = await start();
    await expect(start({}, {}, { port: server.port })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('in use') as unknown,
    });
  });
});

describe('limits', () => {
  it('give up on headers and bodies that come too slowly', async () => {
    const slow = { headersTimeoutMs: 50, receiveTimeoutMs: 100, checkIntervalMs: 10 };
    const api = await start({}, {}, slow);
    expect(await bytes(api, 'GET /healthz HTTP/1.1\r\nHost: loc')).toMatch(/^HTTP\/1\.1 408 [^]*request_timeout/);
    const host = `Host: localhost:${api.server.port}\r\n`;
    const head = `POST /v1/collections/demo/search HTTP/1.1\r\n${host}Content-Type: application/json\r\n`;
    expect(await bytes(api, `${head}Content-Length: 100\r\n\r\n{"que`)).toMatch(/^HTTP\/1\.1 408 [^]*request_timeout/);
    const stalled = await start({}, { stallMs: 30 });
    const cut = `${head.replace(String(api.server.port), String(stalled.server.port))}Content-Length: 100\r\n\r\n{"que`;
    expect(await bytes(stalled, cut)).toMatch(/^HTTP\/1\.1 408 [^]*stalled/);
  });

  it('answer at the deadline even when the work does not end, and abort it', async () => {
    const { called, pass } = gate(STATUS);
    const { client } = await start({ status: pass }, { requestTimeoutMs: 100 });
    const { status, body, headers } = await client.call('GET', '/v1/status');
    expect(status).toBe(503);
    expect(body).toMatchObject({ code: 'overloaded' });
    expect(headers.get('retry-after')).toBe('5');
    expect((await called).aborted).toBe(true);
  });

  it('abort the work when the client goes away', async () => {
    const { called, pass } = gate(STATUS);
    const api = await start({ status: pass });
    const controller = new AbortController();
    const answer = fetch(`${api.server.address}/v1/status`, { signal: controller.signal });
    const signal = await called;
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    controller.abort();
    await expect(answer).rejects.toThrow();
    await aborted;
    expect(signal.reason).toMatchObject({ code: 'cancelled' });
  });

  it('refuse more requests than are taken at once, and still tell their health', async () => {
    const { called, pass, release } = gate(STATUS);
    const { client } = await start({ status: pass }, { maxInFlight: 1 });
    const first = client.call('GET', '/v1/status');
    await called;
    const second = await client.call('GET', '/v1/status');
    expect(second.body).toMatchObject({ status: 503, code: 'overloaded' });
    expect((await client.call('GET', '/healthz')).status).toBe(200);
    release();
    expect((await first).status).toBe(200);
  });
});

describe('errors', () => {
  it('tell what to do, and nothing of what is internal', async () => {
    const { client, log } = await start({
      status: async () => {
        throw new TypeError('secret of the house');
      },
      search: async () => {
        throw new FootnoteError('model_missing', 'Run footnote models pull.');
      },
    });
    const internal = await client.call('GET', '/v1/status', { headers: { 'x-request-id': 'r-42' } });
    expect(internal.body).toMatchObject({ status: 500, code: 'internal', requestId: 'r-42' });
    expect(JSON.stringify(internal.body)).not.toContain('secret');
    expect(internal.headers.get('x-request-id')).toBe('r-42');
    expect(log.find(({ msg }) => msg === 'request failed')).toMatchObject({ requestId: 'r-42' });
    const call = { params: { c: 'demo' }, json: { query: 'x' } };
    const missing = await client.call('POST', SEARCH, call);
    expect(missing.body).toMatchObject({ status: 503, code: 'model_missing', detail: 'Run footnote models pull.' });
  });

  it('in a stream of lines are its last line, where lines can say so', async () => {
    const { client } = await start({
      async *verify() {
        yield { type: 'progress', done: 1 };
        throw new FootnoteError('data_corrupt', 'A table is broken.');
      },
    });
    const { body } = await client.call('POST', '/v1/collections/{c}/verify', { params: { c: 'demo' } });
    expect(body).toEqual([
      { type: 'progress', done: 1 },
      { type: 'error', error: { code: 'data_corrupt', message: 'A table is broken.' } },
    ]);
  });

  it('in an export break the connection, and before its first line are problems', async () => {
    let lines = 1;
    const fake = fakeSurface();
    const { client } = await start({
      async *export(...args) {
        for (let line = 0; line < lines; line += 1) yield* fake.export(...args);
        throw new FootnoteError('data_corrupt', 'A table is broken.');
      },
    });
    const call = { params: { c: 'demo' } };
    await expect(client.call('GET', '/v1/collections/{c}/export', call)).rejects.toThrow();
    lines = 5000;
    await expect(client.call('GET', '/v1/collections/{c}/export', call)).rejects.toThrow();
    lines = 0;
    const { body } = await client.call('GET', '/v1/collections/{c}/export', call);
    expect(body).toMatchObject({ status: 500, code: 'data_corrupt' });
  });

  it('of originals break the connection', async () => {
    const { Readable } = await import('node:stream');
    const fake = fakeSurface();
    const original: EngineSurface['documents']['original'] = async () => ({
      content: Readable.from(
        (function* () {
          yield Buffer.from('half');
          throw new Error('disk');
        })(),
      ),
      bytes: 8,
      sha256: 'ab',
      mime: 'text/plain',
    });
    const { client } = await start({ documents: { ...fake.documents, original } });
    const params = { c: 'demo', documentId: DOCUMENT_ID };
    await expect(
      client.call('GET', '/v1/collections/{c}/documents/{documentId}/original', { params }),
    ).rejects.toThrow();
  });

  it('break the document are told by the client that the tests use', async () => {
    const { client } = await start({ status: async () => ({ ...STATUS, extra: 1 }) });
    await expect(client.call('GET', '/v1/status')).rejects.toThrow(/additional properties/);
    await expect(client.call('POST', SEARCH, { params: { c: 'demo' }, json: { query: 1 } })).rejects.toThrow(/request/);
  });
});

describe('streams', () => {
  it('send lines as they come and stop their source when the reader goes', async () => {
    let stopped!: () => void;
    const stop = new Promise<void>((resolve) => (stopped = resolve));
    const api = await start({
      async *verify(_caller, _collection, _request, signal) {
        try {
          yield { type: 'progress', done: 1 };
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        } finally {
          stopped();
        }
      },
    });
    const response = await fetch(`${api.server.address}/v1/collections/demo/verify`, { method: 'POST' });
    const reader = response.body!.getReader();
    const first = await reader.read();
    expect(Buffer.from(first.value as Uint8Array).toString()).toBe('{"type":"progress","done":1}\n');
    await reader.cancel();
    await stop;
  });

  it('carry many lines whole and in order', async () => {
    const total = 20_000;
    const { client } = await start({
      async *verify() {
        for (let done = 0; done < total; done += 1) yield { type: 'progress', done };
      },
    });
    const { body } = await client.call('POST', '/v1/collections/{c}/verify', { params: { c: 'demo' } });
    expect((body as { done: number }[]).every(({ done }, index) => done === index)).toBe(true);
    expect(body).toHaveLength(total);
  });
});

describe('the end', () => {
  it('lets a running request finish, and takes no other', async () => {
    const { called, pass, release } = gate(STATUS);
    const api = await start({ status: pass });
    const running = fetch(`${api.server.address}/v1/status`);
    await called;
    const closed = api.close();
    await expect(fetch(`${api.server.address}/healthz`)).rejects.toThrow();
    release();
    const response = await running;
    expect(response.status).toBe(200);
    expect(response.headers.get('connection')).toBe('close');
    await response.arrayBuffer();
    await closed;
  });

  it('aborts what runs on beyond the grace', async () => {
    let entered!: () => void;
    const called = new Promise<void>((resolve) => (entered = resolve));
    const api = await start({
      status: (_caller, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as FootnoteError), { once: true });
          entered();
        }),
    });
    const running = fetch(`${api.server.address}/v1/status`);
    await called;
    const closed = api.close(0);
    const response = await running;
    expect(response.status).toBe(503);
    expect(((await response.json()) as { code: string }).code).toBe('unavailable');
    await closed;
  });
});

describe('the log and the metrics', () => {
  it('have a line a request, without bodies, queries and keys', async () => {
    const api = await start();
    const call = { params: { c: 'demo', source: 'api', key: 'private-key.md' }, query: { as: 'private-principal' } };
    await api.client.call('GET', '/v1/collections/{c}/sources/{source}/documents/{key}', call);
    await api.client.call('POST', SEARCH, { params: { c: 'demo' }, json: { query: 'private-query' } });
    await api.close();
    const lines = api.log.filter(({ msg }) => msg === 'request');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatchObject({ method: 'POST', route: SEARCH, status: 200 });
    expect(lines[1]!.bytes).toBeGreaterThan(100);
    expect(lines[1]!.ms).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(api.log)).not.toContain('private');
    const { body } = await api.telemetry.expose();
    expect(body).toContain(`footnote_http_seconds_count{route="${SEARCH}",method="POST",status="200"} 1`);
    expect(body).toMatch(/footnote_event_loop_delay_seconds\{quantile="0.99"\} /);
    expect(body).not.toContain('private');
  });
});
