import { sql, type ExpressionBuilder, type Selectable } from 'kysely';
import type { RevisionRecord, Revisions } from '../../../core/ports/catalog.js';
import type { VersionKey } from '../../../core/version.js';
import { chunks, padded, type Db } from './context.js';
import type { Schema } from './schema.js';

export function toRecord(row: Selectable<Schema['revisions']>): RevisionRecord {
  return {
    documentId: row.document_id,
    revision: row.revision,
    version: row.version,
    parsed: { blob: row.parsed_blob, bytes: row.parsed_bytes, sha256: row.parsed_sha256 },
    createdAt: row.created_at,
    ...(row.replaced_at === null ? {} : { replacedAt: row.replaced_at }),
  };
}

export function revisionRow(record: RevisionRecord): Schema['revisions'] {
  return {
    document_id: record.documentId,
    revision: record.revision,
    version: record.version,
    parsed_blob: record.parsed.blob,
    parsed_bytes: record.parsed.bytes,
    parsed_sha256: record.parsed.sha256,
    created_at: record.createdAt,
    replaced_at: record.replacedAt ?? null,
  };
}

/** Some row of the document shows this revision. */
function shown(eb: ExpressionBuilder<Schema, 'revisions'>) {
  return eb.exists(
    eb
      .selectFrom('documents as d')
      .select('d.document_id')
      .whereRef('d.document_id', '=', 'revisions.document_id')
      .whereRef('d.visible_revision', '=', 'revisions.revision'),
  );
}

/** The newer of the stored version and this one. */
function raised(version: VersionKey) {
  return sql<string>`case when revisions.version < ${version} then ${version} else revisions.version end`;
}

export class SqlRevisions implements Revisions {
  protected readonly db: Db;

  constructor(db: Db) {
    this.db = db;
  }

  async get(documentId: string, revision: string): Promise<RevisionRecord | undefined> {
    const row = await this.db
      .selectFrom('revisions')
      .selectAll()
      .where('document_id', '=', documentId)
      .where('revision', '=', revision)
      .executeTakeFirst();
    return row && toRecord(row);
  }

  async use(documentId: string, revision: string, version: VersionKey): Promise<RevisionRecord | undefined> {
    const row = await this.db
      .updateTable('revisions')
      .set({ version: raised(version), replaced_at: null })
      .where('document_id', '=', documentId)
      .where('revision', '=', revision)
      .returningAll()
      .executeTakeFirst();
    return row && toRecord(row);
  }

  async add(record: RevisionRecord): Promise<RevisionRecord> {
    const row = await this.db
      .insertInto('revisions')
      .values(revisionRow(record))
      .onConflict((conflict) =>
        conflict
          .columns(['document_id', 'revision'])
          .doUpdateSet({ version: raised(record.version), replaced_at: null }),
      )
      .returningAll()
      .executeTakeFirstOrThrow();
    return toRecord(row);
  }

  async mark(documentId: string, now: string): Promise<void> {
    await this.markAll([documentId], now);
  }

  /** Writes only what changes: most marks find everything as it should be. */
  protected async markAll(documentIds: readonly string[], now: string): Promise<void> {
    await this.db
      .updateTable('revisions')
      .set((eb) => ({ replaced_at: eb.case().when(shown(eb)).then(null).else(now).end() }))
      .where('document_id', 'in', padded(documentIds))
      .where((eb) =>
        eb.or([
          eb.and([eb('replaced_at', 'is', null), eb.not(shown(eb))]),
          eb.and([eb('replaced_at', 'is not', null), shown(eb)]),
        ]),
      )
      .execute();
  }

  async takeFreeable(documentId: string, below: VersionKey): Promise<RevisionRecord[]> {
    const rows = await this.db
      .deleteFrom('revisions')
      .where('document_id', '=', documentId)
      .where('version', '<', below)
      .where((eb) => eb.not(shown(eb)))
      .returningAll()
      .execute();
    return rows.map(toRecord);
  }

  async takeExpired(replacedBefore: string, limit: number): Promise<RevisionRecord[]> {
    const rows = await this.db
      .deleteFrom('revisions')
      .where((eb) =>
        eb(
          eb.refTuple('document_id', 'revision'),
          'in',
          eb
            .selectFrom('revisions')
            .select(['document_id', 'revision'])
            .where('replaced_at', '<', replacedBefore)
            .where((inner) => inner.not(shown(inner)))
            .orderBy('replaced_at')
            .limit(limit)
            .$asTuple('document_id', 'revision'),
        ),
      )
      // Again, for rows that changed between choosing and removing them.
      .where('replaced_at', '<', replacedBefore)
      .where((eb) => eb.not(shown(eb)))
      .returningAll()
      .execute();
    return rows.map(toRecord);
  }

  async forget(documentId: string, revision: string, blob: string): Promise<void> {
    await this.db
      .deleteFrom('revisions')
      .where('document_id', '=', documentId)
      .where('revision', '=', revision)
      .where('parsed_blob', '=', blob)
      .execute();
  }

  async known(blobs: readonly string[]): Promise<Set<string>> {
    const found = new Set<string>();
    for (const some of chunks(blobs)) {
      const rows = await this.db
        .selectFrom('revisions')
        .select('parsed_blob')
        .where('parsed_blob', 'in', padded(some))
        .execute();
      for (const row of rows) found.add(row.parsed_blob);
    }
    return found;
  }

  async list(documentId: string): Promise<RevisionRecord[]> {
    const rows = await this.db
      .selectFrom('revisions')
      .selectAll()
      .where('document_id', '=', documentId)
      .orderBy('created_at')
      .orderBy('revision')
      .execute();
    return rows.map(toRecord);
  }
}
