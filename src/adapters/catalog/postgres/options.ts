import { FootnoteError } from '../../../core/errors.js';

export interface PostgresCatalogOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with `?sslmode=require` for TLS (src/runtime/postgres-url.ts). */
  readonly url: string;
  /** Where the tables are: one a Footnote installation, so that several share a database. Made when absent. */
  readonly schema?: string;
  /** Connections that this process holds at most; further calls wait for one. */
  readonly maxConnections?: number;
  /** How long a call waits for a connection, and a new connection for the server. Then: `unavailable`. */
  readonly connectTimeoutMs?: number;
  /** What the server gives a statement. Then: `unavailable`, and nothing of it was done. */
  readonly statementTimeoutMs?: number;
  /** What the server lets a statement wait for a lock. */
  readonly lockTimeoutMs?: number;
  /** After this long without a statement the server ends a transaction with its connection: its process hangs. */
  readonly idleInTransactionTimeoutMs?: number;
  /** How long to wait for another process that migrates the tables. */
  readonly migrationTimeoutMs?: number;
  /** Shown by pg_stat_activity. */
  readonly applicationName?: string;
  /** Told of connections that broke while nobody used them; the next call opens another one. */
  readonly onConnectionLost?: (error: FootnoteError) => void;
}

const DEFAULTS = {
  schema: 'footnote',
  maxConnections: 10,
  connectTimeoutMs: 5000,
  statementTimeoutMs: 30_000,
  lockTimeoutMs: 10_000,
  idleInTransactionTimeoutMs: 30_000,
  migrationTimeoutMs: 60_000,
  applicationName: 'footnote',
  onConnectionLost: (): void => undefined,
};

export type Settings = Required<PostgresCatalogOptions>;

/** @throws invalid_config */
export function withDefaults(options: PostgresCatalogOptions): Settings {
  const settings = { ...DEFAULTS, ...options };
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(settings.schema) || settings.schema.startsWith('pg_')) {
    throw new FootnoteError(
      'invalid_config',
      `"${settings.schema}" can't name the catalog's schema: take 1 to 63 small letters, digits or underscores.`,
    );
  }
  return settings;
}
