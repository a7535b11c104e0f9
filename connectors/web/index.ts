import { Readable } from 'node:stream';
import type { Agent } from 'undici';
import { z } from 'zod';
import { FootnoteError } from '../../src/core/errors.js';
import type { Connector, SourceChange } from '../../src/core/ports/connector.js';
import { channel } from '../../src/runtime/channel.js';
import { parseNetworks, resolveBySystem } from './http/addresses.js';
import { guardedAgent } from './http/dispatcher.js';
import { get } from './http/get.js';
import { SCOPE, crawl } from './site/crawl.js';
import { defaultInclude } from './site/rules.js';

const MiB = 1024 * 1024;

const HttpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .max(2048)
  .refine((text) => !/^[^/]*\/\/[^/]*@/.test(text), 'must not hold a user name or a password');
const Pattern = z
  .string()
  .min(1)
  .max(512)
  .regex(/^https?:\/\//, 'must begin with http:// or https://; `*` stands for anything');

const WebConfig = z
  .object({
    start: z.array(HttpUrl).max(1000).default([]).meta({ description: 'Pages to begin at.' }),
    sitemaps: z
      .array(HttpUrl)
      .max(1000)
      .default([])
      .meta({ description: 'Sitemaps (or indexes of them, also gzipped) that name the pages.' }),
    follow: z.boolean().default(true).meta({ description: 'Also read pages that pages link to.' }),
    include: z.array(Pattern).max(1000).optional().meta({
      description:
        'URLs that belong to the source; `*` stands for anything. Default: the folders of the start pages and the sites of the sitemaps.',
    }),
    exclude: z.array(Pattern).max(1000).default([]).meta({ description: 'URLs that do not, though included.' }),
    maxPages: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .meta({ description: 'A listing that meets more pages stops there and deletes nothing.' }),
    maxDepth: z.number().int().min(0).max(100).default(16).meta({ description: 'Most links from a start page.' }),
    maxBytes: z
      .number()
      .int()
      .min(1024)
      .max(100 * MiB)
      .default(20 * MiB)
      .meta({ description: 'Larger answers are not read.' }),
    perSecond: z
      .number()
      .min(0.01)
      .max(1000)
      .default(2)
      .meta({ description: 'Most requests a second to one host; its Crawl-delay can only lower it.' }),
    concurrency: z.number().int().min(1).max(32).default(4).meta({ description: 'Requests under way at once.' }),
    timeoutMs: z.number().int().min(100).max(600_000).default(30_000).meta({ description: 'For one answer.' }),
    userAgent: z
      .string()
      .regex(/^[\x20-\x7e]{1,256}$/, 'must be printable ASCII')
      .default('Footnote/0.1')
      .meta({ description: 'How it names itself; robots.txt is read for the part before the slash.' }),
    allowNetworks: z
      .array(z.string().max(64).refine(isNetwork, 'must be an address or a network such as 10.20.0.0/16'))
      .max(100)
      .default([])
      .meta({ description: 'Networks that are not public and may be read all the same, such as an intranet.' }),
  })
  .strict()
  .refine(({ start, sitemaps }) => start.length + sitemaps.length > 0, 'needs at least one of start and sitemaps');

type WebConfig = z.output<typeof WebConfig>;

/** A website by its sitemaps and links: one scope, whose listing is complete only when every page was had or is gone. */
export const web: Connector<WebConfig> = {
  name: 'web',
  summary: 'Websites by their sitemaps and links, within rules and as robots.txt allows.',
  config: WebConfig,
  example: { start: ['https://docs.example.com/guide/'], exclude: ['https://docs.example.com/guide/archive/*'] },
  async *read(config, { signal, known }) {
    const agent = agentFor(config);
    const sites = config.sitemaps.map((sitemap) => `${new URL(sitemap).origin}/*`);
    const rules = { include: config.include ?? [...defaultInclude(config.start), ...sites], exclude: config.exclude };
    yield { kind: 'scopes', scopes: [SCOPE] };
    try {
      yield* channel<SourceChange>(
        (emit, inner) =>
          crawl({ ...config, rules, agent, known, reopen: (url) => reopen(url, config, signal) }, emit, inner),
        signal,
        // Bodies wait in memory until they are taken.
        config.concurrency,
      );
    } finally {
      await agent.destroy();
    }
  },
};

function agentFor({ allowNetworks, timeoutMs }: WebConfig): Agent {
  return guardedAgent({
    allowed: parseNetworks(allowNetworks),
    resolve: resolveBySystem,
    connectTimeoutMs: Math.min(10_000, timeoutMs),
  });
}

/** A page once more, over a connection of its own: the listing's may be closed by then. Errors are the stream's. */
function reopen(url: URL, config: WebConfig, signal: AbortSignal): Readable {
  return Readable.from(
    (async function* () {
      const agent = agentFor(config);
      try {
        const { status, body } = await get(url, { ...config, dispatcher: agent }, signal);
        if (status !== 200) throw new FootnoteError('unavailable', `${url.href} answers ${status} now.`);
        yield body;
      } finally {
        await agent.destroy();
      }
    })(),
  );
}

function isNetwork(text: string): boolean {
  try {
    parseNetworks([text]);
    return true;
  } catch {
    return false;
  }
}
