import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { throwIfAborted } from '../../src/core/errors.js';
import type { PostgresAddress } from '../../src/runtime/postgres-url.js';
import { postgresError } from './errors.js';

/** What the client waits longer than the server's own limit: a server that hangs answers nothing at all. */
const GRACE_MS = 5000;
const GOODBYE_MS = 1000;

/** So that the same value is always the same text. */
const FORMATS = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'iso_8601',
  extra_float_digits: '1',
  bytea_output: 'hex',
};

/** Values stay the text that the server sent. */
const types: pg.CustomTypesConfig = { getTypeParser: () => (value: string) => value };

export type Raw = Readonly<Record<string, string | null>>;

export interface Limits {
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs: number;
}

export interface Answer {
  readonly rows: Raw[];
  /** The type's number (pg_type.oid) of each column; of a domain, its base type's. */
  readonly types: ReadonlyMap<string, number>;
}

interface Open {
  readonly client: pg.Client;
  /** The driver's, held here because only its end ends everything at once. */
  readonly socket: Socket;
  connected: boolean;
}

/**
 * One connection, opened when it is needed. Each statement is a read-only transaction of its own, so that nothing is held
 * on the server however long somebody takes over its rows; a connection that was lost in between is opened anew.
 */
export class Session {
  #open: Open | undefined;

  constructor(
    private readonly address: PostgresAddress,
    private readonly limits: Limits,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws FootnoteError: errors.ts; cancelled */
  async ask(text: string, values: readonly (string | null)[] = []): Promise<Answer> {
    throwIfAborted(this.signal);
    const abort = (): void => this.#drop();
    this.signal.addEventListener('abort', abort, { once: true });
    try {
      const open = (this.#open ??= this.#make());
      const { client } = open;
      if (!open.connected) await client.connect();
      open.connected = true;
      await this.#begin(client);
      // The extended protocol takes one statement, whatever the text holds.
      const query: pg.QueryConfig & { queryMode: 'extended' } = { text, values: [...values], queryMode: 'extended' };
      const { rows, fields } = await client.query<Record<string, string | null>>(query);
      await client.query('commit');
      return { rows, types: new Map(fields.map(({ name, dataTypeID }) => [name, dataTypeID])) };
    } catch (error) {
      this.#drop();
      throwIfAborted(this.signal);
      throw postgresError(error, this.address.server);
    } finally {
      this.signal.removeEventListener('abort', abort);
    }
  }

  async close(): Promise<void> {
    const open = this.#open;
    if (!open) return;
    await Promise.race([open.client.end().catch(() => undefined), sleep(GOODBYE_MS, undefined, { ref: false })]);
    this.#drop();
  }

  #drop(): void {
    this.#open?.socket.destroy();
    this.#open = undefined;
  }

  #make(): Open {
    const { host, port, user, password, database, ssl } = this.address;
    const { statementTimeoutMs, connectTimeoutMs } = this.limits;
    const socket = new Socket();
    const client = new pg.Client({
      host,
      port,
      user,
      // As a function: nothing else is asked where it is empty (PGPASSWORD, ~/.pgpass).
      password: () => password ?? '',
      database,
      ssl,
      types,
      stream: () => socket,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: statementTimeoutMs + GRACE_MS,
      keepAlive: true,
      application_name: 'footnote connector',
    });
    const open = { client, socket, connected: false };
    const lost = (): void => {
      if (this.#open === open) this.#open = undefined;
      socket.destroy();
    };
    client.on('error', lost).on('end', lost);
    return open;
  }

  /** Settings of the transaction alone: whoever pools connections in between keeps none of them. */
  async #begin(client: pg.Client): Promise<void> {
    await client.query('begin transaction read only');
    const limit = String(this.limits.statementTimeoutMs);
    const settings = {
      ...FORMATS,
      statement_timeout: limit,
      idle_in_transaction_session_timeout: String(this.limits.statementTimeoutMs + GRACE_MS),
    };
    const names = Object.entries(settings);
    const calls = names.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`);
    await client.query(`select ${calls.join(', ')}`, names.flat());
  }
}
