import { sql, type Selectable } from 'kysely';
import { decodeEvent, encodeEvent } from '../../../core/event-codec.js';
import type { Head, HeadQuery, Heads, OutboxEntry } from '../../../core/ports/catalog.js';
import type { VersionKey } from '../../../core/version.js';
import { changed, chunks, padded, REMOVE_PAGE, type Db, type Tx } from './context.js';
import { recordContent } from './contents.js';
import type { LongKeys } from './long-keys.js';
import type { Schema } from './schema.js';
import { transact } from './transact.js';

type Row = Pick<Selectable<Schema['heads']>, 'document_id' | 'version' | 'deleted' | 'event' | 'updated_at'>;
const COLUMNS = ['document_id', 'version', 'deleted', 'event', 'updated_at'] as const;

function toHead(row: Row): Head {
  return {
    documentId: row.document_id,
    version: row.version,
    deleted: row.deleted === 1,
    event: decodeEvent(row.event),
    updatedAt: row.updated_at,
  };
}

function fields(head: Head) {
  return {
    version: head.version,
    deleted: head.deleted ? 1 : 0,
    policy: JSON.stringify(head.event.policy),
    updated_at: head.updatedAt,
    event: encodeEvent(head.event),
  };
}

export function toRow(head: Head): Schema['heads'] {
  const { tenant, collection, source, key } = head.event;
  return { document_id: head.documentId, tenant, collection, source, key, ...fields(head) };
}

export class SqlHeads implements Heads {
  protected readonly db: Db;
  readonly #keys: LongKeys;

  constructor(db: Db, keys: LongKeys) {
    this.db = db;
    this.#keys = keys;
  }

  async get(
    documentIds: readonly string[],
    within?: { readonly tenant: string; readonly collection: string },
  ): Promise<Map<string, Head>> {
    const found = new Map<string, Head>();
    for (const ids of chunks(documentIds)) {
      let query = this.db.selectFrom('heads').select(COLUMNS);
      // By the index of collections, where a foreign id is as absent as an unknown one.
      if (within) query = query.where('tenant', '=', within.tenant).where('collection', '=', within.collection);
      const rows = await query.where('document_id', 'in', padded(ids)).execute();
      for (const row of rows) found.set(row.document_id, toHead(row));
    }
    return found;
  }

  async raise(head: Head): Promise<{ raised: boolean; head: Head }> {
    const result = await this.db
      .insertInto('heads')
      .values(toRow(head))
      .onConflict((conflict) =>
        conflict.column('document_id').doUpdateSet(fields(head)).where('heads.version', '<', head.version),
      )
      .executeTakeFirstOrThrow();
    if (changed(result)) return { raised: true, head };
    const now = await this.get([head.documentId]);
    // Gone again: its collection was deleted meanwhile.
    return { raised: false, head: now.get(head.documentId) ?? head };
  }

  async decide(head: Head, expected: VersionKey | undefined, stream: string): Promise<boolean> {
    return transact(this.db, async (tx) => {
      if (!(await this.#move(tx, head, expected))) return false;
      const { tenant, collection, content } = head.event;
      if (content) await recordContent(tx, head.documentId, head.version, content, { tenant, collection });
      await tx
        .insertInto('outbox')
        .values({ tenant, collection, stream, event: encodeEvent(head.event) } as Schema['outbox'])
        .execute();
      return true;
    });
  }

  async #move(tx: Tx, head: Head, expected: VersionKey | undefined): Promise<boolean> {
    if (expected === undefined) {
      const inserted = await tx
        .insertInto('heads')
        .values(toRow(head))
        .onConflict((conflict) => conflict.column('document_id').doNothing())
        .executeTakeFirstOrThrow();
      return changed(inserted);
    }
    const updated = await tx
      .updateTable('heads')
      .set(fields(head))
      .where('document_id', '=', head.documentId)
      .where('version', '=', expected)
      .where('version', '<', head.version)
      .executeTakeFirstOrThrow();
    return changed(updated);
  }

  async outbox(limit: number): Promise<OutboxEntry[]> {
    const rows = await this.db
      .selectFrom('outbox')
      .select(['id', 'stream', 'event'])
      .orderBy('id')
      .limit(limit)
      .execute();
    return rows.map((row) => ({ id: row.id, stream: row.stream, event: decodeEvent(row.event) }));
  }

  async published(ids: readonly number[]): Promise<void> {
    for (const some of chunks(ids)) await this.db.deleteFrom('outbox').where('id', 'in', some).execute();
  }

  async list(tenant: string, collection: string, options: HeadQuery): Promise<Head[]> {
    let query = this.db
      .selectFrom('heads')
      .select(COLUMNS)
      .where('tenant', '=', tenant)
      .where('collection', '=', collection);
    if (options.source !== undefined) query = query.where('source', '=', options.source);
    if (options.key !== undefined) query = query.where(this.#keys.isOneOf('key', [options.key]));
    if (!options.includeDeleted) query = query.where('deleted', '=', 0);
    if (options.after !== undefined) query = query.where('document_id', '>', options.after);
    return (await query.orderBy('document_id').limit(options.limit).execute()).map(toHead);
  }

  async tombstones(
    tenant: string,
    collection: string,
    options: { readonly before: string; readonly after?: string; readonly limit: number },
  ): Promise<Head[]> {
    let query = this.db
      .selectFrom('heads')
      .select(COLUMNS)
      .where('tenant', '=', tenant)
      .where('collection', '=', collection)
      // As it stands in the partial index, not as a parameter: only then the index is used.
      .where(sql<boolean>`deleted = 1`)
      .where('updated_at', '<', options.before);
    if (options.after !== undefined) query = query.where('document_id', '>', options.after);
    return (await query.orderBy('document_id').limit(options.limit).execute()).map(toHead);
  }

  async deletedSince(
    since: string,
    options: { readonly after?: { readonly updatedAt: string; readonly documentId: string }; readonly limit: number },
  ): Promise<{ updatedAt: string; documentId: string }[]> {
    const { after, limit } = options;
    let query = this.db
      .selectFrom('heads')
      .select(['document_id', 'updated_at'])
      .where(sql<boolean>`deleted = 1`)
      .where('updated_at', '>=', since);
    if (after) {
      query = query.where((eb) =>
        eb.or([
          eb('updated_at', '>', after.updatedAt),
          eb.and([eb('updated_at', '=', after.updatedAt), eb('document_id', '>', after.documentId)]),
        ]),
      );
    }
    const rows = await query.orderBy('updated_at').orderBy('document_id').limit(limit).execute();
    return rows.map((row) => ({ updatedAt: row.updated_at, documentId: row.document_id }));
  }

  async forget(heads: readonly Pick<Head, 'documentId' | 'version'>[]): Promise<number> {
    let forgotten = 0;
    for (const some of chunks(heads, REMOVE_PAGE)) {
      forgotten += await transact(this.db, async (tx) => {
        let count = 0;
        for (const { documentId, version } of some) if (await forgetOne(tx, documentId, version)) count += 1;
        return count;
      });
    }
    return forgotten;
  }
}

async function forgetOne(tx: Tx, documentId: string, version: VersionKey): Promise<boolean> {
  const removed = await tx
    .deleteFrom('heads')
    .where('document_id', '=', documentId)
    .where('version', '=', version)
    .where('deleted', '=', 1)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('documents')
            .select('document_id')
            .where('document_id', '=', documentId)
            .where((row) => row.or([row('seen_version', '!=', version), row('state', '!=', 'deleted')])),
        ),
      ),
    )
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('generations as g')
            .select('g.id')
            .whereRef('g.tenant', '=', 'heads.tenant')
            .whereRef('g.collection', '=', 'heads.collection')
            .where('g.state', '=', 'building'),
        ),
      ),
    )
    .where((eb) =>
      eb.not(
        eb.or(
          (['contents', 'revisions'] as const).map((table) =>
            eb.exists(
              eb
                .selectFrom(table as 'contents')
                .select('document_id')
                .where('document_id', '=', documentId),
            ),
          ),
        ),
      ),
    )
    .executeTakeFirstOrThrow();
  if (removed.numDeletedRows === 0n) return false;
  await tx.deleteFrom('documents').where('document_id', '=', documentId).execute();
  return true;
}
