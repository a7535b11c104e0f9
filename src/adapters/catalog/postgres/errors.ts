import { FootnoteError, type ErrorCode } from '../../../core/errors.js';
import { NothingDone } from '../sql/transact.js';

/** Where the error came up: what was left behind by then. */
export type Stage =
  /** Nothing was asked for yet. */
  | 'connecting'
  /** A statement by itself: it may have been done although its answer never came. */
  | 'statement'
  /** Inside a transaction: it is undone. */
  | 'transaction'
  /** The commit: done or not, if its answer never came. */
  | 'commit';

/** SQLSTATEs by their beginnings, the longest first (PostgreSQL documentation, appendix A). */
const STATES: readonly (readonly [prefix: string, code: ErrorCode, advice: string])[] = [
  ['53100', 'disk_full', 'has no space left on its disk: free some; work goes on by itself then'],
  [
    '53300',
    'unavailable',
    'has no connection left: raise its max_connections, or lower catalog connections per process',
  ],
  ['25006', 'read_only', 'answers as a read-only server: name the primary in the URL'],
  ['0A000', 'read_only', 'answers as a standby, which cannot serve a catalog: name the primary in the URL'],
  ['57014', 'unavailable', 'cancelled a statement that took too long'],
  ['55P03', 'unavailable', 'waited too long for a lock'],
  ['57P', 'unavailable', 'is stopping or starting'],
  ['08', 'unavailable', 'lost the connection'],
  ['53', 'unavailable', 'is short of resources'],
  ['58', 'unavailable', 'had an error of its system: see its log'],
  ['XX001', 'data_corrupt', 'found damaged data: see its log, and restore the catalog from a backup'],
  ['XX002', 'data_corrupt', 'found a damaged index: see its log, and REINDEX it'],
  ['54000', 'invalid_request', 'cannot store a name as long as this'],
  ['28', 'invalid_config', 'refuses this user: check user and password in the URL, and its pg_hba.conf'],
  ['3D000', 'invalid_config', 'has no such database: create it, or name another one in the URL'],
  ['42501', 'invalid_config', 'does not let this user do that: let it own its schema, or create it (GRANT CREATE)'],
];

const TLS = /^(DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|CERT_|ERR_TLS_|ERR_SSL_)/;
const WITHOUT_TLS = 'The server does not support SSL connections';

function textOf(error: unknown): { code: string; message: string; severity: string | undefined } {
  const { code, message, severity } = (error ?? {}) as { code?: unknown; message?: unknown; severity?: unknown };
  return {
    code: typeof code === 'string' ? code : '',
    message: typeof message === 'string' ? message : '',
    severity: typeof severity === 'string' ? severity : undefined,
  };
}

/** Whether the connection is of no use after this: anything that is not the server's answer to one statement. */
export function breaksConnection(error: unknown): boolean {
  if (error instanceof FootnoteError || error instanceof TypeError) return false;
  return textOf(error).severity !== 'ERROR';
}

/** Whether it lost against another transaction: 40001 serialization failure, 40P01 deadlock. The server has undone it. */
function lost(code: string): boolean {
  return code === '40001' || code === '40P01';
}

/**
 * Turns what the driver throws into a FootnoteError that says what to do. Errors of the program pass unchanged.
 * @param server host, port and database, for people; never the password
 */
export function postgresError(error: unknown, server: string, stage: Stage): unknown {
  if (error instanceof FootnoteError || error instanceof TypeError) return error;
  const { code, message } = textOf(error);
  const name = `PostgreSQL at ${server}`;
  if (lost(code)) return new NothingDone(`${name} had too many changes to the same rows at once: try again.`, error);
  const known = STATES.find(([prefix]) => code.startsWith(prefix));
  if (known && known[1] !== 'unavailable') {
    const [, kind, advice] = known;
    return new FootnoteError(kind, `${name} ${advice}.`, {
      cause: error,
      ...(kind === 'read_only' ? { permanence: 'transient' as const } : {}),
    });
  }
  if (TLS.test(code) || message === WITHOUT_TLS) {
    return new FootnoteError('invalid_config', `${name} cannot be reached by TLS: ${message || code}. ${TLS_ADVICE}`, {
      cause: error,
    });
  }
  if (message.startsWith('SASL')) {
    return new FootnoteError('invalid_config', `${name} cannot check this password: is one in the URL, and right?`, {
      cause: error,
    });
  }
  if (!known && !breaksConnection(error)) return error;
  return unavailable(`${name} ${known?.[2] ?? reasonOf(code, message)}`, error, stage);
}

const TLS_ADVICE = 'Name its authority by sslrootcert, or ask for none by sslmode=disable.';

function unavailable(what: string, error: unknown, stage: Stage): FootnoteError {
  const broken = breaksConnection(error);
  if (stage === 'transaction' && broken) return new NothingDone(`${what}: try again.`, error);
  const unknown = broken && (stage === 'commit' || stage === 'statement');
  const outcome = unknown ? ' Whether what was asked last was done is not known.' : '';
  return new FootnoteError('unavailable', `${what}: try again.${outcome}`, { cause: error });
}

/** What the driver says by words or by the system's codes. */
function reasonOf(code: string, message: string): string {
  if (code === 'ECONNREFUSED') return 'does not listen there';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'has a name that cannot be resolved';
  if (message.startsWith('timeout exceeded'))
    return 'gave no connection in time (all are in use, or it does not answer)';
  if (message.includes('timeout')) return 'did not answer in time';
  return 'lost the connection';
}
