import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteDatabase, type SqliteValue } from './database.js';

describe('SqliteDatabase', () => {
  let folder: string;
  let db: SqliteDatabase;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'footnote-test-'));
    db = new SqliteDatabase(join(folder, 'made', 'x.db'), { synchronous: 'FULL' });
    db.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c BLOB)');
  });
  afterEach(async () => {
    db.close();
    await rm(folder, { recursive: true, force: true });
  });

  const insert = (b: unknown) => db.run('INSERT INTO t (b) VALUES (?)', [b as SqliteValue]);
  const count = () => db.rows<{ n: number }>('SELECT count(*) AS n FROM t')[0]!.n;

  it('gives rows as objects, of returning statements too', () => {
    expect(db.run('INSERT INTO t (b, c) VALUES (?, ?)', ['x', Uint8Array.of(1, 2)]).changes).toBe(1);
    expect(db.rows('INSERT INTO t (b) VALUES (?) RETURNING a, b', ['y'])).toEqual([{ a: 2, b: 'y' }]);
    const rows = db.rows<{ a: number; b: string; c: ArrayBuffer | null }>('SELECT * FROM t ORDER BY a');
    expect(rows.map((row) => [row.a, row.b])).toEqual([
      [1, 'x'],
      [2, 'y'],
    ]);
    expect([...new Uint8Array(rows[0]!.c!)]).toEqual([1, 2]);
    expect(db.rows('SELECT * FROM t WHERE a = ?', [9])).toEqual([]);
    expect(db.reads('SELECT 1')).toBe(true);
    expect(db.reads('DELETE FROM t')).toBe(false);
  });

  it('refuses what the driver would cut, change or die of', () => {
    for (const value of [true, undefined, NaN, Infinity, {}, [], new Date()])
      expect(() => insert(value)).toThrow(TypeError);
    for (const value of ['a\0b', 'a\ud800']) {
      expect(() => insert(value)).toThrow(expect.objectContaining({ code: 'invalid_request' }) as Error);
    }
    expect(count()).toBe(0);
  });

  it('undoes a transaction that throws, and goes on', () => {
    expect(() =>
      db.transaction(() => {
        insert('x');
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(db.inTransaction).toBe(false);
    expect(count()).toBe(0);
    expect(db.transaction(() => insert('y').changes)).toBe(1);
    expect(count()).toBe(1);
  });

  it('types failures, and works again once the cause is gone', () => {
    insert('x');
    db.exec('PRAGMA max_page_count = 3');
    const fill = () => {
      for (let i = 0; i < 1000; i += 1) insert('y'.repeat(1000));
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'disk_full', permanence: 'transient' }) as Error);
    expect(() => db.transaction(fill)).toThrow(expect.objectContaining({ code: 'disk_full' }) as Error);
    db.exec('PRAGMA max_page_count = 100000');
    insert('z');
    db.exec('PRAGMA query_only = 1');
    expect(() => insert('x')).toThrow(expect.objectContaining({ code: 'read_only' }) as Error);
    db.exec('PRAGMA query_only = 0');
    expect(insert('z').changes).toBe(1);
  });

  it('says that it is closed', () => {
    db.close();
    db.close();
    expect(() => insert('x')).toThrow(expect.objectContaining({ code: 'unavailable' }) as Error);
  });

  it('says that something else stands in the file’s place', () => {
    expect(() => new SqliteDatabase(folder, { synchronous: 'FULL' })).toThrow(
      expect.objectContaining({ code: 'unavailable' }) as Error,
    );
  });
});
