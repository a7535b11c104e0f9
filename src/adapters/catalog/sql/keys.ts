import type { Selectable } from 'kysely';
import { FootnoteError } from '../../../core/errors.js';
import type { ApiKey, Keys } from '../../../core/ports/catalog.js';
import { changed, type Db } from './context.js';
import type { Schema } from './schema.js';

function toKey(row: Selectable<Schema['api_keys']>): ApiKey {
  return {
    id: row.id,
    hash: row.hash,
    tenant: row.tenant,
    principals: JSON.parse(row.principals) as string[],
    scopes: JSON.parse(row.scopes) as string[],
    ...(row.collections === null ? {} : { collections: JSON.parse(row.collections) as string[] }),
    requireAs: row.require_as === 1,
    ...(row.label === null ? {} : { label: row.label }),
    createdAt: row.created_at,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
  };
}

/** Only hashes of secrets are ever stored. */
export class SqlKeys implements Keys {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async create(key: ApiKey): Promise<void> {
    const result = await this.#db
      .insertInto('api_keys')
      .values({
        id: key.id,
        hash: key.hash,
        tenant: key.tenant,
        principals: JSON.stringify(key.principals),
        scopes: JSON.stringify(key.scopes),
        collections: key.collections ? JSON.stringify(key.collections) : null,
        require_as: key.requireAs ? 1 : 0,
        label: key.label ?? null,
        created_at: key.createdAt,
        expires_at: key.expiresAt ?? null,
        revoked_at: key.revokedAt ?? null,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    if (!changed(result)) throw new FootnoteError('already_exists', 'There is such a key already: make another one.');
  }

  async byHash(hash: string): Promise<ApiKey | undefined> {
    const row = await this.#db.selectFrom('api_keys').selectAll().where('hash', '=', hash).executeTakeFirst();
    return row && toKey(row);
  }

  async any(): Promise<boolean> {
    return (await this.#db.selectFrom('api_keys').select('id').limit(1).executeTakeFirst()) !== undefined;
  }

  async list(tenant?: string): Promise<ApiKey[]> {
    let query = this.#db.selectFrom('api_keys').selectAll();
    if (tenant !== undefined) query = query.where('tenant', '=', tenant);
    return (await query.orderBy('created_at').orderBy('id').execute()).map(toKey);
  }

  async revoke(id: string, at: string): Promise<boolean> {
    const result = await this.#db
      .updateTable('api_keys')
      .set({ revoked_at: at })
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .executeTakeFirstOrThrow();
    return changed(result);
  }
}
