import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import type { ErrorCode } from '../core/errors.js';
import { FootnoteError } from '../core/errors.js';

export interface ServerAddress {
  /** `http://127.0.0.1:7470` */
  readonly address: string;
  readonly token: string;
}

export interface Sent {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Already percent-encoded, with its query. */
  readonly path: string;
  readonly body?: unknown;
  /** Longest silence before the answer begins; absent: as long as it takes. */
  readonly timeoutMs?: number;
}

/** Largest answer that is read as a whole. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * One request to a server on this machine. `fetch` is not used: it gives up on streams that are silent for five minutes.
 * @throws FootnoteError: the one that the server answered with; unavailable when it can't be reached; cancelled
 */
export async function send(server: ServerAddress, sent: Sent, signal: AbortSignal): Promise<IncomingMessage> {
  const body = sent.body === undefined ? undefined : JSON.stringify(sent.body);
  const answer = await new Promise<IncomingMessage>((done, failed) => {
    const outgoing = request(
      new URL(sent.path, server.address),
      {
        method: sent.method,
        agent: false,
        signal,
        headers: {
          accept: 'application/json, application/x-ndjson',
          authorization: `Bearer ${server.token}`,
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        },
      },
      done,
    );
    if (sent.timeoutMs !== undefined) {
      outgoing.setTimeout(sent.timeoutMs, () => outgoing.destroy(new Error('it does not answer')));
    }
    outgoing.once('error', failed);
    outgoing.end(body);
  }).catch((cause: unknown) => {
    throw broken(server, cause, signal);
  });
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return answer;
  throw problem(status, await readText(server, answer, signal));
}

export async function sendForJson<T>(server: ServerAddress, sent: Sent, signal: AbortSignal): Promise<T> {
  const answer = await send(server, sent, signal);
  const text = await readText(server, answer, signal);
  if (text === '') return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new FootnoteError('unavailable', `${server.address} does not answer as a Footnote server does.`, { cause });
  }
}

/** Lines of JSON as they come. A line of type `error` is thrown. */
export async function* sendForLines<T>(server: ServerAddress, sent: Sent, signal: AbortSignal): AsyncGenerator<T> {
  const answer = await send(server, sent, signal);
  try {
    for await (const line of createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line === '') continue;
      const value = JSON.parse(line) as { type?: unknown; error?: { code: ErrorCode; message: string } };
      if (value.type === 'error' && value.error) throw new FootnoteError(value.error.code, value.error.message);
      yield value as T;
    }
    // readline ends quietly when the connection breaks.
    if (!answer.complete) throw new Error('the answer was cut off');
  } catch (error) {
    throw error instanceof FootnoteError ? error : broken(server, error, signal);
  } finally {
    answer.destroy();
  }
}

async function readText(server: ServerAddress, answer: IncomingMessage, signal: AbortSignal): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of answer as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > MAX_BYTES) throw new Error('the answer is too large');
      pieces.push(piece);
    }
  } catch (cause) {
    throw broken(server, cause, signal);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** RFC 9457 back into the error that it was made of. */
function problem(status: number, text: string): FootnoteError {
  let body: { code?: unknown; detail?: unknown; errors?: unknown; details?: Record<string, unknown> };
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // Not a problem document: told below.
    body = {};
  }
  if (typeof body.code !== 'string' || typeof body.detail !== 'string') {
    return new FootnoteError('unavailable', `The server answered ${status} and nothing that explains it.`);
  }
  const details = { ...body.details, ...(body.errors === undefined ? {} : { problems: body.errors }) };
  return new FootnoteError(
    body.code as ErrorCode,
    body.detail,
    Object.keys(details).length > 0 ? { details } : undefined,
  );
}

function broken(server: ServerAddress, cause: unknown, signal: AbortSignal): FootnoteError {
  if (signal.aborted) return new FootnoteError('cancelled', 'Stopped.', { cause });
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FootnoteError('unavailable', `The server at ${server.address} broke off: ${reason}.`, { cause });
}
