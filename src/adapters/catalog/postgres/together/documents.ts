import { sql } from 'kysely';
import type { DocumentRow } from '../../../../core/ports/catalog.js';
import { Coalescer } from '../../../../runtime/coalescer.js';
import { padded, type Db } from '../../sql/context.js';
import { COLUMNS, fields, newRow, SqlDocuments, toRow } from '../../sql/documents.js';
import { asTable, assignments, MOST, namesOf } from './rows.js';

type Row = Omit<DocumentRow, 'token'>;
interface Written {
  readonly row: Row;
  readonly expected: number | undefined;
}

/** What every write sets, by its type. */
const FIELDS = {
  state: 'text',
  seen_version: 'text',
  seen_epoch: 'bigint',
  seen_partition: 'bigint',
  seen_offset: 'text',
  visible_version: 'text',
  visible_revision: 'text',
  chunks: 'bigint',
  language: 'text',
  updated_at: 'text',
  error: 'text',
  seen: 'text',
  visible: 'text',
} as const;
const OF_NEW = {
  generation: 'text',
  document_id: 'text',
  tenant: 'text',
  collection: 'text',
  source: 'text',
  key: 'text',
  token: 'bigint',
  ...FIELDS,
} as const;
const OF_UPDATES = { generation: 'text', document_id: 'text', expected: 'bigint', ...FIELDS } as const;

const placeOf = (generation: string, documentId: string): string => `${generation} ${documentId}`;

/** Applied rows, where calls of many documents at once are one statement. */
export class PostgresDocuments extends SqlDocuments {
  readonly #gets: Coalescer<readonly [generation: string, documentId: string], DocumentRow | undefined>;
  readonly #everywhere: Coalescer<string, DocumentRow[]>;
  readonly #writes: Coalescer<Written, boolean>;

  constructor(db: Db) {
    super(db);
    this.#gets = new Coalescer((places) => this.#getAll(places), { most: MOST });
    this.#everywhere = new Coalescer((ids) => this.#everywhereAll(ids), { most: MOST });
    this.#writes = new Coalescer((written) => this.#writeAll(written), {
      most: MOST,
      // Of two writes in one statement nobody could tell which one counted.
      apart: ({ row }) => placeOf(row.generation, row.documentId),
    });
  }

  override get(generation: string, documentId: string): Promise<DocumentRow | undefined> {
    return this.#gets.ask([generation, documentId]);
  }

  override everywhere(documentId: string): Promise<DocumentRow[]> {
    return this.#everywhere.ask(documentId);
  }

  override compareAndSet(row: Row, expected: number | undefined): Promise<boolean> {
    return this.#writes.ask({ row, expected });
  }

  async #getAll(places: readonly (readonly [string, string])[]): Promise<(DocumentRow | undefined)[]> {
    const found = new Map<string, ReadonlyMap<string, DocumentRow>>();
    for (const generation of new Set(places.map(([each]) => each))) {
      const ids = new Set(places.flatMap(([each, documentId]) => (each === generation ? [documentId] : [])));
      found.set(generation, await this.many(generation, [...ids]));
    }
    return places.map(([generation, documentId]) => found.get(generation)?.get(documentId));
  }

  async #everywhereAll(documentIds: readonly string[]): Promise<DocumentRow[][]> {
    const rows = await this.db
      .selectFrom('documents')
      .select(COLUMNS)
      .where('document_id', 'in', padded(documentIds))
      .orderBy('document_id')
      .orderBy('generation')
      .execute();
    const found = new Map<string, DocumentRow[]>(documentIds.map((id) => [id, []]));
    for (const row of rows) found.get(row.document_id)?.push(toRow(row));
    return documentIds.map((id) => found.get(id)!);
  }

  async #writeAll(written: readonly Written[]): Promise<boolean[]> {
    const done = new Set<string>();
    const fresh = written.filter(({ expected }) => expected === undefined).map(({ row }) => row);
    const moved = written.filter(({ expected }) => expected !== undefined);
    for (const place of fresh.length > 0 ? await this.#insert(fresh) : []) done.add(place);
    for (const place of moved.length > 0 ? await this.#update(moved) : []) done.add(place);
    return written.map(({ row }) => done.has(placeOf(row.generation, row.documentId)));
  }

  /** @returns the places of those that were not there */
  async #insert(rows: readonly Row[]): Promise<string[]> {
    const table = asTable(OF_NEW, rows.map(newRow));
    const names = namesOf(OF_NEW);
    const { rows: inserted } = await sql<{ generation: string; document_id: string }>`
      insert into "documents" (${names}) select ${names} from ${table} order by generation, document_id
      on conflict (generation, document_id) do nothing returning generation, document_id`.execute(this.db);
    return inserted.map((row) => placeOf(row.generation, row.document_id));
  }

  /** @returns the places of those that had not moved */
  async #update(written: readonly Written[]): Promise<string[]> {
    const table = asTable(
      OF_UPDATES,
      written.map(({ row, expected }) => ({
        generation: row.generation,
        document_id: row.documentId,
        expected: expected!,
        ...fields(row),
      })),
    );
    const { rows: updated } = await sql<{ generation: string; document_id: string }>`
      update "documents" as d set token = w.expected + 1, ${assignments(Object.keys(FIELDS), 'w')} from ${table}
      where d.generation = w.generation and d.document_id = w.document_id and d.token = w.expected
      returning d.generation, d.document_id`.execute(this.db);
    return updated.map((row) => placeOf(row.generation, row.document_id));
  }
}
