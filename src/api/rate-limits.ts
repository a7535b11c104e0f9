import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { FootnoteError } from '../core/errors.js';

export interface RateLimitOptions {
  /** Requests of one key in a window. */
  readonly requests: number;
  /** The window's length, seconds. */
  readonly seconds: number;
}

/** How much of a key's allowance is left, as headers say it (IETF draft-ietf-httpapi-ratelimit-headers-10). */
export type RateLimitHeaders = Readonly<Record<'ratelimit' | 'ratelimit-policy', string>>;

/** Counts requests a key in fixed windows. It knows only keys that exist, so its memory is bounded by their number. */
export class RateLimits {
  readonly #limiter: RateLimiterMemory;

  constructor(private readonly options: RateLimitOptions) {
    this.#limiter = new RateLimiterMemory({ points: options.requests, duration: options.seconds });
  }

  /** Counts a request, or what stands for several. @throws FootnoteError rate_limited, with the seconds until the window ends; its details hold the headers */
  async take(key: string, points = 1): Promise<RateLimitHeaders> {
    try {
      return this.#headers(await this.#limiter.consume(key, points));
    } catch (thrown) {
      if (!(thrown instanceof RateLimiterRes)) throw thrown;
      const { requests, seconds } = this.options;
      throw new RateLimited(
        `This key has made more than ${requests} requests in ${seconds} s.`,
        Math.ceil(thrown.msBeforeNext / 1000),
        this.#headers(thrown),
      );
    }
  }

  #headers({ remainingPoints, msBeforeNext }: RateLimiterRes): RateLimitHeaders {
    const { requests, seconds } = this.options;
    return {
      'ratelimit-policy': `"key";q=${requests};w=${seconds}`,
      ratelimit: `"key";r=${Math.max(0, remainingPoints)};t=${Math.ceil(msBeforeNext / 1000)}`,
    };
  }
}

/** Carries the headers that its answer has. */
export class RateLimited extends FootnoteError {
  constructor(
    message: string,
    retryAfter: number,
    readonly headers: RateLimitHeaders,
  ) {
    super('rate_limited', message, { retryAfter });
  }
}
