import type { Selectable } from 'kysely';
import { FootnoteError } from '../../../core/errors.js';
import type { JsonObject } from '../../../core/json.js';
import type { Job, Jobs, JobState, RowError } from '../../../core/ports/catalog.js';
import { changed, chunks, type Db } from './context.js';
import type { Schema } from './schema.js';

const ENDED: readonly JobState[] = ['succeeded', 'failed', 'cancelled'];
const OPEN: readonly JobState[] = ['queued', 'running', 'paused'];

function toJob(row: Selectable<Schema['jobs']>): Job {
  return {
    id: row.id,
    tenant: row.tenant,
    kind: row.kind,
    ...(row.collection === null ? {} : { collection: row.collection }),
    state: row.state as JobState,
    progress: JSON.parse(row.progress) as Job['progress'],
    ...(row.error === null ? {} : { error: JSON.parse(row.error) as RowError }),
    detail: JSON.parse(row.detail) as JsonObject,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export class SqlJobs implements Jobs {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async create(job: Job, owner?: string): Promise<void> {
    const result = await this.#db
      .insertInto('jobs')
      .values({
        id: job.id,
        tenant: job.tenant,
        kind: job.kind,
        collection: job.collection ?? null,
        state: job.state,
        progress: JSON.stringify(job.progress),
        error: job.error ? JSON.stringify(job.error) : null,
        detail: JSON.stringify(job.detail),
        created_at: job.createdAt,
        updated_at: job.updatedAt,
        owner: owner ?? null,
      })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .executeTakeFirstOrThrow();
    if (!changed(result)) {
      throw new FootnoteError('already_exists', `There is a job ${job.id} already: take another id.`);
    }
  }

  async get(id: string): Promise<Job | undefined> {
    const row = await this.#db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst();
    return row && toJob(row);
  }

  async many(ids: readonly string[]): Promise<Job[]> {
    const found: Job[] = [];
    for (const some of chunks(ids)) {
      const rows = await this.#db.selectFrom('jobs').selectAll().where('id', 'in', some).execute();
      found.push(...rows.map(toJob));
    }
    return found;
  }

  async adopt(owner: string, kinds: readonly string[], now: number, limit: number): Promise<Job[]> {
    if (kinds.length === 0) return [];
    const free = await this.#db
      .selectFrom('jobs')
      .select(['id', 'owner'])
      .where('state', 'in', OPEN)
      .where('kind', 'in', kinds)
      .where((eb) =>
        eb.or([
          eb('owner', 'is', null),
          eb.not(
            eb.exists(
              eb
                .selectFrom('processes as p')
                .select('p.id')
                .whereRef('p.id', '=', 'jobs.owner')
                .where('p.expires_at', '>', now),
            ),
          ),
        ]),
      )
      .orderBy('id')
      .limit(limit)
      .execute();
    const taken: Job[] = [];
    for (const { id, owner: before } of free) {
      // Of several that found it one gets it.
      const row = await this.#db
        .updateTable('jobs')
        .set({ owner })
        .where('id', '=', id)
        .where('state', 'in', OPEN)
        .where('owner', before === null ? 'is' : '=', before)
        .returningAll()
        .executeTakeFirst();
      if (row) taken.push(toJob(row));
    }
    return taken;
  }

  async list(options: {
    tenant?: string;
    kind?: string;
    state?: JobState;
    after?: string;
    limit: number;
  }): Promise<Job[]> {
    let query = this.#db.selectFrom('jobs').selectAll();
    if (options.tenant !== undefined) query = query.where('tenant', '=', options.tenant);
    if (options.kind !== undefined) query = query.where('kind', '=', options.kind);
    if (options.state !== undefined) query = query.where('state', '=', options.state);
    if (options.after !== undefined) query = query.where('id', '<', options.after);
    return (await query.orderBy('id', 'desc').limit(options.limit).execute()).map(toJob);
  }

  async update(
    id: string,
    from: readonly JobState[],
    change: Partial<Pick<Job, 'state' | 'progress' | 'error' | 'detail' | 'updatedAt'>>,
  ): Promise<Job | undefined> {
    if (from.length === 0) return undefined;
    const set = {
      ...(change.state === undefined ? {} : { state: change.state }),
      ...(change.progress === undefined ? {} : { progress: JSON.stringify(change.progress) }),
      ...(change.error === undefined ? {} : { error: JSON.stringify(change.error) }),
      ...(change.detail === undefined ? {} : { detail: JSON.stringify(change.detail) }),
      ...(change.updatedAt === undefined ? {} : { updated_at: change.updatedAt }),
    };
    if (Object.keys(set).length === 0) {
      const job = await this.get(id);
      return job && from.includes(job.state) ? job : undefined;
    }
    const row = await this.#db
      .updateTable('jobs')
      .set(set)
      .where('id', '=', id)
      .where('state', 'in', from)
      .returningAll()
      .executeTakeFirst();
    return row && toJob(row);
  }

  async prune(endedBefore: string): Promise<number> {
    const result = await this.#db
      .deleteFrom('jobs')
      .where('state', 'in', ENDED)
      .where('updated_at', '<', endedBefore)
      .executeTakeFirstOrThrow();
    return Number(result.numDeletedRows);
  }
}
