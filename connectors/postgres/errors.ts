import { FootnoteError, type ErrorCode } from '../../src/core/errors.js';

/** SQLSTATEs by their beginnings, the longest first (PostgreSQL documentation, appendix A). */
const STATES: readonly (readonly [prefix: string, code: ErrorCode, advice: string])[] = [
  ['42P01', 'not_found', 'has no such table: check `schema`, `table` or the query, and what the role may see'],
  ['3F000', 'not_found', 'has no such schema: check `schema`'],
  ['3D000', 'not_found', 'has no such database: check `url`'],
  ['42703', 'invalid_config', 'has no such column: check the columns of the options'],
  ['42501', 'forbidden', 'does not let this role read that: GRANT SELECT on it (and USAGE on its schema)'],
  ['25006', 'invalid_config', 'refuses to write: the query has to be a plain SELECT'],
  ['42601', 'invalid_config', 'does not understand the query: it has to be one SELECT'],
  ['28', 'unauthorized', "refuses the role: check user and password in `url`, and the server's pg_hba.conf"],
  ['57014', 'unavailable', 'cancelled a statement that took too long: give it an index, or raise `statementTimeoutMs`'],
  ['57P', 'unavailable', 'is stopping or starting'],
  ['55P03', 'unavailable', 'waited too long for a lock'],
  ['40', 'unavailable', 'gave up the read in favour of another transaction'],
  ['08', 'unavailable', 'lost the connection'],
  ['53', 'unavailable', 'is short of resources'],
  ['58', 'unavailable', 'had an error of its system: see its log'],
  ['XX', 'unavailable', 'had an internal error: see its log'],
  ['22', 'invalid_config', 'cannot compute a value of a row'],
  ['', 'invalid_config', 'refuses the statement'],
];

const TLS = /^(DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|CERT_|ERR_TLS_|ERR_SSL_)/;
const TLS_ADVICE = 'Name its authority by sslrootcert in `url`, or ask for none by sslmode=disable.';
const MAX_SAID = 300;

/**
 * What the driver throws, as what to do about it. A server that is away is `unavailable`, and is tried again.
 * @param server host, port and database: never the password
 */
export function postgresError(error: unknown, server: string): FootnoteError {
  if (error instanceof FootnoteError) return error;
  const {
    code: state = '',
    message = '',
    severity,
  } = (error ?? {}) as { code?: string; message?: string; severity?: string };
  const name = `PostgreSQL at ${server}`;
  if (severity !== undefined) {
    const [, code, advice] = STATES.find(([prefix]) => state.startsWith(prefix))!;
    return new FootnoteError(code, `${name} ${advice}. It says: ${said(state, message)}`, { cause: error });
  }
  if (TLS.test(state) || message === 'The server does not support SSL connections') {
    const what = `${name} cannot be reached by TLS: ${message || state}. ${TLS_ADVICE}`;
    return new FootnoteError('invalid_config', what, { cause: error });
  }
  if (message.startsWith('SASL')) {
    const what = `${name} cannot check this password: is one in \`url\`, and right?`;
    return new FootnoteError('unauthorized', what, { cause: error });
  }
  return new FootnoteError('unavailable', `${name} ${reasonOf(state, message)}.`, { cause: error });
}

/** Names are told; what stands in a row is not. */
function said(state: string, message: string): string {
  const text = state.startsWith('22') ? message.replaceAll(/"[^"]*"/g, '"…"') : message;
  return `${text.slice(0, MAX_SAID)} (${state})`;
}

/** What the driver says by words or by the system's codes. */
function reasonOf(code: string, message: string): string {
  if (code === 'ECONNREFUSED') return 'does not listen there';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'has a name that cannot be resolved';
  return message.includes('timeout') ? 'did not answer in time' : 'lost the connection';
}
