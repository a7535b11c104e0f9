import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildConnector } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Allowed } from './addresses.js';
import { mayConnect, parseNetworks } from './addresses.js';
import { guardedAgent } from './dispatcher.js';
import { get } from './get.js';
import { CONTROLS, FORBIDDEN_ADDRESSES, forbiddenUrls } from '../../../test/support/url-forms.js';

/** Counts every connection that the machine itself gets. */
let server: Server;
let port: number;
let connections = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    const to = new URL(request.url ?? '/', 'http://x').searchParams.get('to');
    if (to === null) response.end('hello');
    else response.writeHead(302, { location: to }).end();
  });
  server.on('connection', () => (connections += 1));
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Asks for a URL and returns the addresses that sockets were asked for, and the code of the refusal. */
async function ask(
  url: string,
  options: { allowed?: Allowed; resolve?: (host: string) => Promise<string[]>; real?: boolean } = {},
): Promise<{ sockets: string[]; code: string }> {
  const sockets: string[] = [];
  const open = buildConnector({ timeout: 2000 });
  const agent = guardedAgent({
    allowed: options.allowed ?? [],
    resolve: options.resolve ?? (async () => ['93.184.216.34']),
    connectTimeoutMs: 2000,
    connect(asked, callback) {
      sockets.push(asked.hostname);
      if (options.real) open(asked, callback);
      else callback(new Error('not opened in this test'), null);
    },
  });
  try {
    if (!URL.canParse(url)) return { sockets, code: 'no URL' };
    const got = { dispatcher: agent, userAgent: 'Test', timeoutMs: 5000, maxBytes: 1000 };
    await get(new URL(url), got, new AbortController().signal);
    return { sockets, code: 'ok' };
  } catch (error) {
    return { sockets, code: (error as { code: string }).code };
  } finally {
    await agent.destroy();
  }
}

describe('the guard of outgoing connections', () => {
  it('refuses 500 forms of URLs that lead inside, opening no socket', async () => {
    const urls = forbiddenUrls(port);
    expect(urls.length).toBeGreaterThanOrEqual(500);
    const before = connections;
    for (const { url, resolvesTo } of urls) {
      const { sockets, code } = await ask(url, { resolve: async () => resolvesTo ?? [] });
      expect({ url, sockets }).toEqual({ url, sockets: [] });
      expect({ url, code }).not.toEqual({ url, code: 'ok' });
    }
    expect(connections).toBe(before);
  });

  it('lets every control pass to exactly its public address', async () => {
    for (const { url, resolvesTo, address } of CONTROLS) {
      const { sockets } = await ask(url, { resolve: async () => resolvesTo ?? [] });
      expect({ url, sockets }).toEqual({ url, sockets: [address] });
    }
  });

  it('opens the socket to the address that it checked, whatever the resolver says next', async () => {
    let asked = 0;
    const flipping = async (): Promise<string[]> => [asked++ % 2 === 0 ? '93.184.216.34' : '127.0.0.1'];
    for (let i = 0; i < 40; i += 1) {
      const { sockets } = await ask(`http://flip.example:${port}/`, { resolve: flipping });
      for (const address of sockets) expect(mayConnect(address, [])).toBe(true);
    }
    expect(asked).toBe(40);
  });

  it('takes the permitted ones of several addresses', async () => {
    const { sockets } = await ask('http://mixed.example/', { resolve: async () => ['10.0.0.1', '93.184.216.34'] });
    expect(sockets).toEqual(['93.184.216.34']);
  });

  it('checks each hop of a redirect', async () => {
    const allowed = parseNetworks(['127.0.0.1']);
    const before = connections;
    for (const address of FORBIDDEN_ADDRESSES.filter((each) => each !== '127.0.0.1')) {
      const host = address.includes(':') ? `[${address}]` : address;
      const to = encodeURIComponent(`http://${host}:${port}/`);
      const { sockets, code } = await ask(`http://127.0.0.1:${port}/?to=${to}`, { allowed, real: true });
      expect({ address, sockets, code }).toEqual({ address, sockets: ['127.0.0.1'], code: 'forbidden' });
    }
    const hop = await ask(`http://127.0.0.1:${port}/?to=${encodeURIComponent('file:///etc/passwd')}`, {
      allowed,
      real: true,
    });
    expect(hop.code).toBe('forbidden');
    expect(connections - before).toBe(FORBIDDEN_ADDRESSES.length);
  });

  it('reaches an inner network that the operator allowed, and no other', async () => {
    const allowed = parseNetworks(['127.0.0.0/8']);
    expect(await ask(`http://127.0.0.1:${port}/`, { allowed, real: true })).toEqual({
      sockets: ['127.0.0.1'],
      code: 'ok',
    });
    expect(await ask('http://10.0.0.1/', { allowed })).toEqual({ sockets: [], code: 'forbidden' });
    expect(await ask(`http://[::ffff:127.0.0.1]:${port}/`, { allowed })).toEqual({ sockets: [], code: 'forbidden' });
  });
});
