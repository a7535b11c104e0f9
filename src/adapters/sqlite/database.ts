import { accessSync, closeSync, constants, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Libsql from 'libsql';
import { LRUCache } from 'lru-cache';
import { FootnoteError } from '../../core/errors.js';
import { requireStorable } from '../storable.js';
import { sqliteError } from './errors.js';

export interface SqliteOptions {
  /** FULL: a commit is on disk when it returns. NORMAL: a power loss may undo the last commits, never damages the file. */
  readonly synchronous: 'FULL' | 'NORMAL';
  /** Milliseconds to wait for another program's lock. */
  readonly busyTimeoutMs?: number;
  /** Bound on the pages kept in memory, in MiB; default 8. */
  readonly cacheMib?: number;
}

export type SqliteValue = string | number | bigint | null | Uint8Array;
export type SqliteRow = Record<string, unknown>;

/** Statements kept prepared; IN lists are padded to few lengths so that this suffices. */
const STATEMENTS = 256;

/**
 * What was overwritten or deleted is out of the write-ahead log after about this long (law 6); the file itself is
 * cleaned at once by secure_delete.
 */
const CHECKPOINT_MS = 30_000;

interface Prepared {
  readonly statement: Libsql.Statement<unknown[]>;
  readonly columns: readonly string[];
}

/** One connection to one SQLite file in WAL mode. All calls are synchronous: keep each transaction to few milliseconds. */
export class SqliteDatabase {
  #checkpoint: NodeJS.Timeout | undefined;
  readonly #db: Libsql.Database;
  readonly #file: string;
  readonly #prepared = new LRUCache<string, Prepared>({ max: STATEMENTS });
  #open = true;

  constructor(file: string, options: SqliteOptions) {
    this.#file = file;
    try {
      if (file !== ':memory:') prepareFolder(file);
      this.#db = new Libsql(file, { timeout: options.busyTimeoutMs ?? 5000 });
    } catch (error) {
      throw openError(error, file);
    }
    try {
      this.exec('PRAGMA journal_mode = WAL');
      this.exec(`PRAGMA synchronous = ${options.synchronous}`);
      this.exec('PRAGMA foreign_keys = ON');
      this.exec('PRAGMA temp_store = MEMORY');
      this.exec(`PRAGMA cache_size = ${-1024 * (options.cacheMib ?? 8)}`);
      // Deleted content is overwritten, not merely unlinked (law 6).
      this.exec('PRAGMA secure_delete = ON');
      this.rows('SELECT count(*) FROM sqlite_master');
      if (file !== ':memory:') syncFolder(dirname(file));
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** Rows as objects. Always reads to the end: an unfinished statement would keep its read transaction open. */
  rows<T extends object = SqliteRow>(sql: string, parameters: readonly SqliteValue[] = []): T[] {
    return this.#guard(sql, () => {
      const { statement, columns } = this.#prepare(sql);
      const rows = statement.all(checked(parameters)) as unknown[][];
      return rows.map((values) => {
        const row: SqliteRow = {};
        for (let i = 0; i < columns.length; i += 1) row[columns[i]!] = values[i];
        return row as T;
      });
    });
  }

  /** @returns the rows it changed */
  run(sql: string, parameters: readonly SqliteValue[] = []): { changes: number; lastInsertRowid: number | bigint } {
    this.#checkpointSoon();
    return this.#guard(sql, () => this.#prepare(sql).statement.run(checked(parameters)));
  }

  /** True when the statement gives rows. */
  reads(sql: string): boolean {
    return this.#guard(sql, () => this.#prepare(sql).columns.length > 0);
  }

  exec(sql: string): void {
    this.#guard(sql, () => this.#db.exec(sql));
  }

  /** Runs `work` in one write transaction; what it throws rolls back. */
  transaction<T>(work: () => T): T {
    this.#checkpointSoon();
    this.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.exec('ROLLBACK');
      throw error;
    }
  }

  get inTransaction(): boolean {
    return this.#db.inTransaction;
  }

  /** Empties the write-ahead log into the file, so that overwritten content is gone from it too. */
  checkpoint(): void {
    this.rows('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  /** Idempotent. */
  close(): void {
    if (!this.#open) return;
    clearTimeout(this.#checkpoint);
    try {
      // Statements live on until they are collected, so the driver's close would leave the write-ahead log full.
      if (!this.#db.inTransaction) this.checkpoint();
    } catch {
      // Nothing is lost: the next start reads the write-ahead log.
    }
    this.#open = false;
    this.#prepared.clear();
    this.#db.close();
  }

  #checkpointSoon(): void {
    this.#checkpoint ??= setTimeout(() => {
      this.#checkpoint = undefined;
      try {
        if (this.#db.inTransaction) this.#checkpointSoon();
        else this.checkpoint();
      } catch {
        // A full disk, say: whoever writes next is told, and this tries again.
        this.#checkpointSoon();
      }
    }, CHECKPOINT_MS).unref();
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    const columns = statement.reader ? statement.columns().map((column) => column.name) : [];
    if (columns.length > 0) statement.raw();
    const prepared = { statement, columns };
    this.#prepared.set(sql, prepared);
    return prepared;
  }

  #guard<T>(sql: string, work: () => T): T {
    if (!this.#open) throw new FootnoteError('unavailable', `${this.#file} is closed.`);
    try {
      return work();
    } catch (error) {
      // A failed statement may not have been reset: never use it again.
      this.#prepared.delete(sql);
      throw sqliteError(error, this.#file);
    }
  }
}

/** The driver ends the process on a value it does not know and cuts text at NUL: refuse both before they reach it. */
function checked(parameters: readonly SqliteValue[]): SqliteValue[] {
  for (const value of parameters) {
    if (typeof value === 'string') {
      requireStorable(value);
    } else if (typeof value === 'number') {
      if (!Number.isFinite(value)) throw new TypeError(`not a storable number: ${value}`);
    } else if (value !== null && typeof value !== 'bigint' && !(value instanceof Uint8Array)) {
      throw new TypeError(`not a storable value: ${typeof value}`);
    }
  }
  return parameters as SqliteValue[];
}

function prepareFolder(file: string): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true });
  accessSync(folder, constants.W_OK | constants.X_OK);
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** The driver's connection errors carry only SQLite's number in their text: 14 is CANTOPEN, 26 NOTADB. */
function openError(error: unknown, file: string): unknown {
  const number = /:\s*(\d+)"?\)?$/.exec(error instanceof Error ? error.message : '')?.[1];
  if (number === '26' || number === '11')
    return sqliteError(Object.assign(new Error('open failed', { cause: error }), { code: 'SQLITE_NOTADB' }), file);
  if (number === '14') {
    return new FootnoteError('unavailable', `${file} cannot be opened: check that it is a file and can be read.`, {
      cause: error,
    });
  }
  return sqliteError(error, file);
}
