import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { request } from 'undici';
import { FootnoteError, asFootnoteError, throwIfAborted } from '../../../src/core/errors.js';

export interface GetOptions {
  readonly dispatcher: Dispatcher;
  readonly userAgent: string;
  /** For one hop with its body, ms. */
  readonly timeoutMs: number;
  /** Of the body after decompression. */
  readonly maxBytes: number;
  /** Called before each hop; what it throws ends the request. */
  readonly beforeHop?: (url: URL, signal: AbortSignal) => Promise<void>;
  /** Whether a redirect may be followed; if not, it is returned as it is, with the URL it leads to. Default: yes. */
  readonly follows?: (to: URL, signal: AbortSignal) => Promise<boolean>;
  /** Validators of what is known of this URL. Sent on the first hop only. */
  readonly etag?: string;
  readonly lastModified?: string;
}

export interface Got {
  /** After redirects; where it leads for one that was not followed. */
  readonly url: URL;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty unless the status is 200. */
  readonly body: Buffer;
}

const MAX_HOPS = 5;
export const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * One GET with its redirects. Each hop has its own check and its own deadline.
 * @throws FootnoteError forbidden, unavailable, request_timeout, document_too_large, invalid_request (a bad redirect), cancelled
 */
export async function get(start: URL, options: GetOptions, signal: AbortSignal): Promise<Got> {
  let url = start;
  for (let hop = 0; ; hop += 1) {
    checkUrl(url);
    await options.beforeHop?.(url, signal);
    const got = await once(url, options, hop === 0, signal);
    if (!REDIRECTS.has(got.status)) return got;
    const to = got.headers['location'];
    if (to === undefined) throw new FootnoteError('invalid_request', `${url.href} redirects to nowhere.`);
    if (hop >= MAX_HOPS) {
      throw new FootnoteError('invalid_request', `${start.href} redirects more than ${MAX_HOPS} times.`);
    }
    url = target(to, url);
    checkUrl(url);
    if (options.follows && !(await options.follows(url, signal))) return { ...got, url };
  }
}

/** @throws FootnoteError forbidden: only http and https, and no password that would end up in a key or a log */
function checkUrl(url: URL): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new FootnoteError('forbidden', `Only http and https are read, not ${url.protocol.slice(0, 20)}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new FootnoteError('forbidden', `The URL for ${url.host} holds a user name or a password: leave it away.`);
  }
}

function target(location: string, from: URL): URL {
  if (!URL.canParse(location, from.href)) {
    throw new FootnoteError('invalid_request', `${from.href} redirects to what is no URL.`);
  }
  return new URL(location, from);
}

async function once(url: URL, options: GetOptions, first: boolean, outer: AbortSignal): Promise<Got> {
  throwIfAborted(outer);
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([outer, deadline]);
  try {
    const answer = await request(url, {
      dispatcher: options.dispatcher,
      signal,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      headers: {
        'user-agent': options.userAgent,
        accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
        'accept-encoding': 'gzip, br, deflate',
        ...(first && options.etag !== undefined ? { 'if-none-match': options.etag } : {}),
        ...(first && options.lastModified !== undefined ? { 'if-modified-since': options.lastModified } : {}),
      },
    });
    const headers = flat(answer.headers);
    if (answer.statusCode !== 200) {
      // Nobody reads it; a long one costs its connection.
      await answer.body.dump({ limit: 64 * 1024, signal }).catch(() => undefined);
      return { url, status: answer.statusCode, headers, body: Buffer.alloc(0) };
    }
    const body = await readAll(decoded(answer.body, headers['content-encoding']), options.maxBytes, url);
    return { url, status: 200, headers, body };
  } catch (error) {
    throw reason(error, url, outer, deadline);
  }
}

function reason(error: unknown, url: URL, outer: AbortSignal, deadline: AbortSignal): FootnoteError {
  if (outer.aborted) return new FootnoteError('cancelled', 'Reading was cancelled.', { cause: error });
  if (deadline.aborted) return new FootnoteError('request_timeout', `${url.href} did not answer in time.`);
  if (error instanceof FootnoteError) return error;
  // undici hands an error of connect on as it is, or as a cause.
  const cause = (error as { cause?: unknown }).cause;
  if (cause instanceof FootnoteError) return cause;
  const { message } = asFootnoteError(error);
  return new FootnoteError('unavailable', `${url.href} can't be read: ${message}`, { cause: error });
}

function decoded(body: Readable, encoding: string | undefined): Readable {
  switch (encoding?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return body;
    case 'gzip':
    case 'x-gzip':
      return through(body, createGunzip());
    case 'deflate':
      return through(body, createInflate());
    case 'br':
      return through(body, createBrotliDecompress());
    default:
      body.destroy();
      throw new FootnoteError('unsupported_media_type', 'The answer has a content encoding that was not asked for.');
  }
}

function through(body: Readable, decoder: ReturnType<typeof createGunzip>): Readable {
  body.on('error', (error) => decoder.destroy(error));
  decoder.on('close', () => body.destroy());
  return body.pipe(decoder);
}

async function readAll(body: Readable, maxBytes: number, url: URL): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) {
      throw new FootnoteError('document_too_large', `${url.href} is larger than ${maxBytes} bytes.`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]],
  );
  return Object.fromEntries(entries);
}
