import type { Selectable } from 'kysely';
import { FootnoteError } from '../../../core/errors.js';
import type { SourceName, SourceRecord, Sources } from '../../../core/ports/catalog.js';
import type { VersionKey } from '../../../core/version.js';
import { ofSource, type Db, type Tx } from './context.js';
import type { Schema } from './schema.js';
import { transact } from './transact.js';

/** Counter of the highest fence of any source that was removed: a source made again begins above it. */
const REMOVED_FENCES = 'fences.removed';

function toRecord(row: Selectable<Schema['sources']>): SourceRecord {
  return {
    tenant: row.tenant,
    collection: row.collection,
    source: row.source,
    owner: row.owner,
    fence: row.fence,
    ...(row.floor === null ? {} : { floor: row.floor }),
  };
}

function missing(name: SourceName): FootnoteError {
  return new FootnoteError('not_found', `There is no source "${name.source}" in "${name.collection}": claim it first.`);
}

/** The next fencing number of a source. @throws not_found */
export async function takeFence(db: Db | Tx, name: SourceName): Promise<number> {
  const row = await db
    .updateTable('sources')
    .set((eb) => ({ fence: eb('fence', '+', 1) }))
    .where(ofSource<'sources'>(name))
    .returning('fence')
    .executeTakeFirst();
  if (!row) throw missing(name);
  return row.fence;
}

/**
 * Remembers the highest fence before sources are removed, so that an owner of the old time stays older than every owner
 * of the new one.
 */
export async function keepFences(tx: Tx, of: { tenant: string; collection: string; source?: string }): Promise<void> {
  let query = tx
    .selectFrom('sources')
    .select((eb) => eb.fn.max('fence').as('fence'))
    .where('tenant', '=', of.tenant)
    .where('collection', '=', of.collection);
  if (of.source !== undefined) query = query.where('source', '=', of.source);
  const highest = Number((await query.executeTakeFirst())?.fence ?? 0);
  if (highest === 0) return;
  await tx
    .insertInto('counters')
    .values({ name: REMOVED_FENCES, value: highest })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet({ value: highest }).where('counters.value', '<', highest),
    )
    .execute();
}

export class SqlSources implements Sources {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async get(name: SourceName): Promise<SourceRecord | undefined> {
    const row = await this.#db.selectFrom('sources').selectAll().where(ofSource<'sources'>(name)).executeTakeFirst();
    return row && toRecord(row);
  }

  async list(tenant: string, collection: string): Promise<SourceRecord[]> {
    const rows = await this.#db
      .selectFrom('sources')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('collection', '=', collection)
      .orderBy('source')
      .execute();
    return rows.map(toRecord);
  }

  async claim(name: SourceName, owner: string): Promise<SourceRecord> {
    const row = await transact(this.#db, async (tx) => {
      const removed = await tx
        .selectFrom('counters')
        .select('value')
        .where('name', '=', REMOVED_FENCES)
        .executeTakeFirst();
      await tx
        .insertInto('sources')
        .values({
          tenant: name.tenant,
          collection: name.collection,
          source: name.source,
          owner,
          fence: removed?.value ?? 0,
          floor: null,
        })
        .onConflict((conflict) => conflict.columns(['tenant', 'collection', 'source']).doNothing())
        .execute();
      return tx.selectFrom('sources').selectAll().where(ofSource<'sources'>(name)).executeTakeFirstOrThrow();
    });
    if (row.owner !== owner) {
      throw new FootnoteError(
        'source_owned',
        `Source "${name.source}" belongs to ${row.owner}: choose another source name, or remove that source first.`,
        { details: { owner: row.owner } },
      );
    }
    return toRecord(row);
  }

  nextFence(name: SourceName): Promise<number> {
    return takeFence(this.#db, name);
  }

  async raiseFence(name: SourceName, atLeast: number): Promise<void> {
    const row = await this.#db
      .updateTable('sources')
      .set((eb) => ({ fence: eb.case().when('fence', '<', atLeast).then(atLeast).else(eb.ref('fence')).end() }))
      .where(ofSource<'sources'>(name))
      .returning('fence')
      .executeTakeFirst();
    if (!row) throw missing(name);
  }

  async raiseFloor(name: SourceName, floor: VersionKey): Promise<void> {
    const row = await this.#db
      .updateTable('sources')
      .set((eb) => ({
        floor: eb
          .case()
          .when(eb.or([eb('floor', 'is', null), eb('floor', '<', floor)]))
          .then(floor)
          .else(eb.ref('floor'))
          .end(),
      }))
      .where(ofSource<'sources'>(name))
      .returning('source')
      .executeTakeFirst();
    if (!row) throw missing(name);
  }

  async delete(name: SourceName): Promise<void> {
    await transact(this.#db, async (tx) => {
      await keepFences(tx, name);
      await tx.deleteFrom('sources').where(ofSource<'sources'>(name)).execute();
    });
  }
}
