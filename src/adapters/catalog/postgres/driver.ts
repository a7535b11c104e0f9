import type { DatabaseConnection, Driver } from 'kysely';
import type pg from 'pg';
import { PostgresConnection, type Connecting } from './connection.js';
import { postgresError } from './errors.js';

/** Kysely's driver over a pool: typed errors, what lost is run again, what broke is replaced where that is safe. */
export class PostgresDriver implements Driver {
  readonly #pool: pg.Pool;
  readonly #from: Connecting;

  constructor(pool: pg.Pool, server: string, options: { readonly replaces: boolean }) {
    this.#pool = pool;
    const connect = async (): Promise<pg.PoolClient> => {
      try {
        return await pool.connect();
      } catch (error) {
        throw postgresError(error, server, 'connecting');
      }
    };
    this.#from = { server, connect, replaces: options.replaces };
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new PostgresConnection(this.#from, await this.#from.connect());
  }

  beginTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as PostgresConnection).begin();
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as PostgresConnection).commit();
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as PostgresConnection).rollback();
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    (connection as PostgresConnection).release();
  }

  destroy(): Promise<void> {
    return this.#pool.end();
  }
}
