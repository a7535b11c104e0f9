import { afterEach, describe, expect, it } from 'vitest';
import type { TestApi } from '../../test/support/api.js';
import { TOKEN, startTestApi } from '../../test/support/api.js';
import { DOCUMENT_ID, fakeSurface } from '../../test/support/fake-surface.js';
import type { ApiKey } from '../core/ports/catalog.js';
import type { ApiOptions } from './app.js';
import { endpoints } from './routes.js';

const AT = '2026-01-01T00:00:00.000Z';
const key = (change: Partial<ApiKey> = {}): ApiKey => ({
  id: 'k-1',
  hash: '',
  tenant: 'acme',
  principals: ['staff', 'board'],
  scopes: ['read', 'write', 'admin'],
  requireAs: false,
  createdAt: AT,
  ...change,
});

let api: TestApi;
const surface = fakeSurface();
afterEach(() => api.close());

async function start(keys: Record<string, ApiKey>, options: Partial<ApiOptions> = {}): Promise<void> {
  const checks = { required: async () => true, find: async (secret: string) => keys[secret] };
  api = await startTestApi(surface, { keys: checks, ...options });
}

async function ask(method: string, path: string, secret?: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${api.server.address}${path}`, {
    method,
    ...init,
    headers: { ...init.headers, ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }) },
  });
}

const search = (secret: string, body: object = {}): Promise<Response> =>
  ask('POST', '/v1/collections/demo/search', secret, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: 'x', mode: 'lexical', ...body }),
  });

const codeOf = async (answer: Response): Promise<string> => ((await answer.json()) as { code: string }).code;

/** A path that each route matches. */
const pathOf = (path: string): string =>
  path
    .replace('{c}', 'demo')
    .replace('{documentId}', DOCUMENT_ID)
    .replaceAll(/\{\w+\}/g, 'x');

describe('once there are keys', () => {
  it('every route but the public ones needs one', async () => {
    await start({});
    for (const { spec } of endpoints) {
      const answer = await ask(spec.method.toUpperCase(), pathOf(spec.path));
      const open = spec.scope === 'public';
      expect(`${spec.operationId} ${answer.status === 401}`).toBe(`${spec.operationId} ${!open}`);
      await answer.body?.cancel();
    }
  });

  it('every route wants its scope, and the scopes do not include each other', async () => {
    const scopes = ['read', 'write', 'admin'];
    await start(Object.fromEntries(scopes.map((scope) => [scope, key({ scopes: [scope] })])));
    for (const { spec } of endpoints) {
      for (const scope of scopes) {
        const answer = await ask(spec.method.toUpperCase(), pathOf(spec.path), scope);
        const { status } = answer;
        await answer.body?.cancel();
        const about = `${spec.operationId} with ${scope}`;
        if (spec.scope === 'machine') expect(`${about}: ${status}`).toBe(`${about}: 401`);
        else if (spec.scope === 'public' || spec.scope === 'any' || spec.scope === scope)
          expect(`${about}: ${status === 403}`).toBe(`${about}: false`);
        else expect(`${about}: ${status}`).toBe(`${about}: 403`);
      }
    }
  });

  it('a key makes the caller, whatever the request says', async () => {
    await start({ good: key() });
    expect((await search('good', { as: { principals: ['staff', 'root'] } })).status).toBe(200);
    expect(surface.asked.at(-1)).toMatchObject({ caller: { tenant: 'acme', principals: ['staff', 'board'] } });
    expect(await codeOf(await search('bad'))).toBe('unauthorized');
    expect(await codeOf(await search(''))).toBe('unauthorized');
  });

  it('the token of the machine still does everything', async () => {
    await start({});
    expect((await ask('GET', '/v1/keys', TOKEN)).status).toBe(200);
    expect((await search(TOKEN)).status).toBe(200);
  });

  it('a key that is limited to collections finds no others', async () => {
    await start({ narrow: key({ collections: ['other'] }) });
    for (const { spec } of endpoints) {
      if (!/\{c(ollection)?\}/.test(spec.path) || spec.scope === 'machine') continue;
      const answer = await ask(spec.method.toUpperCase(), pathOf(spec.path), 'narrow');
      expect(`${spec.operationId} ${answer.status}`).toBe(`${spec.operationId} 404`);
      expect(await codeOf(answer)).toBe('collection_not_found');
    }
  });

  it('a key that requires it must say for whom each read is', async () => {
    await start({ chat: key({ requireAs: true }) });
    expect(await codeOf(await search('chat'))).toBe('principals_required');
    expect((await search('chat', { as: { principals: ['staff'] } })).status).toBe(200);
    const list = '/v1/collections/demo/documents';
    expect(await codeOf(await ask('GET', list, 'chat'))).toBe('principals_required');
    expect((await ask('GET', `${list}?as=staff`, 'chat')).status).toBe(200);
  });

  it('counts requests a key, and says how many are left', async () => {
    await start({ a: key({ id: 'a' }), b: key({ id: 'b' }) }, { rateLimit: { requests: 2, seconds: 60 } });
    const first = await search('a');
    expect(first.headers.get('ratelimit-policy')).toBe('"key";q=2;w=60');
    expect(first.headers.get('ratelimit')).toMatch(/^"key";r=1;t=\d+$/);
    await search('a');
    const third = await search('a');
    expect(third.status).toBe(429);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(third.headers.get('ratelimit')).toMatch(/r=0/);
    expect(await codeOf(third)).toBe('rate_limited');
    expect((await search('b')).status).toBe(200);
  });

  it('leaves a line for each administrative act, without what was sent', async () => {
    await start({ boss: key(), clerk: key({ id: 'k-2', scopes: ['read'] }) });
    const create = (secret: string) =>
      ask('POST', '/v1/keys', secret, {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ scopes: ['read'], principals: ['secret-name'] }),
      });
    await create('boss');
    await create('clerk');
    await search('boss');
    const lines = api.log.filter((line) => line['audit'] !== undefined);
    expect(lines.map(({ audit, by, tenant, outcome }) => ({ audit, by, tenant, outcome }))).toEqual([
      { audit: 'createKey', by: 'k-1', tenant: 'acme', outcome: 'ok' },
      { audit: 'createKey', by: 'k-2', tenant: 'acme', outcome: 'forbidden' },
    ]);
    expect(JSON.stringify(api.log)).not.toContain('secret-name');
    expect(JSON.stringify(api.log)).not.toContain('fn_x');
  });
});

describe('pages of other origins', () => {
  const origin = { origin: 'https://app.example' };

  it('are refused unless configured, also beforehand', async () => {
    await start({ good: key() });
    const asked = await ask('OPTIONS', '/v1/collections/demo/search', undefined, {
      headers: { ...origin, 'access-control-request-method': 'POST' },
    });
    expect(asked.status).toBe(403);
    expect(asked.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('may read answers when configured', async () => {
    await start({ good: key() }, { origins: ['https://app.example'] });
    const asked = await ask('OPTIONS', '/v1/collections/demo/search', undefined, {
      headers: {
        ...origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(asked.headers.get('access-control-allow-methods')).toContain('POST');
    expect(asked.headers.get('access-control-allow-credentials')).toBeNull();
    const answer = await ask('GET', '/v1/collections', 'good', { headers: origin });
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(answer.headers.get('vary')).toContain('origin');
    const refused = await ask('GET', '/v1/collections', undefined, { headers: origin });
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://app.example');
  });
});
