import type { Json, JsonObject } from '../../../core/json.js';
import type { Cursors, InventoryItem, SourceName } from '../../../core/ports/catalog.js';
import { changed, chunks, ofSource, type Db, type Tx } from './context.js';
import type { LongKeys } from './long-keys.js';
import { transact } from './transact.js';

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
  readonly #keys: LongKeys;

  constructor(db: Db, keys: LongKeys) {
    this.#db = db;
    this.#keys = keys;
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
    if (options.scope !== undefined) query = query.where(this.#keys.isOneOf('scope', [options.scope]));
    if (options.after !== undefined) query = query.where(this.#keys.isAfter('key', options.after));
    if (this.#keys.ordersBeginnings) query = query.orderBy(this.#keys.indexed('key'));
    return (await query.orderBy('key').limit(options.limit).execute()).map(toItem);
  }

  async item(name: SourceName, key: string): Promise<InventoryItem | undefined> {
    const row = await this.#db
      .selectFrom('inventory')
      .select(['key', 'scope', 'state'])
      .where(ofSource<'inventory'>(name))
      .where(this.#keys.isOneOf('key', [key]))
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
    return transact(this.#db, async (tx) => {
      if (!(await advance(tx, name, fence))) return false;
      // The last of several items with one key counts.
      const items = [...new Map(put.map((item) => [item.key, item])).values()];
      // What is put is removed first, since not every database can have a unique index of keys: all writers of a source
      // come here one after the other, for each has written the row of its cursor.
      for (const keys of chunks([...remove, ...items.map((item) => item.key)])) {
        await tx
          .deleteFrom('inventory')
          .where(ofSource<'inventory'>(name))
          .where(this.#keys.isOneOf('key', keys))
          .execute();
      }
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
          .execute();
      }
      return true;
    });
  }

  async delete(name: SourceName): Promise<void> {
    await transact(this.#db, async (tx) => {
      await tx.deleteFrom('inventory').where(ofSource<'inventory'>(name)).execute();
      await tx.deleteFrom('cursors').where(ofSource<'cursors'>(name)).execute();
    });
  }
}
