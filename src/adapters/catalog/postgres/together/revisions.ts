import { sql, type Selectable } from 'kysely';
import type { RevisionRecord } from '../../../../core/ports/catalog.js';
import type { VersionKey } from '../../../../core/version.js';
import { Coalescer } from '../../../../runtime/coalescer.js';
import { padded, type Db } from '../../sql/context.js';
import { revisionRow, SqlRevisions, toRecord } from '../../sql/revisions.js';
import type { Schema } from '../../sql/schema.js';
import { asTable, MOST, namesOf } from './rows.js';

type Row = Selectable<Schema['revisions']>;
type Place = Pick<RevisionRecord, 'documentId' | 'revision'>;
type Use = Place & { readonly version: VersionKey };

const COLUMNS = {
  document_id: 'text',
  revision: 'text',
  version: 'text',
  parsed_blob: 'text',
  parsed_bytes: 'bigint',
  parsed_sha256: 'text',
  created_at: 'text',
  replaced_at: 'text',
} as const;

const placeOf = ({ documentId, revision }: Place): string => `${documentId} ${revision}`;

/** Revisions, where calls for many documents at once are one statement. */
export class PostgresRevisions extends SqlRevisions {
  readonly #gets: Coalescer<Place, RevisionRecord | undefined>;
  readonly #uses: Coalescer<Use, RevisionRecord | undefined>;
  readonly #adds: Coalescer<RevisionRecord, RevisionRecord>;
  readonly #marks: Coalescer<readonly [documentId: string, now: string], void>;

  constructor(db: Db) {
    super(db);
    this.#gets = new Coalescer((places) => this.#getAll(places), { most: MOST });
    this.#uses = new Coalescer((uses: readonly Use[]) => this.#useAll(uses), { most: MOST, apart: placeOf });
    this.#adds = new Coalescer((records: readonly RevisionRecord[]) => this.#addAll(records), {
      most: MOST,
      apart: placeOf,
    });
    this.#marks = new Coalescer((all) => this.#markEach(all), { most: MOST });
  }

  override get(documentId: string, revision: string): Promise<RevisionRecord | undefined> {
    return this.#gets.ask({ documentId, revision });
  }

  override use(documentId: string, revision: string, version: VersionKey): Promise<RevisionRecord | undefined> {
    return this.#uses.ask({ documentId, revision, version });
  }

  override add(record: RevisionRecord): Promise<RevisionRecord> {
    return this.#adds.ask(record);
  }

  override mark(documentId: string, now: string): Promise<void> {
    return this.#marks.ask([documentId, now]);
  }

  async #getAll(places: readonly Place[]): Promise<(RevisionRecord | undefined)[]> {
    const rows = await this.db
      .selectFrom('revisions')
      .selectAll()
      .where('document_id', 'in', padded(places.map(({ documentId }) => documentId)))
      .where('revision', 'in', padded(places.map(({ revision }) => revision)))
      .execute();
    return inOrder(places, rows);
  }

  async #useAll(uses: readonly Use[]): Promise<(RevisionRecord | undefined)[]> {
    const table = asTable(
      { document_id: 'text', revision: 'text', version: 'text' },
      uses.map(({ documentId, revision, version }) => ({ document_id: documentId, revision, version })),
    );
    const { rows } = await sql<Row>`
      update "revisions" as r set version = greatest(r.version, w.version), replaced_at = null from ${table}
      where r.document_id = w.document_id and r.revision = w.revision returning r.*`.execute(this.db);
    return inOrder(uses, rows);
  }

  async #addAll(records: readonly RevisionRecord[]): Promise<RevisionRecord[]> {
    const names = namesOf(COLUMNS);
    const { rows } = await sql<Row>`
      insert into "revisions" (${names}) select ${names} from ${asTable(COLUMNS, records.map(revisionRow))}
      order by document_id, revision on conflict (document_id, revision)
      do update set version = greatest(revisions.version, excluded.version), replaced_at = null returning revisions.*`.execute(
      this.db,
    );
    return inOrder(records, rows).map((record) => record!);
  }

  async #markEach(all: readonly (readonly [string, string])[]): Promise<void[]> {
    const [, now] = all.at(-1)!;
    await this.markAll([...new Set(all.map(([documentId]) => documentId))], now);
    return all.map(() => undefined);
  }
}

function inOrder(places: readonly Place[], rows: readonly Row[]): (RevisionRecord | undefined)[] {
  const found = new Map(rows.map(toRecord).map((record) => [placeOf(record), record]));
  return places.map((place) => found.get(placeOf(place)));
}
