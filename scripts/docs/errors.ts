import { type ErrorCode, FootnoteError } from '../../src/core/errors.js';
import { STATUS_OF } from '../../src/api/problems.js';
import { GENERATED, table } from './generated.js';

/** What each code means to whoever meets it. */
const MEANING: Readonly<Record<ErrorCode, string>> = {
  invalid_request: 'A field is missing or wrong; `errors` names each with its path.',
  invalid_filter: 'The filter is not of the filter language, or compares what cannot be compared.',
  invalid_config: 'The configuration has an unknown field or a wrong value.',
  unsupported_media_type: 'The request, or the document, is of a type that is not taken here.',
  unknown_type: 'No parser knows the content of this file.',
  empty_document: 'The document holds no text.',
  invalid_encoding: 'A file name is not valid Unicode. As a warning: some bytes of a text are not, and became U+FFFD.',
  password_required: 'The PDF is encrypted: give its password.',
  password_wrong: 'The PDF is encrypted, and the password does not open it.',
  corrupt_document: 'The file is damaged.',
  document_too_large: 'The document is larger than `parsing.maxBytes` or `http.documentBytes`.',
  parse_timeout: 'Parsing took longer than `parsing.deadlineMs`; its process was killed.',
  parse_memory: 'Parsing took more memory than `parsing.memoryBytes`; its process was killed.',
  parse_output: 'The normalized text is longer than `parsing.outputBytes`.',
  parse_crashed: 'The parsing process died.',
  request_too_large: 'The body is larger than `http.jsonBytes` (JSON) or `http.documentBytes`.',
  request_timeout: 'The request took longer than `http.requestTimeoutMs` to arrive or to be answered.',
  not_found: 'There is nothing under this path or name.',
  collection_not_found: 'There is no such collection.',
  collection_moved:
    'The collection is on its way to or from another installation, or was moved to one: `footnote migrate`.',
  document_not_found: 'There is no such document, or the caller may not read it.',
  job_not_found: 'There is no such job.',
  already_exists: 'The name is taken.',
  conflict: 'Somebody else changed the same thing meanwhile, or is at work on it.',
  source_owned: 'The source belongs to a connector (or to the API): its documents are written there only.',
  precondition_failed: 'The document is not in the version that `If-Match` or `If-None-Match` expects.',
  idempotency_conflict: 'The `Idempotency-Key` was used with another request.',
  behind: 'The generation has not yet applied what the live one shows.',
  space_mismatch: 'A query vector of one model space was about to meet vectors of another.',
  dimension_mismatch: 'A vector has another number of dimensions than its column.',
  build_mismatch: 'This process runs another model build than the generation was built with.',
  superseded: 'Something newer has been applied already.',
  content_missing: 'The stored original or text is gone: deleted, or replaced and expired.',
  deletion_stopped:
    'More of a source would go than its brake allows: nothing was deleted, and somebody has to confirm it.',
  unauthorized: 'The key or token is missing or unknown.',
  forbidden: 'The caller may not do this, or the request came from a host or origin that is not allowed.',
  principals_required: 'The key demands `as.principals` with each request.',
  rate_limited: 'This key asked too often: try again after `Retry-After` seconds (`http.rateLimit`).',
  overloaded: 'Too much waits already: try again after `Retry-After` seconds.',
  cancelled: 'The caller, or the end of the process, stopped it.',
  unavailable: 'Something that is needed does not answer just now.',
  disk_full: 'There is no space left on the disk; work goes on by itself afterwards.',
  read_only: 'The data directory cannot be written.',
  data_in_use: 'Another process owns the data directory.',
  data_newer: 'The data was written by a newer version of Footnote.',
  data_corrupt: 'Stored data is damaged.',
  log_mismatch: 'The log is not the one that the catalog knows, or ends below what was committed.',
  source_mismatch:
    'A source is another one than what was read of it so far, or lost what was not read yet; somebody has to decide.',
  model_missing: 'The model is not here and could not be fetched.',
  model_hash_mismatch: 'A model file is not the one that its manifest names.',
  model_unsupported: 'The model or its tokenizer is of a kind that is not run here.',
  model_download_failed: 'No source gave the model file.',
  device_unavailable: 'The configured device (CUDA) cannot be used; the message says what to install.',
  tokenizer_unknown: 'There is no tokenizer of this name.',
  internal: "A fault of ours; the server's log has it under the request id.",
};

export function errorsPage(): string {
  const rows = Object.entries(MEANING).map(([code, meaning]) => {
    const { permanence } = new FootnoteError(code as ErrorCode, '');
    return [`\`${code}\``, String(STATUS_OF[code as ErrorCode]), permanence === 'transient' ? 'yes' : '', meaning];
  });
  return [
    '# Error codes',
    GENERATED,
    'Codes are stable: problems of the API (RFC 9457, `application/problem+json`), reports of `ingest` and `parse`, dead ' +
      'letters, job errors and metrics carry the same ones. A failed document is answered with 422 and its own code by ' +
      '`PUT …?wait=true`, whatever the status below. A _transient_ error passes by itself: ingestion tries again with ' +
      'backoff and makes no dead letter of it. So it does after `build_mismatch`, and after what nobody foresaw ' +
      '(`internal`), that one eight times.',
    table(['code', 'HTTP', 'transient', 'meaning'], rows),
  ].join('\n\n');
}
