import { randomUUID } from 'node:crypto';
import type { Position } from '../../../core/event.js';
import { readFormat } from '../../../core/format.js';
import type { LogIdentity } from '../../../core/ports/log.js';
import { SqliteDatabase } from '../../sqlite/database.js';
import { FORMAT, SCHEMA } from './schema.js';

/** A stream as it is now. Offsets below 2^53 are numbers inside this adapter. */
export interface Stream {
  readonly id: number;
  readonly name: string;
  /** The offset after the last event, by partition. */
  readonly ends: number[];
}

export interface StoredEvent {
  readonly offset: number;
  readonly event: string;
  readonly bytes: number;
  readonly at: number;
}

export interface NewEvent {
  readonly stream: string;
  readonly partition: number;
  readonly event: string;
  readonly bytes: number;
  readonly at: number;
}

export interface StoreOptions {
  /** Of a log that is made now; an existing one keeps its own. */
  readonly partitions: number;
  /** At least; a log of a lower one is raised to it. */
  readonly epoch: number;
}

/** Rows a page; bytes after which a page ends early. */
const PAGE_ROWS = 64;
const PAGE_BYTES = 1 << 20;
/** Rows a transaction of a long removal. */
const REMOVE_ROWS = 500;

/** The log's tables: short synchronous transactions. One process uses it, so ends and streams are kept in memory. */
export class LogStore {
  /** Appends and everything else that must survive a power loss. */
  readonly full: SqliteDatabase;
  /**
   * Commits of groups: losing the last of them only means redelivery, so they spare the fsync. The write-ahead log keeps
   * order: whatever is written through the other connection later carries them to disk.
   */
  readonly #lazy: SqliteDatabase;
  readonly identity: LogIdentity;
  readonly #streams = new Map<string, Stream>();

  constructor(file: string, options: StoreOptions) {
    this.full = new SqliteDatabase(file, { synchronous: 'FULL' });
    try {
      this.identity = this.#prepare(options);
      this.#lazy = new SqliteDatabase(file, { synchronous: 'NORMAL' });
    } catch (error) {
      this.full.close();
      throw error;
    }
  }

  #prepare(options: StoreOptions): LogIdentity {
    this.full.exec('CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)');
    const meta = new Map(
      this.full
        .rows<{ name: string; value: string }>('SELECT name, value FROM meta')
        .map((row) => [row.name, row.value]),
    );
    const stored = meta.get('format');
    if (stored !== undefined) {
      readFormat(stored, { what: 'The log', newest: FORMAT, orElse: 'or restore a backup made by this version' });
      if (Number(meta.get('epoch')) < options.epoch) {
        this.full.run('UPDATE meta SET value = ? WHERE name = ?', [String(options.epoch), 'epoch']);
        meta.set('epoch', String(options.epoch));
      }
    } else {
      this.full.transaction(() => {
        for (const statement of SCHEMA) this.full.exec(statement);
        const values = { format: FORMAT, id: randomUUID(), epoch: options.epoch, partitions: options.partitions };
        for (const [name, value] of Object.entries(values)) {
          this.full.run('INSERT INTO meta (name, value) VALUES (?, ?)', [name, String(value)]);
          meta.set(name, String(value));
        }
      });
    }
    return { id: meta.get('id')!, epoch: Number(meta.get('epoch')), partitions: Number(meta.get('partitions')) };
  }

  /** The stream if it exists. */
  find(name: string): Stream | undefined {
    const known = this.#streams.get(name);
    if (known) return known;
    const row = this.full.rows<{ id: number }>('SELECT id FROM streams WHERE name = ?', [name])[0];
    if (!row) return undefined;
    const ends = new Array<number>(this.identity.partitions).fill(0);
    for (const end of this.full.rows<{ partition: number; next: number }>(
      'SELECT partition, next FROM partitions WHERE stream = ?',
      [row.id],
    )) {
      ends[end.partition] = end.next;
    }
    const stream = { id: row.id, name, ends };
    this.#streams.set(name, stream);
    return stream;
  }

  /** The stream, made if there is none. */
  open(name: string): Stream {
    const found = this.find(name);
    if (found) return found;
    this.full.run('INSERT INTO streams (name) VALUES (?)', [name]);
    return this.find(name)!;
  }

  /** One transaction, durable on return. @returns offsets in the order of `events` */
  append(events: readonly NewEvent[]): number[] {
    const streams = new Map<string, Stream>();
    for (const event of events) if (!streams.has(event.stream)) streams.set(event.stream, this.open(event.stream));
    const ends = new Map([...streams].map(([name, stream]) => [name, [...stream.ends]]));
    const offsets = this.full.transaction(() => {
      const given = events.map((event) => {
        const next = ends.get(event.stream)!;
        const offset = next[event.partition]!;
        next[event.partition] = offset + 1;
        this.full.run('INSERT INTO events (stream, partition, offset, at, bytes, event) VALUES (?, ?, ?, ?, ?, ?)', [
          streams.get(event.stream)!.id,
          event.partition,
          offset,
          event.at,
          event.bytes,
          event.event,
        ]);
        return offset;
      });
      for (const [name, stream] of streams) {
        for (const [partition, next] of ends.get(name)!.entries()) {
          if (next === stream.ends[partition]) continue;
          this.full.run(
            'INSERT INTO partitions (stream, partition, next) VALUES (?, ?, ?) ON CONFLICT (stream, partition) DO UPDATE SET next = excluded.next',
            [stream.id, partition, next],
          );
        }
      }
      return given;
    });
    for (const [name, stream] of streams) stream.ends.splice(0, stream.ends.length, ...ends.get(name)!);
    return offsets;
  }

  /** A page of events from an offset on, bounded in rows and bytes; at least one if there is any. */
  page(stream: Stream, partition: number, from: number): StoredEvent[] {
    const sizes = this.full.rows<{ offset: number; bytes: number }>(
      'SELECT offset, bytes FROM events WHERE stream = ? AND partition = ? AND offset >= ? ORDER BY offset LIMIT ?',
      [stream.id, partition, from, PAGE_ROWS],
    );
    let last = -1;
    let bytes = 0;
    for (const row of sizes) {
      if (last >= 0 && bytes + row.bytes > PAGE_BYTES) break;
      bytes += row.bytes;
      last = row.offset;
    }
    if (last < 0) return [];
    return this.full.rows<StoredEvent>(
      'SELECT offset, at, bytes, event FROM events WHERE stream = ? AND partition = ? AND offset BETWEEN ? AND ? ORDER BY offset',
      [stream.id, partition, from, last],
    );
  }

  one(stream: Stream, partition: number, offset: number): StoredEvent | undefined {
    return this.full.rows<StoredEvent>(
      'SELECT offset, at, bytes, event FROM events WHERE stream = ? AND partition = ? AND offset = ?',
      [stream.id, partition, offset],
    )[0];
  }

  /** The first offset that still exists, or the end, by partition. */
  first(stream: Stream, partition: number): number {
    const row = this.full.rows<{ offset: number | null }>(
      'SELECT min(offset) AS offset FROM events WHERE stream = ? AND partition = ?',
      [stream.id, partition],
    )[0];
    return row?.offset ?? stream.ends[partition]!;
  }

  /** Makes the group known, so that trimming waits for it. */
  openGroup(stream: Stream, group: string): void {
    this.full.run('INSERT INTO groups (stream, name) VALUES (?, ?) ON CONFLICT DO NOTHING', [stream.id, group]);
  }

  groups(stream: Stream): string[] {
    return this.full
      .rows<{ name: string }>('SELECT name FROM groups WHERE stream = ? ORDER BY name', [stream.id])
      .map((row) => row.name);
  }

  /** The next offset to read, by partition. */
  committed(stream: Stream, group: string): number[] {
    const next = new Array<number>(this.identity.partitions).fill(0);
    for (const row of this.full.rows<{ partition: number; next: number }>(
      'SELECT partition, next FROM commits WHERE stream = ? AND name = ?',
      [stream.id, group],
    )) {
      next[row.partition] = row.next;
    }
    return next;
  }

  /** Commits of consumers only rise. */
  commit(commits: readonly { stream: Stream; group: string; partition: number; next: number }[]): void {
    this.#lazy.transaction(() => {
      for (const { stream, group, partition, next } of commits) {
        this.#lazy.run(
          `INSERT INTO commits (stream, name, partition, next) SELECT ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM groups WHERE stream = ? AND name = ?)
           ON CONFLICT (stream, name, partition) DO UPDATE SET next = excluded.next WHERE commits.next < excluded.next`,
          [stream.id, group, partition, next, stream.id, group],
        );
      }
    });
  }

  seek(stream: Stream, group: string, offsets: ReadonlyMap<number, number>): void {
    this.full.transaction(() => {
      this.openGroup(stream, group);
      for (const [partition, next] of offsets) {
        this.full.run(
          'INSERT INTO commits (stream, name, partition, next) VALUES (?, ?, ?, ?) ON CONFLICT (stream, name, partition) DO UPDATE SET next = excluded.next',
          [stream.id, group, partition, next],
        );
      }
    });
  }

  dropGroup(stream: Stream, group: string): void {
    this.full.transaction(() => {
      this.full.run('DELETE FROM commits WHERE stream = ? AND name = ?', [stream.id, group]);
      this.full.run('DELETE FROM groups WHERE stream = ? AND name = ?', [stream.id, group]);
      this.full.run('DELETE FROM dead_letters WHERE stream = ? AND name = ?', [stream.id, group]);
    });
  }

  hold(stream: Stream, name: string, offsets: ReadonlyMap<number, number>): void {
    this.full.transaction(() => {
      this.release(stream, name);
      for (const [partition, from] of offsets) {
        this.full.run('INSERT INTO holds (stream, name, partition, "from") VALUES (?, ?, ?, ?)', [
          stream.id,
          name,
          partition,
          from,
        ]);
      }
    });
  }

  release(stream: Stream, name: string): void {
    this.full.run('DELETE FROM holds WHERE stream = ? AND name = ?', [stream.id, name]);
  }

  /** Below which offset a partition's events are needed by no group and no hold. Without a group everything is kept. */
  trimmable(stream: Stream): number[] {
    const groups = this.groups(stream);
    if (groups.length === 0) return stream.ends.map(() => 0);
    const limits = [...stream.ends];
    for (const group of groups) {
      for (const [partition, next] of this.committed(stream, group).entries()) {
        limits[partition] = Math.min(limits[partition]!, next);
      }
    }
    for (const hold of this.full.rows<{ partition: number; from: number }>(
      'SELECT partition, "from" FROM holds WHERE stream = ?',
      [stream.id],
    )) {
      limits[hold.partition] = Math.min(limits[hold.partition]!, hold.from);
    }
    return limits;
  }

  /** Removes a bounded number of the oldest events below `limit` and older than `olderThan` (ms). */
  trim(stream: Stream, partition: number, limit: number, olderThan: number): number {
    const oldest = this.full.rows<{ offset: number; at: number }>(
      'SELECT offset, at FROM events WHERE stream = ? AND partition = ? AND offset < ? ORDER BY offset LIMIT ?',
      [stream.id, partition, limit, REMOVE_ROWS],
    );
    // Only from the front, also when the clock once went back: what remains has no holes.
    const young = oldest.findIndex((row) => row.at >= olderThan);
    const last = oldest[(young < 0 ? oldest.length : young) - 1];
    if (!last) return 0;
    return this.full.run('DELETE FROM events WHERE stream = ? AND partition = ? AND offset <= ?', [
      stream.id,
      partition,
      last.offset,
    ]).changes;
  }

  /** Takes the stream's name away at once; its rows go page by page (`sweep`), after a restart too. */
  dropStream(stream: Stream): void {
    this.full.run('UPDATE streams SET name = NULL WHERE id = ?', [stream.id]);
    this.#streams.delete(stream.name);
  }

  /** Removes a bounded number of rows of dropped streams. @returns false when none is left */
  sweep(): boolean {
    const dropped = this.full.rows<{ id: number }>('SELECT id FROM streams WHERE name IS NULL LIMIT 1')[0];
    if (!dropped) return false;
    for (const table of ['events', 'dead_letters']) {
      const { changes } = this.full.run(
        `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE stream = ? LIMIT ?)`,
        [dropped.id, REMOVE_ROWS],
      );
      if (changes > 0) return true;
    }
    this.full.transaction(() => {
      for (const table of ['partitions', 'commits', 'groups', 'holds']) {
        this.full.run(`DELETE FROM ${table} WHERE stream = ?`, [dropped.id]);
      }
      this.full.run('DELETE FROM streams WHERE id = ?', [dropped.id]);
    });
    return true;
  }

  position(partition: number, offset: number): Position {
    return { epoch: this.identity.epoch, partition, offset: BigInt(offset) };
  }

  close(): void {
    this.#lazy.close();
    this.full.close();
  }
}
