import type { JsonObject } from '../../../core/json.js';
import type { Idempotency } from '../../../core/ports/catalog.js';
import { changed, type Db } from './context.js';
import { transact } from './transact.js';

export class SqlIdempotency implements Idempotency {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async remember(
    tenant: string,
    key: string,
    requestHash: string,
    answer: JsonObject,
    expiresAt: string,
    now?: string,
  ): Promise<{ requestHash: string; answer: JsonObject; stored: boolean }> {
    return transact(this.#db, async (tx) => {
      const values = { request_hash: requestHash, answer: JSON.stringify(answer), expires_at: expiresAt };
      const result = await tx
        .insertInto('idempotency')
        .values({ tenant, key, ...values })
        .onConflict((conflict) =>
          now === undefined
            ? conflict.columns(['tenant', 'key']).doNothing()
            : conflict.columns(['tenant', 'key']).doUpdateSet(values).where('idempotency.expires_at', '<=', now),
        )
        .executeTakeFirstOrThrow();
      if (changed(result)) return { requestHash, answer, stored: true };
      const row = await tx
        .selectFrom('idempotency')
        .select(['request_hash', 'answer'])
        .where('tenant', '=', tenant)
        .where('key', '=', key)
        .executeTakeFirstOrThrow();
      return { requestHash: row.request_hash, answer: JSON.parse(row.answer) as JsonObject, stored: false };
    });
  }

  async find(
    tenant: string,
    key: string,
    now: string,
  ): Promise<{ requestHash: string; answer: JsonObject } | undefined> {
    const row = await this.#db
      .selectFrom('idempotency')
      .select(['request_hash', 'answer'])
      .where('tenant', '=', tenant)
      .where('key', '=', key)
      .where('expires_at', '>', now)
      .executeTakeFirst();
    return row && { requestHash: row.request_hash, answer: JSON.parse(row.answer) as JsonObject };
  }

  async prune(now: string): Promise<number> {
    const result = await this.#db.deleteFrom('idempotency').where('expires_at', '<=', now).executeTakeFirstOrThrow();
    return Number(result.numDeletedRows);
  }
}
