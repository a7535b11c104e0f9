import type { IncomingMessage } from 'node:http';
import type { TransformCallback } from 'node:stream';
import { Transform } from 'node:stream';
import type { ErrorCode } from '../core/errors.js';
import { FootnoteError } from '../core/errors.js';

/** A body that sends nothing for this long is given up. */
const STALL_MS = 30_000;

/** `text/html; charset=latin1` as its parts; undefined when there is none. */
export function mediaType(header: string | undefined): { essence: string; charset?: string } | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  const [essence, ...parameters] = header.split(';');
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"\s]{1,64})"?\s*$/i.exec(parameter)?.[1])
    .find((value) => value !== undefined);
  return { essence: essence!.trim().toLowerCase(), ...(charset === undefined ? {} : { charset }) };
}

/** @throws FootnoteError request_too_large / document_too_large by the announced length, before anything is read */
function refuseByLength(incoming: IncomingMessage, limit: number, code: ErrorCode): void {
  const length = Number(incoming.headers['content-length'] ?? 0);
  if (length > limit) throw tooLarge(limit, code);
}

/** @throws FootnoteError unsupported_media_type: bodies are taken as they are */
export function refuseEncoding(incoming: IncomingMessage): void {
  const encoding = incoming.headers['content-encoding']?.trim().toLowerCase();
  if (encoding && encoding !== 'identity') {
    throw new FootnoteError('unsupported_media_type', `Send the body without Content-Encoding (here: ${encoding}).`);
  }
}

function tooLarge(limit: number, code: ErrorCode): FootnoteError {
  return new FootnoteError(code, `The body is larger than the ${limit} bytes that are allowed here.`, {
    details: { limit },
  });
}

/** Passes bytes on up to a limit, and gives up on a sender that stalls. */
export class BodyGuard extends Transform {
  #seen = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #limit: number;
  readonly #code: ErrorCode;
  readonly #stallMs: number;

  constructor(limit: number, code: ErrorCode, stallMs: number = STALL_MS) {
    super();
    this.#limit = limit;
    this.#code = code;
    this.#stallMs = stallMs;
    this.#wait();
  }

  /** Waits for the sender; not while the reader is what is slow. */
  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.readableLength >= this.readableHighWaterMark) return this.#wait();
      this.destroy(
        new FootnoteError('request_timeout', `The body stalled: nothing came for ${this.#stallMs / 1000} seconds.`),
      );
    }, this.#stallMs);
    this.#timer.unref();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#wait();
    this.#seen += chunk.length;
    if (this.#seen > this.#limit) done(tooLarge(this.#limit, this.#code));
    else done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    clearTimeout(this.#timer);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    done(error);
  }
}

/** Ties the guard to the request: a request that breaks off is an error in the guard, never a short body. */
export function guardIncoming(
  incoming: IncomingMessage,
  limit: number,
  code: ErrorCode,
  stallMs: number = STALL_MS,
): BodyGuard {
  refuseEncoding(incoming);
  refuseByLength(incoming, limit, code);
  const guard = new BodyGuard(limit, code, stallMs);
  const broken = () => {
    if (!incoming.readableEnded || !incoming.complete) {
      guard.destroy(new FootnoteError('cancelled', 'The client went away before the body was complete.'));
    }
  };
  incoming.once('error', broken);
  incoming.once('close', broken);
  guard.once('close', () => {
    incoming.unpipe(guard);
    incoming.off('close', broken);
  });
  incoming.pipe(guard);
  return guard;
}

/** The whole body. @throws FootnoteError request_too_large, request_timeout, cancelled */
export async function readAll(incoming: IncomingMessage, limit: number, stallMs: number = STALL_MS): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of guardIncoming(incoming, limit, 'request_too_large', stallMs)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
