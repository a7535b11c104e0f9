import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { FootnoteError } from '../../../src/core/errors.js';
import type { JsonObject } from '../../../src/core/json.js';
import type { ReadContext, SourceChange } from '../../../src/core/ports/connector.js';
import type { GetOptions, Got } from '../http/get.js';
import { REDIRECTS, get } from '../http/get.js';
import { readPage } from './page.js';
import type { Rules } from './rules.js';
import { belongs, canonical } from './rules.js';

type Item = Extract<SourceChange, { kind: 'item' }>;

/** What became of one visit. */
export type Visit =
  | {
      readonly kind: 'page';
      /** Absent for a page that is read for its links alone. */
      readonly item: Item | undefined;
      readonly links: readonly URL[];
      /** The page that it names as the one to be known. */
      readonly defersTo?: URL;
    }
  | { readonly kind: 'gone'; readonly because: string }
  | { readonly kind: 'problem'; readonly error: FootnoteError };

export interface VisitOptions extends GetOptions {
  readonly rules: Rules;
  readonly known: ReadContext['known'];
  /** The content of a page whose body was not kept; perhaps after the listing has ended. */
  readonly reopen: (url: URL) => Readable;
  readonly scope: string;
  /** Tell of it under its own address, whatever it asks for. */
  readonly asItself: boolean;
}

/** Links kept with a page's validators, so that an unchanged page still leads on. A page with more is read in full each time. */
const KEPT_LINKS = 500;
/** Larger bodies are not kept between the visit and the reading. */
const KEPT_BYTES = 1024 * 1024;
const MAX_LINKS = 10_000;
const GONE = new Set([404, 410]);

/** What the inventory keeps of a page. */
interface PageState {
  readonly sha256: string;
  readonly etag?: string;
  readonly modified?: string;
  readonly mime?: string;
  readonly links?: readonly string[];
}

/** Reads one page, or learns that it has not changed. @throws what `get` throws */
export async function visit(url: URL, options: VisitOptions, signal: AbortSignal): Promise<Visit> {
  const before = stateOf(await options.known(url.href));
  // Without its links an unchanged page would be an end.
  const conditional = before?.links !== undefined && !options.asItself;
  const got = await get(
    url,
    {
      ...options,
      ...(conditional && before.etag !== undefined ? { etag: before.etag } : {}),
      ...(conditional && before.modified !== undefined ? { lastModified: before.modified } : {}),
    },
    signal,
  );
  if (GONE.has(got.status)) return { kind: 'gone', because: `answers ${got.status}` };
  if (REDIRECTS.has(got.status))
    return { kind: 'gone', because: `leads to ${got.url.href}, which is not of this source` };
  const at = canonical(got.url);
  if (got.status === 304 && conditional) {
    const links = before.links.map((link) => new URL(link, url));
    return { kind: 'page', item: itemOf(at, before, 0, () => options.reopen(url), options.scope), links };
  }
  if (got.status !== 200) {
    const error = new FootnoteError('unavailable', `${url.href} answers ${got.status}: what is indexed of it stays.`);
    return { kind: 'problem', error };
  }
  return read(at, got, options);
}

function read(at: URL, got: Got, options: VisitOptions): Visit {
  const tag = got.headers['x-robots-tag'] ?? '';
  const html = /^(text\/html|application\/xhtml\+xml)\b/i.test(got.headers['content-type'] ?? '');
  const facts = html
    ? // Only for finding links; the parser decodes the document itself.
      readPage(got.body.toString('utf8'), at, tag, MAX_LINKS)
    : { canonical: undefined, noindex: /(^|[\s,:])(noindex|none)\b/i.test(tag), links: [] };
  if (facts.noindex) return { kind: 'page', item: undefined, links: facts.links };
  const { canonical: wanted, links } = facts;
  const elsewhere = wanted?.origin === at.origin && wanted.href !== at.href && belongs(wanted, options.rules);
  const { etag, 'last-modified': modified, 'content-type': mime } = got.headers;
  const state: PageState = {
    sha256: createHash('sha256').update(got.body).digest('hex'),
    ...(etag === undefined || etag.length > 256 ? {} : { etag }),
    ...(modified === undefined || modified.length > 64 ? {} : { modified }),
    ...(mime === undefined ? {} : { mime: mime.slice(0, 256) }),
    // A page that names another one is read in full each time: it may change its mind.
    ...(links.length > KEPT_LINKS || elsewhere ? {} : { links: links.map(({ href }) => href) }),
  };
  const { body } = got;
  const { length } = body;
  // A large one is asked for again rather than kept while it waits.
  const open = length > KEPT_BYTES ? () => options.reopen(at) : () => Readable.from([body]);
  const item = itemOf(at, state, length, open, options.scope);
  return { kind: 'page', item, links, ...(elsewhere && !options.asItself ? { defersTo: wanted } : {}) };
}

function itemOf(at: URL, state: PageState, bytes: number, open: () => Readable, scope: string): Item {
  const changed = Date.parse(state.modified ?? '');
  const name = decodeURIComponentSafely(at.pathname.split('/').at(-1) ?? '');
  return {
    kind: 'item',
    key: at.href,
    scope,
    quick: state as unknown as JsonObject,
    bytes,
    open,
    ...(state.mime === undefined ? {} : { mime: state.mime }),
    ...(name === '' ? {} : { name }),
    uri: at.href,
    observedAt: new Date(Number.isNaN(changed) ? Date.now() : changed).toISOString(),
  };
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function stateOf(known: JsonObject | undefined): PageState | undefined {
  if (known === undefined || typeof known['sha256'] !== 'string') return undefined;
  const links = known['links'];
  return {
    sha256: known['sha256'],
    ...(typeof known['etag'] === 'string' ? { etag: known['etag'] } : {}),
    ...(typeof known['modified'] === 'string' ? { modified: known['modified'] } : {}),
    ...(typeof known['mime'] === 'string' ? { mime: known['mime'] } : {}),
    ...(Array.isArray(links) ? { links: links.filter((link) => typeof link === 'string') } : {}),
  };
}
