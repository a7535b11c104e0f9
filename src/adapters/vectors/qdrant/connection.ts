import { QdrantClient } from '@qdrant/js-client-rest';
import { Agent, type Dispatcher } from 'undici';
import { FootnoteError, throwIfAborted } from '../../../core/errors.js';
import { backoffMs } from '../../../runtime/backoff.js';
import { isRetryable, qdrantError } from './errors.js';
import { retrySettings, type QdrantOptions, type RetrySettings } from './options.js';
import { keepRetryAfter } from './retry-after.js';

/** The client library's functions, one an operation of the server's OpenAPI document. */
type Api = ReturnType<QdrantClient['api']>;

/** A request through the library; `init` goes with it. */
export type Call<T> = (api: Api, init: RequestInit) => Promise<{ readonly data: { readonly result?: T | null } }>;

/** Below the five seconds after which the server closes a connection without a request. */
const KEEP_ALIVE_MS = 4000;

/**
 * Requests to one server: with a deadline, cancelled by a signal, and tried again while that can help. Every request
 * that is made through it may be repeated, for it ends in the same state however often it is applied.
 */
export class Connection {
  private readonly api: Api;
  private readonly agent: Agent;
  private readonly dispatcher: Dispatcher;
  private readonly timeoutMs: number;
  private readonly retry: RetrySettings;
  private closed = false;

  constructor(options: QdrantOptions) {
    // The key goes in a header of ours: the library prints a warning for every one that is sent without TLS. Its own
    // timeout would replace the signal.
    const client = new QdrantClient({
      url: checkedUrl(options.url),
      checkCompatibility: false,
      timeout: Number.POSITIVE_INFINITY,
      ...(options.apiKey === undefined ? {} : { headers: { 'api-key': options.apiKey } }),
    });
    this.api = client.api();
    this.agent = new Agent({
      connections: options.connections ?? 64,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.dispatcher = this.agent.compose(keepRetryAfter());
    this.timeoutMs = options.timeoutMs ?? 60_000;
    this.retry = retrySettings(options.retry);
  }

  /**
   * The answer's result.
   * @param generation for messages
   * @throws FootnoteError cancelled, unavailable, overloaded (with retryAfter), not_found, already_exists, invalid_config,
   * dimension_mismatch, disk_full, internal
   */
  async call<T>(generation: string, request: Call<T>, signal?: AbortSignal): Promise<T> {
    const { attempts, backoff, longestWaitMs, clock, random } = this.retry;
    const lastTry = clock.now() + this.timeoutMs;
    for (let attempt = 1; ; attempt++) {
      throwIfAborted(signal);
      try {
        return await this.once(generation, request, signal);
      } catch (error) {
        const failure = qdrantError(error, generation, clock.now());
        const atLeastMs = 1000 * (failure.retryAfter ?? 0);
        const isOver = this.closed || attempt >= attempts || clock.now() >= lastTry;
        if (isOver || !isRetryable(failure) || atLeastMs > longestWaitMs) throw failure;
        await this.sleep(backoffMs(attempt, backoff, random, atLeastMs), signal);
      }
    }
  }

  async sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.retry.clock.sleep(ms, signal);
    } catch (error) {
      throwIfAborted(signal);
      throw error;
    }
  }

  /** Ends what is under way, with an error. */
  async close(): Promise<void> {
    this.closed = true;
    await this.agent.destroy();
  }

  private async once<T>(generation: string, request: Call<T>, signal: AbortSignal | undefined): Promise<T> {
    const controller = new AbortController();
    const cancel = () =>
      controller.abort(new FootnoteError('cancelled', 'The operation was cancelled.', { cause: signal?.reason }));
    const timer = setTimeout(() => {
      const message = `Qdrant did not answer about ${generation} within ${this.timeoutMs} ms.`;
      controller.abort(new FootnoteError('unavailable', message));
    }, this.timeoutMs);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      // Node's own types of a dispatcher are those of another version of the same package.
      const init = { signal: controller.signal, dispatcher: this.dispatcher } as unknown as RequestInit;
      const { data } = await request(this.api, init);
      // Such as the page of a proxy.
      if (data.result === undefined || data.result === null) {
        throw new FootnoteError('unavailable', `Qdrant answered without a result about ${generation}.`);
      }
      return data.result;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    }
  }
}

/** @throws invalid_config */
function checkedUrl(url: string): string {
  let parsed: URL | undefined;
  try {
    parsed = new URL(url);
  } catch {
    parsed = undefined;
  }
  const isPlain = parsed?.pathname === '/' && parsed.search === '' && parsed.username === '' && parsed.password === '';
  if (parsed && isPlain && ['http:', 'https:'].includes(parsed.protocol)) return url;
  throw new FootnoteError(
    'invalid_config',
    'The address of Qdrant must be http:// or https:// with a host and maybe a port, without path or credentials.',
  );
}
