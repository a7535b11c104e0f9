import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type Connection, connect } from '@lancedb/lancedb';
import Libsql from 'libsql';
import { formsOf, unpacked } from './forms.js';
import { transducerKeys } from './fst.js';

/** What must not be left, by name: a text, or bytes as they are. */
export type Canaries = Readonly<Record<string, string | Buffer>>;

/**
 * Where each canary lies in a data directory, by canary: `catalog.db heads.event`, `log.db (pages)`, `blobs original`,
 * `vectors data`, `vectors terms` …. Reads every byte of every file, free pages and write-ahead logs included, in several
 * encodings; opens what is compressed; reads the databases' rows, every version of every LanceDB table and the terms of its
 * text indexes.
 */
export async function scan(directory: string, canaries: Canaries): Promise<Record<string, string[]>> {
  const found = new Map(Object.keys(canaries).map((name) => [name, new Set<string>()]));
  const wanted = Object.entries(canaries).map(([name, canary]) => ({
    name,
    text: typeof canary === 'string' ? canary : undefined,
    forms: typeof canary === 'string' ? formsOf(canary).map(({ bytes }) => bytes) : [canary],
  }));
  const look = (place: string, bytes: Buffer): void => {
    for (const { name, forms } of wanted) if (forms.some((form) => bytes.includes(form))) found.get(name)!.add(place);
  };
  const lookText = (place: string, text: string): void => {
    for (const { name, text: canary } of wanted) {
      if (canary !== undefined && text.includes(canary)) found.get(name)!.add(place);
    }
  };
  for (const file of await filesBelow(directory)) {
    const bytes = await readFile(join(directory, file)).catch(gone);
    if (!bytes) continue;
    const place = placeOf(file);
    lookText(`${place} (name)`, file);
    for (const part of unpacked(bytes)) look(place, part);
    if (file.endsWith('tokens.lance')) for (const term of transducerKeys(bytes)) lookText('vectors terms', term);
  }
  for (const name of ['catalog.db', 'log.db', 'cache.db']) readRows(join(directory, name), name, lookText);
  await readTables(join(directory, 'vectors'), lookText);
  return Object.fromEntries([...found].map(([name, places]) => [name, [...places].sort()]));
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
}

function gone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function placeOf(file: string): string {
  const kind = /\/(original|parsed)-[0-9a-f-]+$/.exec(file)?.[1];
  if (kind !== undefined) return `blobs ${kind}`;
  const part = /\.lance\/(data|_indices|_deletions|_versions|_transactions)\//.exec(file)?.[1];
  if (part !== undefined) return `vectors ${part.replace('_', '')}`;
  // A write-ahead log holds pages of its database.
  const database = /^(\w+\.db)(-wal|-shm)?$/.exec(file)?.[1];
  return database === undefined ? file : `${database} (pages)`;
}

function readRows(file: string, name: string, look: (place: string, text: string) => void): void {
  const db = new Libsql(file, { readonly: true });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[];
    for (const table of tables) {
      for (const row of db.prepare(`SELECT * FROM "${table.name}"`).all() as Record<string, unknown>[]) {
        for (const [column, value] of Object.entries(row)) {
          if (typeof value === 'string') look(`${name} ${table.name}.${column}`, value);
        }
      }
    }
  } finally {
    db.close();
  }
}

async function readTables(directory: string, look: (place: string, text: string) => void): Promise<void> {
  const connection = await connect(directory);
  try {
    for (const name of await connection.tableNames()) {
      const versions = await unlessGone(async () => (await connection.openTable(name)).listVersions());
      for (const { version } of versions ?? []) {
        const rows = await unlessGone(() => rowsOf(connection, name, version));
        for (const row of rows ?? []) {
          look(`vectors rows`, JSON.stringify([row['payload'], row['terms'], row['title'], row['key']]));
        }
      }
    }
  } finally {
    connection.close();
  }
}

async function rowsOf(connection: Connection, name: string, version: number): Promise<Record<string, unknown>[]> {
  const table = await connection.openTable(name);
  try {
    await table.checkout(version);
    return (await table.query().toArray()) as Record<string, unknown>[];
  } finally {
    table.close();
  }
}

/** The engine drops tables and cleans versions up between any two steps of a reader that it does not know of. */
async function unlessGone<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!/not found|does not exist|No such/i.test(String(error))) throw error;
    return undefined;
  }
}
