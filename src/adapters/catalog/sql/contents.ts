import type { ContentRef } from '../../../core/event.js';
import { CONSUMING_STATES } from '../../../core/generation.js';
import type { Contents } from '../../../core/ports/catalog.js';
import type { VersionKey } from '../../../core/version.js';
import { chunks, padded, type Db } from './context.js';
import type { Schema } from './schema.js';

export interface ContentOwner {
  readonly tenant: string;
  readonly collection: string;
}

export interface Recorded {
  readonly documentId: string;
  readonly version: VersionKey;
  readonly ref: ContentRef;
  readonly owner: ContentOwner | undefined;
}

export function contentRow({ documentId, version, ref, owner }: Recorded): Schema['contents'] {
  return {
    document_id: documentId,
    blob: ref.blob,
    version,
    bytes: ref.bytes,
    sha256: ref.sha256,
    tenant: owner?.tenant ?? null,
    collection: owner?.collection ?? null,
  };
}

/** Idempotent; also a step of the transaction in which a head is decided. */
export async function recordContent(
  db: Db,
  documentId: string,
  version: VersionKey,
  ref: ContentRef,
  owner?: ContentOwner,
): Promise<void> {
  await db
    .insertInto('contents')
    .values(contentRow({ documentId, version, ref, owner }))
    .onConflict((conflict) => conflict.columns(['document_id', 'blob']).doNothing())
    .execute();
}

export class SqlContents implements Contents {
  protected readonly db: Db;

  constructor(db: Db) {
    this.db = db;
  }

  record(documentId: string, version: VersionKey, ref: ContentRef, owner?: ContentOwner): Promise<void> {
    return recordContent(this.db, documentId, version, ref, owner);
  }

  async freeable(documentId: string): Promise<ContentRef[]> {
    return (await this.freeableOf([documentId])).get(documentId) ?? [];
  }

  /** One statement, so one snapshot of contents and rows. By document id. */
  protected async freeableOf(documentIds: readonly string[]): Promise<Map<string, ContentRef[]>> {
    const rows = await this.db
      .selectFrom('contents as c')
      .select(['c.document_id', 'c.blob', 'c.bytes', 'c.sha256'])
      .where('c.document_id', 'in', padded(documentIds))
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('documents as d')
            .select('d.document_id')
            .whereRef('d.document_id', '=', 'c.document_id')
            .whereRef('d.seen_version', '>', 'c.version'),
        ),
      )
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('documents as d')
              .select('d.document_id')
              .whereRef('d.document_id', '=', 'c.document_id')
              .where((inner) =>
                inner.or([
                  inner('d.seen_version', '<=', inner.ref('c.version')),
                  inner('d.visible_version', '=', inner.ref('c.version')),
                ]),
              ),
          ),
        ),
      )
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('heads as h')
              .innerJoin('generations as g', (join) =>
                join.onRef('g.tenant', '=', 'h.tenant').onRef('g.collection', '=', 'h.collection'),
              )
              .leftJoin('documents as d', (join) =>
                join.onRef('d.generation', '=', 'g.id').onRef('d.document_id', '=', 'h.document_id'),
              )
              .select('h.document_id')
              .whereRef('h.document_id', '=', 'c.document_id')
              .where((inner) =>
                inner.or([inner('h.deleted', '=', 0), inner('h.version', '<=', inner.ref('c.version'))]),
              )
              .where('g.state', 'in', CONSUMING_STATES)
              .where('d.document_id', 'is', null),
          ),
        ),
      )
      .orderBy('c.version')
      .orderBy('c.blob')
      .execute();
    const found = new Map<string, ContentRef[]>();
    for (const { document_id, ...ref } of rows) {
      const known = found.get(document_id);
      if (known) known.push(ref);
      else found.set(document_id, [ref]);
    }
    return found;
  }

  async forget(documentId: string, blobs: readonly string[]): Promise<void> {
    for (const some of chunks(blobs)) {
      await this.db
        .deleteFrom('contents')
        .where('document_id', '=', documentId)
        .where('blob', 'in', padded(some))
        .execute();
    }
  }

  async known(blobs: readonly string[]): Promise<Set<string>> {
    const found = new Set<string>();
    for (const some of chunks(blobs)) {
      const rows = await this.db.selectFrom('contents').select('blob').where('blob', 'in', padded(some)).execute();
      for (const row of rows) found.add(row.blob);
    }
    return found;
  }

  async list(documentId: string): Promise<{ version: VersionKey; ref: ContentRef }[]> {
    const rows = await this.db
      .selectFrom('contents')
      .select(['version', 'blob', 'bytes', 'sha256'])
      .where('document_id', '=', documentId)
      .orderBy('version')
      .orderBy('blob')
      .execute();
    return rows.map(({ version, ...ref }) => ({ version, ref }));
  }
}
