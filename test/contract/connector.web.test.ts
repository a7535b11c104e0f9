import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connectors } from '../../connectors/registry.js';
import { sha256 } from '../../src/core/ids.js';
import type { TestSource } from './connector/harness.js';
import { describeConnectorContract } from './connector.js';

/** A site of Markdown pages that a sitemap names, with validators as servers give them. */
async function make(): Promise<TestSource> {
  const pages = new Map<string, string>();
  let broken = false;
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    if (path === '/sitemap.xml') {
      const urls = [...pages.keys()].map((name) => `<url><loc>${origin}/${name}</loc></url>`);
      response.end(`<urlset>${urls.join('')}</urlset>`);
      return;
    }
    const text = pages.get(path.slice(1));
    if (text === undefined) {
      response.writeHead(404).end();
    } else if (broken && path === `/${[...pages.keys()][1]}`) {
      response.writeHead(503).end();
    } else {
      const etag = `"${sha256(Buffer.from(text)).slice(0, 16)}"`;
      const same = request.headers['if-none-match'] === etag;
      response.writeHead(same ? 304 : 200, { etag, 'content-type': 'text/markdown; charset=utf-8' });
      response.end(same ? undefined : text);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    connector: connectors.web,
    options: { sitemaps: [`${origin}/sitemap.xml`], allowNetworks: ['127.0.0.1'], perSecond: 1000 },
    put: async (name, text) => void pages.set(name, text),
    async rename(from, to) {
      pages.set(to, pages.get(from)!);
      pages.delete(from);
    },
    remove: async (name) => void pages.delete(name),
    keyOf: (name) => `${origin}/${name}`,
    async breakOff() {
      broken = true;
      return async () => void (broken = false);
    },
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

describeConnectorContract('web', make);
