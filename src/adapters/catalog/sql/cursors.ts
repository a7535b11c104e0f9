import type { Json, JsonObject } from '../../../core/json.js';
import type { Cursors, InventoryItem, SourceName } from '../../../core/ports/catalog.js';
import { changed, chunks, ofSource, type Db, type Tx } from './context.js';

function toItem(row: { key: string; scope: string; state: string }): InventoryItem {
  return { key: row.key, scope: row.scope, state: JSON.parse(row.state) as JsonObject };
}

/** One row a source carries the newest fence that wrote, for the cursor and the inventory alike. */
async function advance(tx: Db | Tx, name: SourceName, fence: number, cursor?: string): Promise<boolean> {
  const result = await tx
    .insertInto('cursors')
    .values({
      tenant: name.tenant,
      collection: name.collection,
      source: name.source,
      fence,
      cursor: cursor ?? null,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['tenant', 'collection', 'source'])
        .doUpdateSet({ fence, ...(cursor === undefined ? {} : { cursor }) })
        .where('cursors.fence', '<=', fence),
    )
    .executeTakeFirstOrThrow();
  return changed(result);
}

export class SqlCursors implements Cursors {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async load(name: SourceName): Promise<{ fence: number; cursor: Json } | undefined> {
    const row = await this.#db
      .selectFrom('cursors')
      .select(['fence', 'cursor'])
      .where(ofSource<'cursors'>(name))
      .executeTakeFirst();
    if (!row || row.cursor === null) return undefined;
    return { fence: row.fence, cursor: JSON.parse(row.cursor) as Json };
  }

  save(name: SourceName, fence: number, cursor: Json): Promise<boolean> {
    return advance(this.#db, name, fence, JSON.stringify(cursor));
  }

  async inventory(
    name: SourceName,
    options: { scope?: string; after?: string; limit: number },
  ): Promise<InventoryItem[]> {
    let query = this.#db.selectFrom('inventory').select(['key', 'scope', 'state']).where(ofSource<'inventory'>(name));
    if (options.scope !== undefined) query = query.where('scope', '=', options.scope);
    if (options.after !== undefined) query = query.where('key', '>', options.after);
    return (await query.orderBy('key').limit(options.limit).execute()).map(toItem);
  }

  async item(name: SourceName, key: string): Promise<InventoryItem | undefined> {
    const row = await this.#db
      .selectFrom('inventory')
      .select(['key', 'scope', 'state'])
      .where(ofSource<'inventory'>(name))
      .where('key', '=', key)
      .executeTakeFirst();
    return row && toItem(row);
  }

  async updateInventory(
    name: SourceName,
    fence: number,
    put: readonly InventoryItem[],
    remove: readonly string[],
  ): Promise<boolean> {
    const { tenant, collection, source } = name;
    return this.#db.transaction().execute(async (tx) => {
      if (!(await advance(tx, name, fence))) return false;
      for (const keys of chunks(remove)) {
        await tx.deleteFrom('inventory').where(ofSource<'inventory'>(name)).where('key', 'in', keys).execute();
      }
      // The last of several items with one key counts; a statement must not touch a row twice.
      const items = [...new Map(put.map((item) => [item.key, item])).values()];
      for (const some of chunks(items, 100)) {
        await tx
          .insertInto('inventory')
          .values(
            some.map((item) => ({
              tenant,
              collection,
              source,
              key: item.key,
              scope: item.scope,
              state: JSON.stringify(item.state),
            })),
          )
          .onConflict((conflict) =>
            conflict.columns(['tenant', 'collection', 'source', 'key']).doUpdateSet((eb) => ({
              scope: eb.ref('excluded.scope'),
              state: eb.ref('excluded.state'),
            })),
          )
          .execute();
      }
      return true;
    });
  }

  async delete(name: SourceName): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      await tx.deleteFrom('inventory').where(ofSource<'inventory'>(name)).execute();
      await tx.deleteFrom('cursors').where(ofSource<'cursors'>(name)).execute();
    });
  }
}
