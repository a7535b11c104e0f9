import { sql } from 'kysely';
import type { ContentRef } from '../../../../core/event.js';
import type { VersionKey } from '../../../../core/version.js';
import { Coalescer } from '../../../../runtime/coalescer.js';
import type { Db } from '../../sql/context.js';
import { type ContentOwner, contentRow, type Recorded, SqlContents } from '../../sql/contents.js';
import { asTable, MOST, namesOf } from './rows.js';

const COLUMNS = {
  document_id: 'text',
  blob: 'text',
  version: 'text',
  bytes: 'bigint',
  sha256: 'text',
  tenant: 'text',
  collection: 'text',
} as const;

interface Forgotten {
  readonly documentId: string;
  readonly blobs: readonly string[];
}

/** Originals, where calls for many documents at once are one statement. */
export class PostgresContents extends SqlContents {
  readonly #records: Coalescer<Recorded, void>;
  readonly #freeable: Coalescer<string, ContentRef[]>;
  readonly #forgotten: Coalescer<Forgotten, void>;

  constructor(db: Db) {
    super(db);
    this.#records = new Coalescer((all) => this.#recordAll(all), { most: MOST });
    this.#freeable = new Coalescer((ids) => this.#freeableAll(ids), { most: MOST });
    this.#forgotten = new Coalescer((all) => this.#forgetAll(all), { most: MOST });
  }

  override record(documentId: string, version: VersionKey, ref: ContentRef, owner?: ContentOwner): Promise<void> {
    return this.#records.ask({ documentId, version, ref, owner });
  }

  override freeable(documentId: string): Promise<ContentRef[]> {
    return this.#freeable.ask(documentId);
  }

  override async forget(documentId: string, blobs: readonly string[]): Promise<void> {
    if (blobs.length > 0) await this.#forgotten.ask({ documentId, blobs });
  }

  async #recordAll(all: readonly Recorded[]): Promise<void[]> {
    const names = namesOf(COLUMNS);
    await sql`
      insert into "contents" (${names}) select ${names} from ${asTable(COLUMNS, all.map(contentRow))}
      order by document_id, blob on conflict (document_id, blob) do nothing`.execute(this.db);
    return all.map(() => undefined);
  }

  async #freeableAll(documentIds: readonly string[]): Promise<ContentRef[][]> {
    const found = await this.freeableOf(documentIds);
    return documentIds.map((id) => found.get(id) ?? []);
  }

  async #forgetAll(all: readonly Forgotten[]): Promise<void[]> {
    const rows = all.flatMap(({ documentId, blobs }) => blobs.map((blob) => ({ document_id: documentId, blob })));
    await sql`
      delete from "contents" as c using ${asTable({ document_id: 'text', blob: 'text' }, rows)}
      where c.document_id = w.document_id and c.blob = w.blob`.execute(this.db);
    return all.map(() => undefined);
  }
}
