import pg from 'pg';
import { FootnoteError } from '../../../core/errors.js';
import type { PostgresAddress } from '../../../runtime/postgres-url.js';
import { postgresError } from './errors.js';
import type { Settings } from './options.js';

const INT8 = 20;
/** What the client waits longer than the server's own limit: a server that hangs answers nothing at all. */
const GRACE_MS = 5000;
/** The longest time that a timer takes. */
const NO_LIMIT = 2 ** 31 - 1;

/** Whole numbers as numbers: the catalog's are below 2^53. */
function toNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new FootnoteError('data_corrupt', `The catalog holds the number ${text}.`);
  return value;
}

type TypeParser = (value: string) => unknown;

/** The driver's own, but for whole numbers; of this pool alone, not of the process. */
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): TypeParser {
    return oid === INT8 && format !== 'binary' ? toNumber : (pg.types.getTypeParser(oid, format) as TypeParser);
  },
};

/**
 * Connections that open and close by need. Every statement and transaction runs as if nothing else did (isolation level
 * serializable): what loses is undone by the server, and run again by the driver.
 */
export function createPool(address: PostgresAddress, settings: Settings, migrating = false): pg.Pool {
  const { host, port, user, password, database, ssl, server } = address;
  const pool = new pg.Pool({
    host,
    port,
    user,
    ...(password === undefined ? {} : { password }),
    database,
    ssl,
    types,
    max: migrating ? 1 : settings.maxConnections,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    application_name: settings.applicationName,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    options: `-c search_path="${settings.schema}" -c default_transaction_isolation=serializable`,
    // An index over many rows takes its time.
    statement_timeout: migrating ? 0 : settings.statementTimeoutMs,
    query_timeout: migrating ? NO_LIMIT : settings.statementTimeoutMs + GRACE_MS,
    lock_timeout: settings.lockTimeoutMs,
    idle_in_transaction_session_timeout: settings.idleInTransactionTimeoutMs,
  });
  pool.on('error', (error) => {
    settings.onConnectionLost(postgresError(error, server, 'connecting') as FootnoteError);
  });
  // The pool listens while a connection is idle. One that breaks between two statements of a transaction is told by the
  // next of them; without a listener it would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}
