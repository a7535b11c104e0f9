import type { Clock } from '../../../core/ports/clock.js';
import type { VectorCache } from '../../../core/ports/cache.js';
import { readFormat } from '../../../core/format.js';
import { breathe } from '../../../runtime/breathe.js';
import { systemClock } from '../../../runtime/clock.js';
import { SqliteDatabase } from '../../sqlite/database.js';

export interface SqliteVectorCacheOptions {
  /** Bound on the vectors' bytes, keys and bookkeeping (about 120 bytes each) included. Default 1 GiB. */
  readonly maxBytes?: number;
  readonly clock?: Clock;
}

const FORMAT = 1;
const SCHEMA = [
  'CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL)',
  'CREATE TABLE builds (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)',
  'CREATE TABLE vectors (id INTEGER PRIMARY KEY, build INTEGER NOT NULL, input TEXT NOT NULL, bytes INTEGER NOT NULL, used INTEGER NOT NULL, vector BLOB NOT NULL, UNIQUE (build, input))',
  'CREATE INDEX vectors_used ON vectors (used, id, bytes)',
  'CREATE TABLE uses (document TEXT NOT NULL, vector INTEGER NOT NULL, PRIMARY KEY (document, vector)) WITHOUT ROWID',
  'CREATE INDEX uses_vector ON uses (vector)',
  "INSERT INTO meta (name, value) VALUES ('format', 1), ('bytes', 0), ('entries', 0)",
];

const DEFAULT_MAX_BYTES = 1 << 30;
/** Keys, row and index entries of one vector, roughly. */
const OVERHEAD = 120;
/** Last use is kept to the minute, so that a read seldom has to write. */
const MINUTE = 60_000;
/** Rows a transaction. */
const PAGE = 200;

/**
 * The vector cache in one SQLite file. Losing what was put costs computing it again; what was forgotten must stay so
 * (law 6), hence each change is on disk when it returns. It is overwritten (secure_delete), and out of the write-ahead
 * log within the minute.
 * @throws data_newer, data_corrupt, read_only, disk_full, unavailable
 */
export function openSqliteVectorCache(
  file: string,
  options: SqliteVectorCacheOptions = {},
): VectorCache & { close(): Promise<void> } {
  const db = new SqliteDatabase(file, { synchronous: 'FULL' });
  try {
    const made = db.rows("SELECT 1 FROM sqlite_master WHERE name = 'meta'").length > 0;
    if (!made) db.transaction(() => SCHEMA.forEach((statement) => db.exec(statement)));
    const orElse = `or delete ${file} (it is made again)`;
    readFormat(db.rows<{ value: number }>("SELECT value FROM meta WHERE name = 'format'")[0]?.value, {
      what: 'The vector cache',
      newest: FORMAT,
      orElse,
      mend: orElse.slice('or '.length),
    });
  } catch (error) {
    db.close();
    throw error;
  }
  return new SqliteVectorCache(db, options.maxBytes ?? DEFAULT_MAX_BYTES, options.clock ?? systemClock);
}

interface Found {
  id: number;
  input: string;
  used: number;
  vector: ArrayBuffer | Uint8Array;
}

class SqliteVectorCache implements VectorCache {
  readonly #db: SqliteDatabase;
  readonly #maxBytes: number;
  readonly #clock: Clock;

  constructor(db: SqliteDatabase, maxBytes: number, clock: Clock) {
    this.#db = db;
    this.#maxBytes = maxBytes;
    this.#clock = clock;
  }

  async get(build: string, inputs: readonly string[], documentId: string): Promise<(Float32Array | undefined)[]> {
    const found = new Map<string, Float32Array>();
    for (const page of pages([...new Set(inputs)])) {
      for (const row of this.#read(build, page, documentId)) found.set(row.input, floats(row.vector));
      await breathe();
    }
    return inputs.map((input) => found.get(input));
  }

  async put(
    build: string,
    entries: readonly { input: string; vector: Float32Array }[],
    documentId: string,
  ): Promise<void> {
    for (const page of pages(entries)) {
      this.#db.transaction(() => this.#write(build, page, documentId));
      await breathe();
    }
    while (this.#db.transaction(() => this.#evict())) await breathe();
  }

  async forget(documentId: string, keep: ReadonlySet<string> = new Set()): Promise<void> {
    for (let after = 0; ;) {
      const rows = this.#db.rows<{ id: number; input: string }>(
        'SELECT v.id, v.input FROM uses u JOIN vectors v ON v.id = u.vector WHERE u.document = ? AND u.vector > ? ORDER BY u.vector LIMIT ?',
        [documentId, after, PAGE],
      );
      const gone = rows.filter((row) => !keep.has(row.input)).map((row) => row.id);
      if (gone.length > 0) {
        this.#db.transaction(() => {
          for (const id of gone) {
            this.#db.run('DELETE FROM uses WHERE document = ? AND vector = ?', [documentId, id]);
          }
          this.#remove(
            gone.filter((id) => this.#db.rows('SELECT 1 FROM uses WHERE vector = ? LIMIT 1', [id]).length === 0),
          );
        });
      }
      if (rows.length < PAGE) break;
      after = rows[rows.length - 1]!.id;
      await breathe();
    }
  }

  async documents({ after = '', limit }: { readonly after?: string; readonly limit: number }): Promise<string[]> {
    const rows = this.#db.rows<{ document: string }>(
      'SELECT DISTINCT document FROM uses WHERE document > ? ORDER BY document LIMIT ?',
      [after, limit],
    );
    return rows.map(({ document }) => document);
  }

  async stats(): Promise<{ entries: number; bytes: number }> {
    return { entries: this.#meta('entries'), bytes: this.#meta('bytes') };
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #read(build: string, inputs: readonly string[], documentId: string): Found[] {
    // CROSS: the inputs lead. Left to itself SQLite walks all vectors of the build and looks each up in the list.
    const rows = this.#db.rows<Found>(
      `SELECT v.id, v.input, v.used, v.vector FROM json_each(?) j
       CROSS JOIN vectors v ON v.input = j.value AND v.build = (SELECT id FROM builds WHERE name = ?)`,
      [JSON.stringify(inputs), build],
    );
    if (rows.length === 0) return rows;
    const now = this.#minute();
    this.#db.transaction(() => {
      this.#use(
        rows.map((row) => row.id),
        documentId,
      );
      const old = rows.filter((row) => row.used < now).map((row) => row.id);
      if (old.length > 0) {
        this.#db.run('UPDATE vectors SET used = ? WHERE id IN (SELECT value FROM json_each(?))', [
          now,
          JSON.stringify(old),
        ]);
      }
    });
    return rows;
  }

  #use(ids: readonly number[], documentId: string): void {
    this.#db.run('INSERT OR IGNORE INTO uses (document, vector) SELECT ?, value FROM json_each(?)', [
      documentId,
      JSON.stringify(ids),
    ]);
  }

  #write(build: string, entries: readonly { input: string; vector: Float32Array }[], documentId: string): void {
    this.#db.run('INSERT OR IGNORE INTO builds (name) VALUES (?)', [build]);
    const { id } = this.#db.rows<{ id: number }>('SELECT id FROM builds WHERE name = ?', [build])[0]!;
    const now = this.#minute();
    let bytes = 0;
    let added = 0;
    const ids: number[] = [];
    for (const { input, vector } of entries) {
      const data = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
      const size = data.byteLength + OVERHEAD;
      // A vector is a function of build and input (law 3): what is there is the same.
      const made = this.#db.rows<{ id: number }>(
        'INSERT INTO vectors (build, input, bytes, used, vector) VALUES (?, ?, ?, ?, ?) ON CONFLICT (build, input) DO NOTHING RETURNING id',
        [id, input, size, now, data],
      )[0];
      if (made) {
        bytes += size;
        added += 1;
        ids.push(made.id);
      } else {
        ids.push(
          this.#db.rows<{ id: number }>('SELECT id FROM vectors WHERE build = ? AND input = ?', [id, input])[0]!.id,
        );
      }
    }
    this.#use(ids, documentId);
    this.#count(added, bytes);
  }

  /** Removes a page of the longest unused. @returns true while there is more to remove */
  #evict(): boolean {
    const excess = this.#meta('bytes') - this.#maxBytes;
    if (excess <= 0) return false;
    const gone: number[] = [];
    let freed = 0;
    const oldest = this.#db.rows<{ id: number; bytes: number }>(
      'SELECT id, bytes FROM vectors ORDER BY used, id LIMIT ?',
      [PAGE],
    );
    for (const row of oldest) {
      if (freed >= excess) break;
      gone.push(row.id);
      freed += row.bytes;
    }
    for (const id of gone) this.#db.run('DELETE FROM uses WHERE vector = ?', [id]);
    this.#remove(gone);
    return freed < excess && gone.length > 0;
  }

  #remove(ids: readonly number[]): void {
    let bytes = 0;
    for (const id of ids) {
      bytes +=
        this.#db.rows<{ bytes: number }>('DELETE FROM vectors WHERE id = ? RETURNING bytes', [id])[0]?.bytes ?? 0;
    }
    this.#count(-ids.length, -bytes);
  }

  #count(entries: number, bytes: number): void {
    this.#db.run("UPDATE meta SET value = value + ? WHERE name = 'entries'", [entries]);
    this.#db.run("UPDATE meta SET value = value + ? WHERE name = 'bytes'", [bytes]);
  }

  #meta(name: 'entries' | 'bytes'): number {
    return this.#db.rows<{ value: number }>('SELECT value FROM meta WHERE name = ?', [name])[0]!.value;
  }

  #minute(): number {
    return Math.floor(this.#clock.now() / MINUTE);
  }
}

function pages<T>(items: readonly T[]): T[][] {
  const out: T[][] = [];
  for (let i = 0; i < items.length; i += PAGE) out.push(items.slice(i, i + PAGE));
  return out;
}

/** The driver gives an ArrayBuffer of its own, or a view that need not be aligned: copy that. */
function floats(vector: ArrayBuffer | Uint8Array): Float32Array {
  return new Float32Array(vector instanceof Uint8Array ? Uint8Array.from(vector).buffer : vector);
}
