import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeadLetter } from '../../../core/ports/log.js';
import { SqliteDatabase, type SqliteValue } from '../../sqlite/database.js';
import { decodeLetter } from './letter-codec.js';

const SCHEMA = [
  'CREATE TABLE letters (id TEXT PRIMARY KEY, stream TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, letter TEXT NOT NULL) WITHOUT ROWID',
  'CREATE INDEX letters_list ON letters (stream, id)',
  'CREATE INDEX letters_document ON letters (stream, document)',
];

/** What the topic of dead letters says now, in a temporary file: a topic cannot be asked by document or page. */
export class LettersView {
  readonly #folder: string;
  readonly #database: SqliteDatabase;

  private constructor(folder: string, database: SqliteDatabase) {
    this.#folder = folder;
    this.#database = database;
  }

  static async open(): Promise<LettersView> {
    const folder = await mkdtemp(join(tmpdir(), 'footnote-letters-'));
    const database = new SqliteDatabase(join(folder, 'view.db'), { synchronous: 'NORMAL', cacheMib: 4 });
    for (const statement of SCHEMA) database.run(statement);
    return new LettersView(folder, database);
  }

  /** @param value as `encodeLetter` made it, or undefined when it was removed */
  apply(rows: readonly { readonly id: string; readonly value: string | undefined }[]): void {
    if (rows.length === 0) return;
    this.#database.transaction(() => {
      for (const { id, value } of rows) {
        if (value === undefined) {
          this.#database.run('DELETE FROM letters WHERE id = ?', [id]);
          continue;
        }
        const letter = decodeLetter(id, value);
        this.#database.run(
          'INSERT INTO letters (id, stream, name, document, letter) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET letter = excluded.letter',
          [id, letter.stream, letter.group, letter.documentId, value],
        );
      }
    });
  }

  /** Sorted by id, after `after`, at most `limit`. */
  find(
    stream: string,
    where: { readonly group?: string | undefined; readonly documentId?: string | undefined },
    after: string,
    limit: number,
  ): DeadLetter[] {
    const conditions = ['stream = ?', 'id > ?'];
    const parameters: SqliteValue[] = [stream, after];
    if (where.group !== undefined) {
      conditions.push('name = ?');
      parameters.push(where.group);
    }
    if (where.documentId !== undefined) {
      conditions.push('document = ?');
      parameters.push(where.documentId);
    }
    const sql = `SELECT id, letter FROM letters WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT ?`;
    const rows = this.#database.rows<{ id: string; letter: string }>(sql, [...parameters, limit]);
    return rows.map((row) => decodeLetter(row.id, row.letter));
  }

  get(id: string): DeadLetter | undefined {
    const row = this.#database.rows<{ letter: string }>('SELECT letter FROM letters WHERE id = ?', [id])[0];
    return row && decodeLetter(id, row.letter);
  }

  count(stream: string): number {
    const sql = 'SELECT count(*) AS count FROM letters WHERE stream = ?';
    return this.#database.rows<{ count: number }>(sql, [stream])[0]!.count;
  }

  async close(): Promise<void> {
    this.#database.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
