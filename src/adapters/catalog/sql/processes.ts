import type { Selectable } from 'kysely';
import type { JsonObject } from '../../../core/json.js';
import type { EngineProcess, Processes } from '../../../core/ports/catalog.js';
import type { Db } from './context.js';
import type { Schema } from './schema.js';

function toProcess(row: Selectable<Schema['processes']>): EngineProcess {
  return {
    id: row.id,
    role: row.role,
    startedAt: row.started_at,
    expiresAt: row.expires_at,
    detail: JSON.parse(row.detail) as JsonObject,
  };
}

export class SqlProcesses implements Processes {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async beat(process: EngineProcess): Promise<void> {
    const fields = {
      role: process.role,
      started_at: process.startedAt,
      expires_at: process.expiresAt,
      detail: JSON.stringify(process.detail),
    };
    await this.#db
      .insertInto('processes')
      .values({ id: process.id, ...fields })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(fields))
      .execute();
  }

  async list(now: number): Promise<EngineProcess[]> {
    const rows = await this.#db
      .selectFrom('processes')
      .selectAll()
      .where('expires_at', '>', now)
      .orderBy('started_at')
      .orderBy('id')
      .execute();
    return rows.map(toProcess);
  }

  async leave(id: string): Promise<void> {
    await this.#db.deleteFrom('processes').where('id', '=', id).execute();
  }

  async forget(expiredBefore: number): Promise<void> {
    await this.#db.deleteFrom('processes').where('expires_at', '<', expiredBefore).execute();
  }
}
