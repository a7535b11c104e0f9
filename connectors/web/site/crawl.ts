import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { FootnoteError, asFootnoteError, throwIfAborted } from '../../../src/core/errors.js';
import type { ReadContext, SourceChange } from '../../../src/core/ports/connector.js';
import { get } from '../http/get.js';
import { Pace } from '../http/pace.js';
import type { Visit } from './visit.js';
import { visit } from './visit.js';
import { ROBOTS_BYTES, Robots } from './robots.js';
import type { Rules } from './rules.js';
import { belongs, canonical } from './rules.js';
import { SITEMAP_BYTES, readSitemap } from './sitemap.js';

export interface CrawlOptions {
  readonly start: readonly string[];
  readonly sitemaps: readonly string[];
  readonly follow: boolean;
  readonly rules: Rules;
  readonly maxPages: number;
  readonly maxDepth: number;
  readonly maxBytes: number;
  readonly perSecond: number;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly userAgent: string;
  readonly agent: Dispatcher;
  readonly known: ReadContext['known'];
  readonly reopen: (url: URL) => Readable;
}

/** The whole site is one scope: a page moves between its parts without being deleted. */
export const SCOPE = 'site';

/** Sitemaps of sitemaps of …: more than this many are a mistake. */
const MAX_SITEMAPS = 10_000;

interface Waiting {
  readonly url: URL;
  readonly depth: number;
  /** Named by the operator: without it the listing says nothing about the rest. */
  readonly root: boolean;
  /** Told of under its own address, whatever it asks for. */
  readonly asItself?: boolean;
}

/**
 * Visits every page once and tells what it found. Ends with `complete` only if each page was had, is gone (404, 410) or
 * does not want to be read: a page that could not be had may have been the only way to others.
 * @throws FootnoteError when a start page, a sitemap or a robots.txt can't be had
 */
export async function crawl(
  options: CrawlOptions,
  emit: (change: SourceChange) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  await new Crawl(options, emit, signal).run();
}

class Crawl {
  readonly #robots: Robots;
  readonly #pace: Pace;
  readonly #queue: Waiting[] = [];
  readonly #met = new Set<string>();
  /** Pages told of, by the address they want to be known under. */
  readonly #told = new Set<string>();
  /** Pages that left the telling to the page at this address. */
  readonly #deferred = new Map<string, Waiting[]>();
  readonly #failed = new AbortController();
  private readonly signal: AbortSignal;
  #whole = true;
  #busy = 0;
  #wake: (() => void)[] = [];
  #tooManyTold = false;

  constructor(
    private readonly options: CrawlOptions,
    private readonly emit: (change: SourceChange) => Promise<void>,
    outer: AbortSignal,
  ) {
    this.signal = AbortSignal.any([outer, this.#failed.signal]);
    // Every request listens.
    setMaxListeners(0, this.signal);
    this.#pace = new Pace(1000 / options.perSecond);
    const product = options.userAgent.split('/')[0]!;
    this.#robots = new Robots(product, (url, inner) => get(url, this.#getting(ROBOTS_BYTES), inner));
  }

  async run(): Promise<void> {
    for (const page of this.options.start) this.#meet({ url: canonical(new URL(page)), depth: 0, root: true });
    for (const page of await this.#sitemapPages()) {
      if (belongs(page, this.options.rules)) this.#meet({ url: page, depth: 0, root: false });
    }
    const work = async (): Promise<void> => {
      try {
        await this.#work();
      } catch (error) {
        this.#failed.abort(error);
        this.#wakeAll();
        throw error;
      }
    };
    await Promise.all(Array.from({ length: this.options.concurrency }, work));
    throwIfAborted(this.signal);
    if (this.#whole) await this.emit({ kind: 'complete', scope: SCOPE });
  }

  /** Takes pages until none waits and nobody is at work who might find more. */
  async #work(): Promise<void> {
    for (;;) {
      throwIfAborted(this.signal);
      const next = this.#queue.shift();
      if (next === undefined) {
        if (this.#busy === 0) return;
        await new Promise<void>((resolve) => this.#wake.push(resolve));
        continue;
      }
      this.#busy += 1;
      try {
        await this.#take(next);
      } finally {
        this.#busy -= 1;
        this.#wakeAll();
      }
    }
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async #take(waiting: Waiting): Promise<void> {
    const found = await this.#visit(waiting);
    if (found.kind === 'gone') {
      if (waiting.root) {
        const message = `The start page ${waiting.url.href} ${found.because}: nothing is deleted on its account.`;
        throw new FootnoteError('unavailable', message);
      }
      this.#takeOver(waiting.url.href);
      return;
    }
    if (found.kind === 'problem') {
      if (waiting.root) throw found.error;
      this.#whole = false;
      const { code, message } = found.error;
      await this.emit({ kind: 'problem', key: waiting.url.href, scope: SCOPE, code, message });
      return;
    }
    if (this.options.follow && waiting.depth < this.options.maxDepth) {
      for (const link of found.links) {
        if (belongs(link, this.options.rules)) this.#meet({ url: link, depth: waiting.depth + 1, root: false });
      }
    }
    if (found.defersTo && this.#defer(waiting, found.defersTo)) return;
    if (found.item === undefined || this.#told.has(found.item.key)) return;
    this.#told.add(found.item.key);
    await this.emit(found.item);
  }

  /** @returns false when the other page leaves it to this one in turn */
  #defer(waiting: Waiting, to: URL): boolean {
    if (this.#deferred.get(waiting.url.href)?.some(({ url }) => url.href === to.href)) return false;
    const others = this.#deferred.get(to.href) ?? [];
    this.#deferred.set(to.href, [...others, waiting]);
    this.#meet({ url: to, depth: waiting.depth, root: false });
    return true;
  }

  /** The page that others left the telling to is not there: they are told of themselves. */
  #takeOver(href: string): void {
    for (const waiting of this.#deferred.get(href) ?? []) this.#queue.push({ ...waiting, asItself: true });
    this.#deferred.delete(href);
  }

  async #visit({ url, asItself = false }: Waiting): Promise<Visit> {
    try {
      const rules = await this.#robots.of(url, this.signal);
      if (!rules.allows(url)) return { kind: 'gone', because: 'is closed to us by robots.txt' };
      return await visit(
        url,
        {
          ...this.#getting(this.options.maxBytes),
          follows: async (to, inner) =>
            belongs(canonical(to), this.options.rules) && (await this.#robots.of(to, inner)).allows(to),
          rules: this.options.rules,
          known: this.options.known,
          reopen: this.options.reopen,
          scope: SCOPE,
          asItself,
        },
        this.signal,
      );
    } catch (thrown) {
      const error = asFootnoteError(thrown);
      if (error.code === 'cancelled') throw error;
      return { kind: 'problem', error };
    }
  }

  #meet(waiting: Waiting): void {
    const { href } = waiting.url;
    if (this.#met.has(href)) return;
    if (this.#met.size >= this.options.maxPages) {
      this.#tooMany(href);
      return;
    }
    this.#met.add(href);
    this.#queue.push(waiting);
  }

  #tooMany(href: string): void {
    this.#whole = false;
    if (this.#tooManyTold) return;
    this.#tooManyTold = true;
    const message = `There are more than ${this.options.maxPages} pages: raise maxPages or exclude some.`;
    // A reader that is gone has ended the crawl already.
    void this.emit({ kind: 'problem', key: href, scope: SCOPE, code: 'invalid_config', message });
  }

  async #sitemapPages(): Promise<URL[]> {
    const pages: URL[] = [];
    const waiting = [...this.options.sitemaps];
    const met = new Set(waiting);
    for (let sitemap = waiting.shift(); sitemap !== undefined; sitemap = waiting.shift()) {
      const url = new URL(sitemap);
      const got = await get(url, this.#getting(SITEMAP_BYTES), this.signal);
      if (got.status !== 200) {
        throw new FootnoteError('unavailable', `The sitemap ${url.href} answers ${got.status}.`);
      }
      const read = await readSitemap(got.body, url);
      for (const page of read.pages) {
        if (URL.canParse(page)) pages.push(canonical(new URL(page)));
        if (pages.length > this.options.maxPages) break;
      }
      for (const further of read.sitemaps) {
        if (!URL.canParse(further) || met.has(further)) continue;
        if (met.size >= MAX_SITEMAPS)
          throw new FootnoteError('invalid_request', `${url.href} names too many sitemaps.`);
        met.add(further);
        waiting.push(further);
      }
    }
    return pages;
  }

  #getting(maxBytes: number) {
    const { agent, userAgent, timeoutMs } = this.options;
    return {
      dispatcher: agent,
      userAgent,
      timeoutMs,
      maxBytes,
      beforeHop: async (url: URL, signal: AbortSignal): Promise<void> => {
        // The rules themselves are asked for without their own delay.
        const delay = url.pathname === '/robots.txt' ? 0 : (await this.#robots.of(url, signal)).delayMs;
        await this.#pace.turn(url.host, delay, signal);
      },
    };
  }
}
