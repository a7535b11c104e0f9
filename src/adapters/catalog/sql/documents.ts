import { randomInt } from 'node:crypto';
import { sql, type CompiledQuery, type Selectable } from 'kysely';
import {
  decodeEvent,
  decodePosition,
  encodeEvent,
  encodePosition,
  type StoredPosition,
} from '../../../core/event-codec.js';
import type { Position } from '../../../core/event.js';
import type { Policy } from '../../../core/policy.js';
import type {
  DocumentCounts,
  DocumentRow,
  Documents,
  RowError,
  RowVersion,
  Visibility,
  VisibleVersion,
} from '../../../core/ports/catalog.js';
import { breathe } from '../../../runtime/breathe.js';
import { changed, chunks, padded, REMOVE_PAGE, type Db } from './context.js';
import type { Schema } from './schema.js';

type Row = Pick<
  Selectable<Schema['documents']>,
  'generation' | 'document_id' | 'state' | 'token' | 'seen' | 'visible' | 'error' | 'updated_at'
>;
export const COLUMNS = [
  'generation',
  'document_id',
  'state',
  'token',
  'seen',
  'visible',
  'error',
  'updated_at',
] as const;

/**
 * A new row's token begins at random, so that a row which was dropped and made again never has a token that somebody
 * still holds (2^47 values; each write adds one).
 */
const FIRST_TOKENS = 2 ** 47;

/** A row that is not there yet. */
export function newRow(row: Omit<DocumentRow, 'token'>): Schema['documents'] {
  const { tenant, collection, source, key } = row.seen.event;
  const { generation, documentId } = row;
  const token = randomInt(FIRST_TOKENS);
  return { generation, document_id: documentId, tenant, collection, source, key, token, ...fields(row) };
}

interface VisibilityRow {
  document_id: string;
  tenant: string;
  deleted: number;
  policy: string;
  stale: number;
  visible_version: string | null;
  visible_revision: string | null;
}

type Stored<T extends RowVersion> = Omit<T, 'event' | 'position'> & { event: string; position: StoredPosition };

function encodeVersion(value: RowVersion): string {
  return JSON.stringify({ ...value, event: encodeEvent(value.event), position: encodePosition(value.position) });
}

function decodeVersion<T extends RowVersion>(text: string): T {
  const stored = JSON.parse(text) as Stored<T>;
  return { ...stored, event: decodeEvent(stored.event), position: decodePosition(stored.position) } as unknown as T;
}

export function toRow(row: Row): DocumentRow {
  return {
    generation: row.generation,
    documentId: row.document_id,
    state: row.state as DocumentRow['state'],
    seen: decodeVersion<RowVersion>(row.seen),
    ...(row.visible === null ? {} : { visible: decodeVersion<VisibleVersion>(row.visible) }),
    ...(row.error === null ? {} : { error: JSON.parse(row.error) as RowError }),
    updatedAt: row.updated_at,
    token: row.token,
  };
}

/** What every write of a row sets. */
export function fields(row: Omit<DocumentRow, 'token'>) {
  const { position } = row.seen;
  return {
    state: row.state,
    seen_version: row.seen.version,
    seen_epoch: position.epoch,
    seen_partition: position.partition,
    seen_offset: position.offset.toString(16).padStart(16, '0'),
    visible_version: row.visible?.version ?? null,
    visible_revision: row.visible?.revision ?? null,
    chunks: row.visible?.chunks ?? 0,
    language: row.visible?.language ?? null,
    updated_at: row.updatedAt,
    error: row.error ? JSON.stringify(row.error) : null,
    seen: encodeVersion(row.seen),
    visible: row.visible ? encodeVersion(row.visible) : null,
  };
}

export class SqlDocuments implements Documents {
  protected readonly db: Db;
  /** Compiled once a length: building the query costs as much as running it. */
  readonly #visibility = new Map<number, CompiledQuery<VisibilityRow>>();

  constructor(db: Db) {
    this.db = db;
  }

  async get(generation: string, documentId: string): Promise<DocumentRow | undefined> {
    const row = await this.db
      .selectFrom('documents')
      .select(COLUMNS)
      .where('generation', '=', generation)
      .where('document_id', '=', documentId)
      .executeTakeFirst();
    return row && toRow(row);
  }

  async many(generation: string, documentIds: readonly string[]): Promise<Map<string, DocumentRow>> {
    const found = new Map<string, DocumentRow>();
    for (const ids of chunks(documentIds)) {
      const rows = await this.db
        .selectFrom('documents')
        .select(COLUMNS)
        .where('generation', '=', generation)
        .where('document_id', 'in', padded(ids))
        .execute();
      for (const row of rows) found.set(row.document_id, toRow(row));
    }
    return found;
  }

  async compareAndSet(row: Omit<DocumentRow, 'token'>, expected: number | undefined): Promise<boolean> {
    if (expected === undefined) {
      const inserted = await this.db
        .insertInto('documents')
        .values(newRow(row))
        .onConflict((conflict) => conflict.columns(['generation', 'document_id']).doNothing())
        .executeTakeFirstOrThrow();
      return changed(inserted);
    }
    const updated = await this.db
      .updateTable('documents')
      .set({ ...fields(row), token: expected + 1 })
      .where('generation', '=', row.generation)
      .where('document_id', '=', row.documentId)
      .where('token', '=', expected)
      .executeTakeFirstOrThrow();
    return changed(updated);
  }

  async visibility(generation: string, documentIds: readonly string[]): Promise<Map<string, Visibility>> {
    const found = new Map<string, Visibility>();
    // Hits share few policies: each text is read once a call.
    const policies = new Map<string, Policy>();
    for (const ids of chunks([...new Set(documentIds)], 256)) {
      const list = padded(ids);
      const query = { ...this.#visibilityQuery(list.length), parameters: [generation, ...list] };
      for (const row of (await this.db.executeQuery<VisibilityRow>(query)).rows) {
        let policy = policies.get(row.policy);
        if (!policy) policies.set(row.policy, (policy = JSON.parse(row.policy) as Policy));
        found.set(row.document_id, {
          tenant: row.tenant,
          ...(row.visible_version === null || row.visible_revision === null
            ? {}
            : { visible: { version: row.visible_version, revision: row.visible_revision } }),
          deleted: row.deleted === 1,
          policy,
          stale: row.stale === 1,
        });
      }
    }
    return found;
  }

  /** Parameters in order: the generation, then `length` document ids. */
  #visibilityQuery(length: number): CompiledQuery<VisibilityRow> {
    const known = this.#visibility.get(length);
    if (known) return known;
    const query = this.db
      .selectFrom('heads as h')
      .leftJoin('documents as d', (join) =>
        join.on('d.generation', '=', '').onRef('d.document_id', '=', 'h.document_id'),
      )
      .select(['h.document_id', 'h.tenant', 'h.deleted', 'h.policy', 'd.visible_version', 'd.visible_revision'])
      .select(sql<number>`case when d.visible_version < h.version then 1 else 0 end`.as('stale'))
      .where('h.document_id', 'in', new Array<string>(length).fill(''))
      .compile();
    this.#visibility.set(length, query);
    return query;
  }

  async list(
    generation: string,
    options: { state?: DocumentRow['state']; source?: string; key?: string; after?: string; limit: number },
  ): Promise<DocumentRow[]> {
    let query = this.db.selectFrom('documents').select(COLUMNS).where('generation', '=', generation);
    if (options.state !== undefined) query = query.where('state', '=', options.state);
    if (options.source !== undefined) query = query.where('source', '=', options.source);
    if (options.key !== undefined) query = query.where('key', '=', options.key);
    if (options.after !== undefined) query = query.where('document_id', '>', options.after);
    return (await query.orderBy('document_id').limit(options.limit).execute()).map(toRow);
  }

  async counts(tenant: string, collection: string, generation: string): Promise<DocumentCounts> {
    const states = await this.db
      .selectFrom('documents')
      .select(['state'])
      .select((eb) => [eb.fn.countAll().as('rows'), eb.fn.sum('chunks').as('chunks')])
      .where('generation', '=', generation)
      .groupBy('state')
      .execute();
    const pending = await this.db
      .selectFrom('heads as h')
      .leftJoin('documents as d', (join) =>
        join.on('d.generation', '=', generation).onRef('d.document_id', '=', 'h.document_id'),
      )
      .select((eb) => eb.fn.countAll().as('rows'))
      .where('h.tenant', '=', tenant)
      .where('h.collection', '=', collection)
      .where((eb) => eb.or([eb('d.seen_version', 'is', null), eb('d.seen_version', '<', eb.ref('h.version'))]))
      .executeTakeFirstOrThrow();
    const rows = (state: string) => Number(states.find((row) => row.state === state)?.rows ?? 0);
    return {
      live: rows('live'),
      pending: Number(pending.rows),
      failed: rows('failed'),
      deleted: rows('deleted'),
      chunks: states.reduce((sum, row) => sum + Number(row.chunks ?? 0), 0),
    };
  }

  async positions(generation: string): Promise<Position[]> {
    const rows = await this.db
      .selectFrom('documents')
      .select(['seen_epoch', 'seen_partition'])
      .select((eb) => eb.fn.max('seen_offset').as('seen_offset'))
      .where('generation', '=', generation)
      .groupBy(['seen_epoch', 'seen_partition'])
      .orderBy('seen_epoch')
      .orderBy('seen_partition')
      .execute();
    return rows.map((row) => ({
      epoch: row.seen_epoch,
      partition: row.seen_partition,
      offset: BigInt(`0x${row.seen_offset}`),
    }));
  }

  async languages(generation: string): Promise<string[]> {
    const rows = await this.db
      .selectFrom('documents')
      .select(['language'])
      .select((eb) => eb.fn.countAll().as('rows'))
      .where('generation', '=', generation)
      .where('visible_version', 'is not', null)
      .groupBy('language')
      .orderBy('rows', 'desc')
      .orderBy('language', (order) => order.asc().nullsFirst())
      .limit(8)
      .execute();
    return rows.map((row) => row.language ?? 'und');
  }

  async everywhere(documentId: string): Promise<DocumentRow[]> {
    const rows = await this.db
      .selectFrom('documents')
      .select(COLUMNS)
      .where('document_id', '=', documentId)
      .orderBy('generation')
      .execute();
    return rows.map(toRow);
  }

  async dropGeneration(generation: string): Promise<void> {
    for (;;) {
      const removed = await this.db
        .deleteFrom('documents')
        .where('generation', '=', generation)
        .where('document_id', 'in', (eb) =>
          eb.selectFrom('documents').select('document_id').where('generation', '=', generation).limit(REMOVE_PAGE),
        )
        .executeTakeFirstOrThrow();
      if (removed.numDeletedRows < BigInt(REMOVE_PAGE)) return;
      await breathe();
    }
  }
}
