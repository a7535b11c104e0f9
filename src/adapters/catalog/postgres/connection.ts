import { SelectQueryNode, type CompiledQuery, type DatabaseConnection, type QueryResult } from 'kysely';
import type pg from 'pg';
import { requireStorable } from '../../storable.js';
import { untilDone } from '../sql/transact.js';
import { breaksConnection, postgresError, type Stage } from './errors.js';

const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

/** The driver would make NULL of an unknown value, and the server refuses NUL. */
function checked(parameters: readonly unknown[]): unknown[] {
  for (const value of parameters.flat()) {
    if (typeof value === 'string') requireStorable(value);
    else if (typeof value === 'number' ? !Number.isFinite(value) : value !== null && typeof value !== 'bigint') {
      throw new TypeError(`not a storable value: ${String(value)}`);
    }
  }
  return [...parameters];
}

export interface Connecting {
  /** Host, port and database, for messages. */
  readonly server: string;
  connect(): Promise<pg.PoolClient>;
  /** Whether a lost connection may be replaced in the middle: not when the session holds a lock. */
  readonly replaces: boolean;
}

/** One connection in the hands of one caller: a statement, or a transaction. */
export class PostgresConnection implements DatabaseConnection {
  readonly #from: Connecting;
  /** None after a broken one was given up: the next statement takes another. */
  #client: pg.PoolClient | undefined;
  #transaction = false;
  #broken = false;

  constructor(from: Connecting, client: pg.PoolClient) {
    this.#from = from;
    this.#client = client;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#transaction) return this.#ask(query.sql, query.parameters, 'transaction');
    const alone = () => untilDone(() => this.#ask<R>(query.sql, query.parameters, 'statement'));
    try {
      return await alone();
    } catch (error) {
      // A read may be asked again. What became of a write whose answer never came, nobody knows.
      if (!this.#broken || !this.#from.replaces || !SelectQueryNode.is(query.query)) throw error;
    }
    this.#giveUp();
    return alone();
  }

  async begin(): Promise<void> {
    this.#transaction = true;
    await this.#ask('begin', [], 'transaction');
  }

  async commit(): Promise<void> {
    this.#transaction = false;
    await this.#ask('commit', [], 'commit');
  }

  async rollback(): Promise<void> {
    this.#transaction = false;
    if (this.#broken) return;
    try {
      await this.#ask('rollback', [], 'statement');
    } catch {
      // The server undoes it when the connection ends; what made it necessary is what is to be told.
      this.#broken = true;
    }
  }

  release(): void {
    this.#client?.release(this.#broken || this.#transaction);
    this.#client = undefined;
  }

  streamQuery(): never {
    throw new Error('streaming holds a transaction open: read in pages');
  }

  async #ask<R>(sql: string, parameters: readonly unknown[], stage: Stage): Promise<QueryResult<R>> {
    const values = checked(parameters);
    const client = (this.#client ??= await this.#from.connect());
    try {
      const { command, rowCount, rows } = await client.query(sql, values);
      return {
        rows: rows as R[],
        ...(WRITES.has(command) ? { numAffectedRows: BigInt(rowCount ?? 0) } : {}),
      };
    } catch (error) {
      this.#broken ||= breaksConnection(error);
      throw postgresError(error, this.#from.server, stage);
    }
  }

  #giveUp(): void {
    this.#client?.release(true);
    this.#client = undefined;
    this.#broken = false;
  }
}
