/** Stable codes: clients, reports, metrics and dead letters rely on them. Add freely, never rename. */
export type ErrorCode =
  // input
  | 'invalid_request'
  | 'invalid_filter'
  | 'invalid_config'
  | 'unsupported_media_type'
  | 'unknown_type'
  | 'empty_document'
  | 'invalid_encoding'
  | 'password_required'
  | 'password_wrong'
  | 'corrupt_document'
  | 'document_too_large'
  | 'parse_timeout'
  | 'parse_memory'
  | 'parse_output'
  | 'parse_crashed'
  | 'request_too_large'
  | 'request_timeout'
  // state
  | 'not_found'
  | 'collection_not_found'
  | 'collection_moved'
  | 'document_not_found'
  | 'job_not_found'
  | 'already_exists'
  | 'conflict'
  | 'source_owned'
  | 'precondition_failed'
  | 'idempotency_conflict'
  | 'behind'
  | 'space_mismatch'
  | 'dimension_mismatch'
  | 'build_mismatch'
  | 'superseded'
  | 'content_missing'
  | 'deletion_stopped'
  // rights
  | 'unauthorized'
  | 'forbidden'
  | 'principals_required'
  | 'rate_limited'
  // operations
  | 'overloaded'
  | 'cancelled'
  | 'unavailable'
  | 'disk_full'
  | 'read_only'
  | 'data_in_use'
  | 'data_newer'
  | 'data_corrupt'
  | 'log_mismatch'
  | 'source_mismatch'
  | 'model_missing'
  | 'model_hash_mismatch'
  | 'model_unsupported'
  | 'model_download_failed'
  | 'device_unavailable'
  | 'tokenizer_unknown'
  | 'internal';

/** Whether trying again later can help. */
export type Permanence = 'transient' | 'permanent';

export interface FootnoteErrorOptions {
  readonly cause?: unknown;
  readonly permanence?: Permanence;
  /** Seconds after which trying again makes sense (Retry-After). */
  readonly retryAfter?: number;
  /** Structured detail for clients: no secrets, no other tenant's data. */
  readonly details?: Readonly<Record<string, unknown>>;
}

const TRANSIENT: ReadonlySet<ErrorCode> = new Set([
  'overloaded',
  'rate_limited',
  'unavailable',
  'disk_full',
  'request_timeout',
]);

/** The one error class: a stable code, a message that says what to do, and the cause. */
export class FootnoteError extends Error {
  override readonly name = 'FootnoteError';
  readonly code: ErrorCode;
  readonly permanence: Permanence;
  readonly retryAfter: number | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: FootnoteErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.permanence = options.permanence ?? (TRANSIENT.has(code) ? 'transient' : 'permanent');
    this.retryAfter = options.retryAfter;
    this.details = options.details;
  }
}

/** Wraps anything thrown; FootnoteErrors pass unchanged. Unknown errors become `internal` and transient. */
export function asFootnoteError(error: unknown): FootnoteError {
  if (error instanceof FootnoteError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const message = error instanceof Error ? error.message : String(error);
  if (code === 'ENOSPC' || code === 'SQLITE_FULL' || /no space left on device/i.test(message)) {
    return new FootnoteError('disk_full', 'The disk is full: free some space; work goes on by itself afterwards.', {
      cause: error,
    });
  }
  if (code === 'EROFS' || code === 'SQLITE_READONLY' || /read-only file system/i.test(message)) {
    return new FootnoteError('read_only', 'The data directory cannot be written: check its permissions and mount.', {
      cause: error,
      permanence: 'transient',
    });
  }
  return new FootnoteError('internal', message, { cause: error, permanence: 'transient' });
}

export function collectionNotFound(name: string): FootnoteError {
  return new FootnoteError(
    'collection_not_found',
    `There is no collection ${JSON.stringify(name)}. Create it with PUT /v1/collections/${name}, or ingest into it.`,
  );
}

export function collectionMoved(name: string): FootnoteError {
  return new FootnoteError(
    'collection_moved',
    `The collection ${JSON.stringify(name)} is not served here: it is being moved to or from another installation, or was moved there. Whoever runs this one finds out with: footnote migrate.`,
  );
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new FootnoteError('cancelled', 'The operation was cancelled.', { cause: signal.reason });
}
