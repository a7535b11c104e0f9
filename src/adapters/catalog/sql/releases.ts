import type { Selectable } from 'kysely';
import { FootnoteError } from '../../../core/errors.js';
import type { GenerationState, Release } from '../../../core/generation.js';
import type { Releases } from '../../../core/ports/catalog.js';
import { isAside } from './aside.js';
import { changed, type Db, type Tx } from './context.js';
import { recordMove } from './generations.js';
import type { Schema } from './schema.js';
import { transact } from './transact.js';

type Detail = Pick<Release, 'previous' | 'spaces' | 'retrieval' | 'promptVersion'>;

function toRelease(row: Selectable<Schema['releases']>): Release {
  const detail = JSON.parse(row.detail) as Detail;
  return {
    tenant: row.tenant,
    collection: row.collection,
    number: row.number,
    generation: row.generation,
    ...detail,
    at: row.at,
  };
}

async function statesOf(tx: Tx, tenant: string, collection: string): Promise<Map<string, GenerationState>> {
  const rows = await tx
    .selectFrom('generations')
    .select(['id', 'state'])
    .where('tenant', '=', tenant)
    .where('collection', '=', collection)
    .execute();
  return new Map(rows.map(({ id, state }) => [id, state as GenerationState]));
}

/** Rows are only added: the current release is the one with the highest number, the others are its history. */
export class SqlReleases implements Releases {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async current(tenant: string, collection: string): Promise<Release | undefined> {
    const row = await this.#newestFirst(tenant, collection)
      .where((eb) => eb.not(isAside(eb, tenant, collection)))
      .limit(1)
      .executeTakeFirst();
    return row && toRelease(row);
  }

  async switch(next: Release, expected: number): Promise<boolean> {
    if (next.number !== expected + 1) {
      throw new FootnoteError('invalid_request', `A release after number ${expected} has number ${expected + 1}.`);
    }
    const { tenant, collection, number, generation, at, ...detail } = next;
    return transact(this.#db, async (tx) => {
      // Numbers have no gaps, so the primary key makes this the compare-and-set: one contender inserts the next number.
      const current = await tx
        .selectFrom('releases')
        .select((eb) => eb.fn.max('number').as('number'))
        .where('tenant', '=', tenant)
        .where('collection', '=', collection)
        .executeTakeFirst();
      if (Number(current?.number ?? 0) !== expected) return false;
      const states = await statesOf(tx, tenant, collection);
      if (states.get(generation) === 'dropped') return false;
      const result = await tx
        .insertInto('releases')
        .values({ tenant, collection, number, generation, at, detail: JSON.stringify(detail satisfies Detail) })
        .onConflict((conflict) => conflict.columns(['tenant', 'collection', 'number']).doNothing())
        .executeTakeFirstOrThrow();
      if (!changed(result)) return false;
      for (const [id, state] of states) {
        const becomes = id === generation ? 'live' : state === 'live' ? 'retired' : state;
        if (becomes === state) continue;
        await tx.updateTable('generations').set({ state: becomes }).where('id', '=', id).execute();
        await recordMove(tx, id, becomes, at, `release ${number}`);
      }
      return true;
    });
  }

  async history(tenant: string, collection: string, limit: number): Promise<Release[]> {
    return (await this.#newestFirst(tenant, collection).limit(limit).execute()).map(toRelease);
  }

  #newestFirst(tenant: string, collection: string) {
    return this.#db
      .selectFrom('releases')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('collection', '=', collection)
      .orderBy('number', 'desc');
  }
}
