import { load } from 'cheerio';
import { canonical } from './rules.js';

/** What a page says of itself and of others. */
export interface PageFacts {
  /** The address it wants to be known under; undefined: its own. */
  readonly canonical: URL | undefined;
  /** Wants not to be indexed. */
  readonly noindex: boolean;
  /** Pages that it links to, in order, each once. */
  readonly links: readonly URL[];
}

const NO_INDEX = /(^|[\s,:])(noindex|none)\b/i;
const NO_FOLLOW = /(^|[\s,:])(nofollow|none)\b/i;

/**
 * Reads an HTML page's links and robots directives (its own and those of `X-Robots-Tag`).
 * @param maxLinks more are left out
 */
export function readPage(html: string, url: URL, robotsTag: string, maxLinks: number): PageFacts {
  const $ = load(html, { scriptingEnabled: false });
  const meta = $('meta[name="robots" i], meta[name="footnote" i]')
    .map((_, each) => $(each).attr('content') ?? '')
    .get()
    .join(',');
  const directives = `${robotsTag},${meta}`;
  const base = resolve($('base[href]').first().attr('href'), url) ?? url;
  const own = resolve($('link[rel~="canonical" i][href]').first().attr('href'), base);
  const links = new Map<string, URL>();
  if (!NO_FOLLOW.test(directives)) {
    for (const each of $('a[href], area[href]').get()) {
      if (links.size >= maxLinks) break;
      if (/(^|\s)nofollow(\s|$)/i.test($(each).attr('rel') ?? '')) continue;
      const link = resolve($(each).attr('href'), base);
      if (link) links.set(link.href, link);
    }
  }
  return { canonical: own, noindex: NO_INDEX.test(directives), links: [...links.values()] };
}

function resolve(href: string | undefined, base: URL): URL | undefined {
  if (href === undefined || !URL.canParse(href, base.href)) return undefined;
  const url = new URL(href, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  if (url.username !== '' || url.password !== '') return undefined;
  return canonical(url);
}
