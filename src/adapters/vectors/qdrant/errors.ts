import { FootnoteError } from '../../../core/errors.js';
import { missing } from '../spec.js';
import { KEPT_RETRY_AFTER, parseRetryAfter } from './retry-after.js';

/** What the client library throws for an answer with an error's status; it does not export the class. */
interface StatusError {
  readonly status: number;
  readonly headers: Headers;
  readonly data: unknown;
}

const MESSAGE_LENGTH = 300;

/**
 * Turns what a request ended with into a FootnoteError. Messages hold what the server said and never what was sent.
 * @param now milliseconds since 1970, for a Retry-After that is a date
 */
export function qdrantError(error: unknown, generation: string, now: number): FootnoteError {
  if (error instanceof FootnoteError) return error;
  if (isStatusError(error)) return statusError(error, generation, now);
  // fetch: no connection, a reset or an answer cut short; the client: an answer that is no JSON.
  if (error instanceof TypeError || error instanceof SyntaxError) {
    const reason = (error.cause as NodeJS.ErrnoException | undefined)?.code ?? error.name;
    return new FootnoteError('unavailable', `Qdrant gave no whole answer about ${generation} (${reason}).`, {
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new FootnoteError('internal', `Qdrant failed: ${message.slice(0, MESSAGE_LENGTH)}`, {
    cause: error,
    permanence: 'transient',
  });
}

function statusError(error: StatusError, generation: string, now: number): FootnoteError {
  const { status } = error;
  const said = saidBy(error.data);
  const told = `Qdrant answered ${status} about ${generation}${said === '' ? '' : `: ${said}`}`;
  const retryAfter = parseRetryAfter(error.headers.get(KEPT_RETRY_AFTER), now);
  const options = { cause: error, ...(retryAfter === undefined ? {} : { retryAfter }) };
  if (/no space left|disk quota|out of disk|disk is full/i.test(said)) {
    return new FootnoteError(
      'disk_full',
      `Qdrant has no space left for the vectors of ${generation}: ${said}`,
      options,
    );
  }
  switch (status) {
    case 400:
    case 422:
      if (/vector dimension error|not existing vector name/i.test(said)) {
        return new FootnoteError('dimension_mismatch', told, options);
      }
      return new FootnoteError('internal', told, { ...options, permanence: 'permanent' });
    case 401:
    case 403:
      // Documents must wait for a better key, not become dead letters.
      return new FootnoteError('invalid_config', `${told}. Check the API key and its rights.`, {
        ...options,
        permanence: 'transient',
      });
    case 404:
      return missing(generation, error);
    case 409:
      return new FootnoteError('already_exists', told, options);
    case 413:
      return new FootnoteError('request_too_large', `${told}. Lower the batches' bytes.`, options);
    case 429:
      return new FootnoteError('overloaded', told, options);
    default:
      if (status === 408 || status >= 500) return new FootnoteError('unavailable', told, options);
      return new FootnoteError('internal', told, { ...options, permanence: 'permanent' });
  }
}

/** Whether the same request may succeed soon. */
export function isRetryable(error: FootnoteError): boolean {
  return error.code === 'unavailable' || error.code === 'overloaded';
}

function isStatusError(error: unknown): error is StatusError {
  const { status, headers } = error as Partial<StatusError>;
  return error instanceof Error && typeof status === 'number' && headers instanceof Headers;
}

/** Qdrant's `{status: {error}}`, or what a proxy wrote. */
function saidBy(data: unknown): string {
  const status = (data as { status?: { error?: unknown } | string } | undefined)?.status;
  const text = typeof status === 'object' ? status.error : data;
  return typeof text === 'string' ? text.replace(/\s+/g, ' ').trim().slice(0, MESSAGE_LENGTH) : '';
}
