import { STATUS_CODES } from 'node:http';
import type { ErrorCode, FootnoteError } from '../core/errors.js';
import { asFootnoteError } from '../core/errors.js';
import type { Problem } from '../core/schemas/problem.js';

export const PROBLEM_JSON = 'application/problem+json';

/** The one table from code to HTTP status. */
export const STATUS_OF: Readonly<Record<ErrorCode, number>> = {
  invalid_request: 400,
  invalid_filter: 400,
  invalid_config: 500,
  unsupported_media_type: 415,
  unknown_type: 415,
  empty_document: 422,
  invalid_encoding: 422,
  password_required: 422,
  password_wrong: 422,
  corrupt_document: 422,
  document_too_large: 413,
  parse_timeout: 422,
  parse_memory: 422,
  parse_output: 422,
  parse_crashed: 422,
  request_too_large: 413,
  request_timeout: 408,
  not_found: 404,
  collection_not_found: 404,
  collection_moved: 409,
  document_not_found: 404,
  job_not_found: 404,
  already_exists: 409,
  conflict: 409,
  source_owned: 409,
  precondition_failed: 412,
  idempotency_conflict: 409,
  behind: 409,
  space_mismatch: 409,
  dimension_mismatch: 409,
  build_mismatch: 409,
  superseded: 409,
  content_missing: 410,
  deletion_stopped: 409,
  unauthorized: 401,
  forbidden: 403,
  principals_required: 403,
  rate_limited: 429,
  overloaded: 503,
  cancelled: 503,
  unavailable: 503,
  disk_full: 507,
  read_only: 503,
  data_in_use: 503,
  data_newer: 500,
  data_corrupt: 500,
  log_mismatch: 500,
  source_mismatch: 409,
  model_missing: 503,
  model_hash_mismatch: 500,
  model_unsupported: 500,
  model_download_failed: 503,
  device_unavailable: 503,
  tokenizer_unknown: 400,
  internal: 500,
};

export interface ProblemContext {
  readonly requestId?: string;
  readonly instance?: string;
  /** Overrides the table, e.g. 422 for a row's code or 405. */
  readonly status?: number;
}

export interface FieldProblem {
  readonly path: string;
  readonly message: string;
}

/** A code as words: `collection_not_found` is "Collection not found". */
function titleOf(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The problem that an error is told as. Internal errors tell nothing but the request id. */
export function problemOf(error: FootnoteError, context: ProblemContext = {}): Problem {
  const status = context.status ?? STATUS_OF[error.code] ?? 500;
  const internal = error.code === 'internal';
  const { problems, ...details } = error.details ?? {};
  const errors = internal ? undefined : fieldProblems(problems);
  return {
    type: `urn:footnote:problem:${error.code}`,
    title: status === 405 ? STATUS_CODES[405]! : titleOf(error.code),
    status,
    detail: internal
      ? `Something went wrong here. The server's log has it under the request id ${context.requestId ?? '(none)'}.`
      : error.message,
    code: error.code,
    ...(context.instance === undefined ? {} : { instance: context.instance }),
    ...(context.requestId === undefined ? {} : { requestId: context.requestId }),
    ...(errors ? { errors } : {}),
    ...(internal || Object.keys(details).length === 0 ? {} : { details: jsonSafe(details) }),
  };
}

/** The answer for anything thrown. */
export function problemResponse(
  thrown: unknown,
  context: ProblemContext = {},
  headers: Record<string, string> = {},
): Response {
  const error = asFootnoteError(thrown);
  const problem = problemOf(error, context);
  const all = new Headers(headers);
  all.set('content-type', PROBLEM_JSON);
  all.set('cache-control', 'no-store');
  if (problem.status === 429 || problem.status === 503) {
    all.set('retry-after', String(Math.max(1, Math.ceil(error.retryAfter ?? 1))));
  }
  if (problem.status === 401) all.set('www-authenticate', 'Bearer');
  return new Response(JSON.stringify(problem), { status: problem.status, headers: all });
}

function fieldProblems(value: unknown): FieldProblem[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const fields = value.filter(
    (item: unknown): item is FieldProblem =>
      typeof item === 'object' &&
      item !== null &&
      typeof (item as FieldProblem).path === 'string' &&
      typeof (item as FieldProblem).message === 'string',
  );
  return fields.length > 0 ? fields.map(({ path, message }) => ({ path, message })) : undefined;
}

function jsonSafe(details: Record<string, unknown>): NonNullable<Problem['details']> {
  const text = JSON.stringify(details, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
  return JSON.parse(text) as NonNullable<Problem['details']>;
}
