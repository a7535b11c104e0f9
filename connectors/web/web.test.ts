import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import type { SourceChange } from '../../src/core/ports/connector.js';
import { allOf, readContext } from '../../test/support/connector.js';
import { belongs, canonical, matches } from './site/rules.js';
import { readSitemap } from './site/sitemap.js';
import { web } from './index.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let origin: string;
let pages: Map<string, Handler>;
let asked: string[];
let bodies: Map<string, string>;

beforeEach(async () => {
  pages = new Map();
  asked = [];
  bodies = new Map();
  server = createServer((request, response) => {
    const path = request.url ?? '/';
    asked.push(path);
    const handler = pages.get(path);
    if (handler) handler(request, response);
    else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function page(path: string, html: string, headers: Record<string, string> = {}): void {
  pages.set(path, (request, response) => {
    const etag = headers['etag'];
    if (etag !== undefined && request.headers['if-none-match'] === etag) response.writeHead(304).end();
    else response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...headers }).end(html);
  });
}

function answers(path: string, status: number, headers: Record<string, string> = {}, body = ''): void {
  pages.set(path, (_request, response) => response.writeHead(status, headers).end(body));
}

const links = (...to: string[]): string =>
  `<html><body>${to.map((href) => `<a href="${href}">x</a>`).join(' ')}</body>`;

async function list(
  options: Record<string, unknown> = {},
  known: Record<string, JsonObject> = {},
): Promise<SourceChange[]> {
  const config = web.config.parse({
    start: [`${origin}/`],
    allowNetworks: ['127.0.0.1'],
    perSecond: 1000,
    concurrency: 2,
    ...options,
  });
  const changes: SourceChange[] = [];
  for await (const change of web.read(config, readContext({ known: async (key) => known[key] }))) {
    if (change.kind === 'scopes') continue;
    changes.push(change);
    if (change.kind === 'item') bodies.set(change.key.replace(origin, ''), (await change.open().toArray()).join(''));
  }
  return changes;
}

const seen = (changes: SourceChange[]): string[] =>
  changes.map((change) =>
    change.kind === 'item' || change.kind === 'problem'
      ? `${change.kind} ${change.key.replace(origin, '')}`
      : change.kind,
  );

const item = (changes: SourceChange[], path: string): Extract<SourceChange, { kind: 'item' }> =>
  changes.find((change) => change.kind === 'item' && change.key === origin + path) as never;

describe('connector web', () => {
  it('follows links within its rules and reads each page once', async () => {
    page('/', links('a.html', 'a.html#part', '/b?x=1', 'https://elsewhere.example/', 'mailto:x@y', '/private/x'));
    page('/a.html', links('/', 'c/'));
    page('/b?x=1', 'b');
    page('/c/', 'c');
    const changes = await list({ exclude: [`${origin}/private/*`] });
    expect(seen(changes).toSorted()).toEqual(['complete', 'item /', 'item /a.html', 'item /b?x=1', 'item /c/']);
    expect(seen(changes).at(-1)).toBe('complete');
    expect(asked.filter((path) => path === '/a.html')).toHaveLength(1);
    expect(asked).not.toContain('/private/x');
    expect(item(changes, '/a.html')).toMatchObject({ uri: `${origin}/a.html`, name: 'a.html', scope: 'site' });
    expect(bodies.get('/b?x=1')).toBe('b');
  });

  it('obeys robots.txt, robots directives and rel=nofollow', async () => {
    answers('/robots.txt', 200, {}, 'User-agent: footnote\nDisallow: /closed\n');
    page('/', `${links('/closed', '/hidden', '/silent', '/tagged')}<a rel="nofollow" href="/never">x</a>`);
    page('/closed', 'x');
    page('/hidden', `<meta name="robots" content="noindex">${links('/behind')}`);
    page('/silent', `<meta name="ROBOTS" content="NOFOLLOW">${links('/beyond')}`);
    page('/tagged', 'x', { 'x-robots-tag': 'noindex' });
    page('/behind', 'x');
    const changes = await list();
    expect(seen(changes).toSorted()).toEqual(['complete', 'item /', 'item /behind', 'item /silent']);
    expect(asked).not.toContain('/closed');
    expect(asked).not.toContain('/never');
  });

  it('reads nothing and completes nothing when robots.txt cannot be had', async () => {
    answers('/robots.txt', 503);
    page('/', links('/a'));
    await expect(list()).rejects.toMatchObject({ code: 'unavailable' });
    expect(asked).toEqual(['/robots.txt']);
  });

  it('asks for what is known by its validators, and still goes on through its links', async () => {
    page('/', links('/a'), { etag: '"1"' });
    page('/a', 'a', { etag: '"2"' });
    const first = await list();
    const known = Object.fromEntries(first.flatMap((each) => (each.kind === 'item' ? [[each.key, each.quick]] : [])));
    const second = await list({}, known);
    expect(seen(second)).toEqual(seen(first));
    for (const path of ['/', '/a']) {
      const { bytes: _, ...rest } = item(second, path);
      expect(rest.quick).toEqual(item(first, path).quick);
      expect(rest.mime).toBe(item(first, path).mime);
    }
    expect(bodies.get('/a')).toBe('a');
    page('/a', 'new', { etag: '"3"' });
    const third = await list({}, known);
    expect(item(third, '/a').quick).not.toEqual(item(first, '/a').quick);
  });

  it('knows a page under its canonical URL, and by itself when that one is not there', async () => {
    const to = (path: string) => `<link rel="canonical" href="${path}">`;
    page('/', links('/one?utm=1', '/lost', '/x', '/y'));
    page('/one?utm=1', to('/one'));
    page('/one', to('/one'));
    page('/lost', to('/nowhere'));
    page('/x', to('/y'));
    page('/y', to('/x'));
    const found = seen(await list()).toSorted();
    expect(found).toEqual(['complete', 'item /', 'item /lost', 'item /one', expect.stringMatching(/^item \/[xy]$/)]);
  });

  it('follows redirects inside and leaves those that lead out', async () => {
    page('/', links('/old', '/out', '/loop'));
    answers('/old', 301, { location: '/new' });
    page('/new', 'new');
    answers('/out', 302, { location: 'http://93.184.216.34/' });
    answers('/loop', 302, { location: '/loop' });
    const changes = await list();
    expect(seen(changes).toSorted()).toEqual(['item /', 'item /new', 'problem /loop']);
  });

  it('is not complete when a page could not be had, and forgets those that are gone', async () => {
    page('/', links('/gone', '/broken'));
    answers('/gone', 410);
    answers('/broken', 500);
    expect(seen(await list()).toSorted()).toEqual(['item /', 'problem /broken']);
    page('/', links('/gone'));
    expect(seen(await list())).toEqual(['item /', 'complete']);
  });

  it('fails as a whole when its start is not there', async () => {
    await expect(list()).rejects.toThrow('answers 404');
  });

  it('stops at maxPages without completing', async () => {
    page('/', links('/1', '/2', '/3', '/4'));
    for (const path of ['/1', '/2', '/3', '/4']) page(path, path);
    const changes = await list({ maxPages: 3 });
    expect(seen(changes).filter((each) => each.startsWith('item'))).toHaveLength(3);
    expect(seen(changes)).not.toContain('complete');
    expect(changes).toContainEqual(expect.objectContaining({ kind: 'problem', code: 'invalid_config' }));
  });

  it('reads sitemaps, their indexes and gzipped ones', async () => {
    const urlset = (...paths: string[]): string =>
      `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${paths
        .map((path) => `<url><loc>${origin}${path}</loc></url>`)
        .join('')}</urlset>`;
    const index = `<sitemapindex xmlns="x"><sitemap><loc>${origin}/s1.xml</loc></sitemap><sitemap><loc>${origin}/s2.xml.gz</loc></sitemap></sitemapindex>`;
    answers('/sitemap.xml', 200, {}, index);
    answers('/s1.xml', 200, {}, urlset('/a', '/b'));
    pages.set('/s2.xml.gz', (_request, response) => response.end(gzipSync(urlset('/c'))));
    for (const path of ['/a', '/b', '/c']) page(path, links('/deep'));
    page('/deep', 'deep');
    const changes = await list({ start: [], sitemaps: [`${origin}/sitemap.xml`], follow: false });
    expect(seen(changes).toSorted()).toEqual(['complete', 'item /a', 'item /b', 'item /c']);
    answers('/s1.xml', 500);
    await expect(list({ start: [], sitemaps: [`${origin}/sitemap.xml`] })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  it('bounds what it reads', async () => {
    page('/', links('/big', '/bomb', '/slow'));
    answers('/big', 200, { 'content-type': 'text/plain' }, 'x'.repeat(3000));
    pages.set('/bomb', (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1 << 20))),
    );
    pages.set('/slow', (_request, response) => void response.writeHead(200).write('x'));
    const changes = await list({ maxBytes: 2048, timeoutMs: 500 });
    const codes = changes.flatMap((change) => (change.kind === 'problem' ? [change.code] : []));
    expect(codes.toSorted()).toEqual(['document_too_large', 'document_too_large', 'request_timeout']);
  });

  it('ends when it is told to', async () => {
    page('/', links('/a'));
    const config = web.config.parse({ start: [`${origin}/`], allowNetworks: ['127.0.0.1'] });
    await expect(allOf(web.read(config, readContext({ signal: AbortSignal.abort() })))).rejects.toMatchObject({
      code: 'cancelled',
    });
  });

  it('refuses a configuration that leads nowhere', () => {
    for (const bad of [
      {},
      { start: ['ftp://x/'] },
      { start: ['http://u:p@x/'] },
      { start: ['http://x/'], include: ['x/*'] },
      { start: ['http://x/'], allowNetworks: ['10.0.0.0/99'] },
      { start: ['http://x/'], userAgent: 'a\r\nb' },
    ]) {
      expect(web.config.safeParse(bad).success, JSON.stringify(bad)).toBe(false);
    }
  });
});

describe('URLs', () => {
  it('have one form', () => {
    expect(canonical(new URL('HTTP://Example.com:80/a%2fb/../c?#x')).href).toBe('http://example.com/c');
    expect(canonical(new URL('http://x/%e4?b=%e4')).href).toBe('http://x/%E4?b=%e4');
  });

  it('match patterns with stars, quickly whatever the pattern', () => {
    expect(matches('http://x/*', 'http://x/a/b')).toBe(true);
    expect(matches('http://x/*/b', 'http://x/a/c/b')).toBe(true);
    expect(matches('http://x/*.pdf', 'http://x/a.pdf?x')).toBe(false);
    expect(matches('*ab*ab', 'ab')).toBe(false);
    expect(matches(`${'*a'.repeat(200)}b`, 'a'.repeat(2000))).toBe(false);
    expect(belongs(new URL('http://x/'.padEnd(3000, 'a')), { include: ['*'], exclude: [] })).toBe(false);
  });

  it('come from plain lists too, and from nothing else', async () => {
    const url = new URL('http://x/sitemap.txt');
    expect(await readSitemap(Buffer.from('http://x/a\nhttp://x/b\n'), url)).toMatchObject({
      pages: ['http://x/a', 'http://x/b'],
    });
    await expect(readSitemap(Buffer.from('hello'), url)).rejects.toMatchObject({ code: 'corrupt_document' });
    await expect(readSitemap(Buffer.from('<html></html>'), url)).rejects.toMatchObject({ code: 'corrupt_document' });
    await expect(readSitemap(gzipSync(Buffer.from('x')).subarray(0, 8), url)).rejects.toMatchObject({
      code: 'corrupt_document',
    });
  });
});
