import { sql, type Selectable } from 'kysely';
import type { JsonObject } from '../../../core/json.js';
import type { Policy } from '../../../core/policy.js';
import type { Aside, Collection, Collections } from '../../../core/ports/catalog.js';
import { breathe } from '../../../runtime/breathe.js';
import { listAside, readAside, removeAside, writeAside } from './aside.js';
import { changed, chunks, REMOVE_PAGE, type Db } from './context.js';
import type { Schema } from './schema.js';
import { transact } from './transact.js';
import { keepFences } from './sources.js';

function toCollection(row: Selectable<Schema['collections']>): Collection {
  return {
    tenant: row.tenant,
    name: row.name,
    defaultPolicy: JSON.parse(row.default_policy) as Policy,
    settings: JSON.parse(row.settings) as JsonObject,
    createdAt: row.created_at,
  };
}

function toRow(collection: Collection): Schema['collections'] {
  return {
    tenant: collection.tenant,
    name: collection.name,
    default_policy: JSON.stringify(collection.defaultPolicy),
    settings: JSON.stringify(collection.settings),
    created_at: collection.createdAt,
  };
}

export class SqlCollections implements Collections {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async create(collection: Collection): Promise<boolean> {
    const result = await this.#db
      .insertInto('collections')
      .values(toRow(collection))
      .onConflict((conflict) => conflict.columns(['tenant', 'name']).doNothing())
      .executeTakeFirstOrThrow();
    return changed(result);
  }

  async get(tenant: string, name: string): Promise<Collection | undefined> {
    const row = await this.#db
      .selectFrom('collections')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('name', '=', name)
      .executeTakeFirst();
    return row && toCollection(row);
  }

  async list(tenant?: string): Promise<Collection[]> {
    let query = this.#db.selectFrom('collections').selectAll();
    if (tenant !== undefined) query = query.where('tenant', '=', tenant);
    return (await query.orderBy('tenant').orderBy('name').execute()).map(toCollection);
  }

  async update(
    tenant: string,
    name: string,
    change: Partial<Pick<Collection, 'defaultPolicy' | 'settings'>>,
  ): Promise<Collection | undefined> {
    const set = {
      ...(change.defaultPolicy ? { default_policy: JSON.stringify(change.defaultPolicy) } : {}),
      ...(change.settings ? { settings: JSON.stringify(change.settings) } : {}),
    };
    if (Object.keys(set).length === 0) return this.get(tenant, name);
    const row = await this.#db
      .updateTable('collections')
      .set(set)
      .where('tenant', '=', tenant)
      .where('name', '=', name)
      .returningAll()
      .executeTakeFirst();
    return row && toCollection(row);
  }

  /**
   * Documents go in pages, so that nothing waits long; the collection's own row goes last and together with whatever
   * came meanwhile, so that after a crash the same call finishes the work.
   */
  async delete(tenant: string, name: string): Promise<boolean> {
    await this.#deleteReleases(tenant, name);
    while (await this.#deletePage(tenant, name)) await breathe();
    return transact(this.#db, async (tx) => {
      while (await deleteDocuments(tx, tenant, name)) continue;
      await keepFences(tx, { tenant, collection: name });
      await tx
        .deleteFrom('generation_moves')
        .where('generation', 'in', (eb) =>
          eb.selectFrom('generations').select('id').where('tenant', '=', tenant).where('collection', '=', name),
        )
        .execute();
      for (const table of TABLES) {
        // One statement for tables of the same shape: the builder's types can't express a union of tables.
        await sql`delete from ${sql.table(table)} where tenant = ${tenant} and collection = ${name}`.execute(tx);
      }
      const wasAside = await removeAside(tx, tenant, name);
      const result = await tx
        .deleteFrom('collections')
        .where('tenant', '=', tenant)
        .where('name', '=', name)
        .executeTakeFirstOrThrow();
      return wasAside || result.numDeletedRows > 0n;
    });
  }

  async setAside({ collection, note }: Aside): Promise<void> {
    const { tenant, name } = collection;
    await transact(this.#db, async (tx) => {
      await tx.deleteFrom('collections').where('tenant', '=', tenant).where('name', '=', name).execute();
      await writeAside(tx, { collection, note });
    });
  }

  aside(tenant: string, name: string): Promise<Aside | undefined> {
    return readAside(this.#db, tenant, name);
  }

  listAside(): Promise<Aside[]> {
    return listAside(this.#db);
  }

  async bringBack(tenant: string, name: string): Promise<boolean> {
    return transact(this.#db, async (tx) => {
      const found = await readAside(tx, tenant, name);
      if (!found) return false;
      await tx.insertInto('collections').values(toRow(found.collection)).execute();
      await removeAside(tx, tenant, name);
      return true;
    });
  }

  /** First of all: nothing is served from a collection that is being removed. */
  async #deleteReleases(tenant: string, name: string): Promise<void> {
    await this.#db.deleteFrom('releases').where('tenant', '=', tenant).where('collection', '=', name).execute();
  }

  #deletePage(tenant: string, name: string): Promise<boolean> {
    return transact(this.#db, (tx) => deleteDocuments(tx, tenant, name));
  }
}

/** Everything that names the collection in columns `tenant` and `collection`. */
const TABLES = [
  'heads',
  'outbox',
  'documents',
  'contents',
  'generations',
  'releases',
  'jobs',
  'sources',
  'cursors',
  'inventory',
] as const;

/** Removes one page of documents with their heads, rows, contents and revisions. @returns false when none was left */
async function deleteDocuments(tx: Db, tenant: string, name: string): Promise<boolean> {
  const page = async (table: 'heads' | 'documents') =>
    tx
      .selectFrom(table as 'heads')
      .select('document_id')
      .where('tenant', '=', tenant)
      .where('collection', '=', name)
      .limit(REMOVE_PAGE)
      .execute();
  let rows = await page('heads');
  if (rows.length === 0) rows = await page('documents');
  if (rows.length === 0) return false;
  for (const ids of chunks(rows.map((row) => row.document_id))) {
    for (const table of ['contents', 'revisions', 'documents', 'heads'] as const) {
      await tx
        .deleteFrom(table as 'heads')
        .where('document_id', 'in', ids)
        .execute();
    }
  }
  return true;
}
