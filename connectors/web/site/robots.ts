import { createRequire } from 'node:module';
import type robots from 'robots-parser';
import { FootnoteError } from '../../../src/core/errors.js';
import type { Got } from '../http/get.js';

export interface RobotsRules {
  allows(url: URL): boolean;
  /** The host's wish, in milliseconds; 0 when it has none. */
  readonly delayMs: number;
  readonly sitemaps: readonly string[];
}

// Its types promise a default export; it is the CommonJS module itself.
const robotsParser = createRequire(import.meta.url)('robots-parser') as typeof robots.default;

const EVERYTHING: RobotsRules = { allows: () => true, delayMs: 0, sitemaps: [] };
/** RFC 9309, 2.5: at least 500 KiB have to be read. */
export const ROBOTS_BYTES = 512 * 1024;
/** Whoever wants to be read less often than this is read this often. */
const MAX_DELAY_MS = 60_000;

/**
 * The rules of each origin (RFC 9309), fetched once. No robots.txt allows everything; one that can't be had now stops the
 * listing, which then deletes nothing.
 */
export class Robots {
  readonly #rules = new Map<string, Promise<RobotsRules>>();

  constructor(
    private readonly product: string,
    private readonly fetch: (url: URL, signal: AbortSignal) => Promise<Got>,
  ) {}

  of(url: URL, signal: AbortSignal): Promise<RobotsRules> {
    let rules = this.#rules.get(url.origin);
    if (!rules) this.#rules.set(url.origin, (rules = this.#load(new URL('/robots.txt', url.origin), signal)));
    return rules;
  }

  async #load(url: URL, signal: AbortSignal): Promise<RobotsRules> {
    const got = await this.fetch(url, signal);
    if (got.status === 429 || got.status >= 500) {
      throw new FootnoteError('unavailable', `${url.href} answers ${got.status}: nothing is read before it answers.`);
    }
    if (got.status !== 200) return EVERYTHING;
    const robot = robotsParser(url.href, got.body.toString('utf8'));
    return {
      allows: (page) => robot.isAllowed(page.href, this.product) !== false,
      delayMs: Math.min(MAX_DELAY_MS, Math.max(0, (robot.getCrawlDelay(this.product) ?? 0) * 1000)),
      sitemaps: robot.getSitemaps().slice(0, 100),
    };
  }
}
