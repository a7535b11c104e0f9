import type { Selectable } from 'kysely';
import { FootnoteError } from '../../../core/errors.js';
import type { Generation, GenerationSpec, GenerationState } from '../../../core/generation.js';
import { CONSUMING_STATES } from '../../../core/generation.js';
import type { Generations } from '../../../core/ports/catalog.js';
import { changed, chunks, type Db, type Tx } from './context.js';
import type { Schema } from './schema.js';
import { transact } from './transact.js';

type Move = Selectable<Schema['generation_moves']>;

function toGeneration(row: Selectable<Schema['generations']>, moves: readonly Move[]): Generation {
  return {
    id: row.id,
    tenant: row.tenant,
    collection: row.collection,
    state: row.state as GenerationState,
    spec: JSON.parse(row.spec) as GenerationSpec,
    createdAt: row.created_at,
    history: moves
      .filter((move) => move.generation === row.id)
      .map((move) => ({
        state: move.state as GenerationState,
        at: move.at,
        ...(move.reason === null ? {} : { reason: move.reason }),
      })),
  };
}

/** What became of a generation, in its history. */
export async function recordMove(
  tx: Tx,
  generation: string,
  state: GenerationState,
  at: string,
  reason?: string,
): Promise<void> {
  const last = await tx
    .selectFrom('generation_moves')
    .select((eb) => eb.fn.max('number').as('number'))
    .where('generation', '=', generation)
    .executeTakeFirst();
  const number = Number(last?.number ?? 0) + 1;
  await tx
    .insertInto('generation_moves')
    .values({ generation, number, state, at, reason: reason ?? null })
    .execute();
}

/** Whether the newest release of its collection is this generation. */
async function isServed(tx: Tx, generation: string): Promise<boolean> {
  const found = await tx
    .selectFrom('releases as r')
    .select('r.number')
    .where('r.generation', '=', generation)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('releases as newer')
            .select('newer.number')
            .whereRef('newer.tenant', '=', 'r.tenant')
            .whereRef('newer.collection', '=', 'r.collection')
            .whereRef('newer.number', '>', 'r.number'),
        ),
      ),
    )
    .executeTakeFirst();
  return found !== undefined;
}

export class SqlGenerations implements Generations {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async create(generation: Omit<Generation, 'history'>, reason?: string): Promise<void> {
    await transact(this.#db, async (tx) => {
      const result = await tx
        .insertInto('generations')
        .values({
          id: generation.id,
          tenant: generation.tenant,
          collection: generation.collection,
          state: generation.state,
          spec: JSON.stringify(generation.spec),
          created_at: generation.createdAt,
        })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .executeTakeFirstOrThrow();
      if (!changed(result)) {
        throw new FootnoteError('already_exists', `There is a generation ${generation.id} already: take another id.`);
      }
      await recordMove(tx, generation.id, generation.state, generation.createdAt, reason);
    });
  }

  async get(id: string): Promise<Generation | undefined> {
    const row = await this.#db.selectFrom('generations').selectAll().where('id', '=', id).executeTakeFirst();
    return row && toGeneration(row, await this.#moves([id]));
  }

  async list(tenant: string, collection: string): Promise<Generation[]> {
    const rows = await this.#db
      .selectFrom('generations')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('collection', '=', collection)
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    const moves = await this.#moves(rows.map((row) => row.id));
    return rows.map((row) => toGeneration(row, moves));
  }

  async consuming(): Promise<Generation[]> {
    const rows = await this.#db
      .selectFrom('generations')
      .selectAll()
      .where('state', 'in', CONSUMING_STATES)
      .orderBy('id')
      .execute();
    const moves = await this.#moves(rows.map((row) => row.id));
    return rows.map((row) => toGeneration(row, moves));
  }

  async #moves(generations: readonly string[]): Promise<Move[]> {
    if (generations.length === 0) return [];
    const found: Move[] = [];
    for (const some of chunks(generations)) {
      const query = this.#db.selectFrom('generation_moves').selectAll().where('generation', 'in', some);
      found.push(...(await query.orderBy('number').execute()));
    }
    return found;
  }

  async move(id: string, from: GenerationState, to: GenerationState, at: string, reason?: string): Promise<boolean> {
    return transact(this.#db, async (tx) => {
      if (to === 'dropped' && (await isServed(tx, id))) return false;
      const result = await tx
        .updateTable('generations')
        .set({ state: to })
        .where('id', '=', id)
        .where('state', '=', from)
        .executeTakeFirstOrThrow();
      if (!changed(result)) return false;
      await recordMove(tx, id, to, at, reason);
      return true;
    });
  }

  async updateSpec(id: string, spec: GenerationSpec): Promise<void> {
    const result = await this.#db
      .updateTable('generations')
      .set({ spec: JSON.stringify(spec) })
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    if (!changed(result)) throw new FootnoteError('not_found', `There is no generation ${id}.`);
  }
}
