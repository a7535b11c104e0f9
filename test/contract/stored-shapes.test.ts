import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileBlobs } from '../../src/adapters/blobs/files/index.js';
import { openSqliteVectorCache } from '../../src/adapters/cache/sqlite/index.js';
import { openSqliteCatalog } from '../../src/adapters/catalog/sqlite/index.js';
import { decodeLetter } from '../../src/adapters/log/kafka/letter-codec.js';
import { Registry } from '../../src/adapters/log/kafka/registry.js';
import type { Table, TableRow } from '../../src/adapters/log/kafka/table.js';
import { openSqliteLog } from '../../src/adapters/log/sqlite/index.js';
import { parseManifest } from '../../src/adapters/models/manifest.js';
import { SqliteDatabase } from '../../src/adapters/sqlite/database.js';
import { readSpec, tableSchema } from '../../src/adapters/vectors/lancedb/schema.js';
import { readSpec as readCollection } from '../../src/adapters/vectors/qdrant/schema.js';
import { FootnoteError } from '../../src/core/errors.js';
import { decodeEvent, encodeEvent } from '../../src/core/event-codec.js';
import type { GenerationSpec } from '../../src/core/generation.js';
import { decodeParsed } from '../../src/core/parsed-codec.js';
import { BackupRepository } from '../../src/engine/backup/repository.js';
import { finishRestoring } from '../../src/engine/backup/restore.js';
import type { Storage } from '../../src/engine/storage.js';
import { lockDataDirectory } from '../../src/runtime/data-lock.js';
import { loadRecord } from '../../src/services/connect/record.js';
import { usableCursor } from '../../src/services/listing/state.js';
import { requireKnownTerms } from '../../src/stages/analyze/known.js';
import { decodeCitationId } from '../../src/stages/cite.js';
import { makeEvent, temporaryFolder } from '../support/fixtures.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

const NEWER = '{"format": 99}';
const at = (name: string) => join(folder.path, name);
const buffer = (value: unknown) => Buffer.from(JSON.stringify(value));

/** Makes the file through its own adapter, then raises the format that it carries. */
async function raised(open: () => unknown, file: string, sql: string): Promise<void> {
  await ((await open()) as { close(): Promise<void> }).close();
  const database = new SqliteDatabase(file, { synchronous: 'FULL' });
  database.run(sql);
  database.close();
}

async function backups(): Promise<BackupRepository> {
  const repository = await BackupRepository.create(at('backups'));
  await writeFile(at('file'), 'x');
  const { added: _, ...stored } = await repository.put(at('file'));
  await repository.finish([{ path: 'file', ...stored }], { software: '0.0.0', groups: [] }, new Date(0));
  return repository;
}

/** By its name in the table of docs/stored-shapes.md: meets one that newer software wrote. */
const SHAPES: Readonly<Record<string, () => unknown>> = {
  'data directory': async () => {
    await writeFile(at('format.json'), NEWER);
    await lockDataDirectory(folder.path);
  },
  catalog: async () => {
    const file = at('catalog.db');
    const open = () => openSqliteCatalog(file);
    await raised(open, file, "UPDATE meta SET value = '99' WHERE name = 'catalog.format'");
    await open();
  },
  log: async () => {
    const file = at('log.db');
    const open = () => openSqliteLog(file);
    await raised(open, file, "UPDATE meta SET value = '99' WHERE name = 'format'");
    open();
  },
  'registry of a log': () => {
    let read: (rows: readonly TableRow[]) => void = () => undefined;
    const makeTable = (apply: typeof read): Table => {
      read = apply;
      return { topic: 'footnote.registry' } as Table;
    };
    new Registry(makeTable, () => undefined);
    read([{ key: 'identity/x', value: NEWER, headers: {}, offset: 0n }]);
  },
  'dead letter': () => decodeLetter('x', NEWER),
  event: () => decodeEvent(encodeEvent(makeEvent('a', { v: 99 }))),
  'vector cache': async () => {
    const file = at('cache.db');
    const open = () => openSqliteVectorCache(file);
    await raised(open, file, "UPDATE meta SET value = 99 WHERE name = 'format'");
    open();
  },
  'table of vectors': () => {
    const metadata = new Map([...tableSchema({ text: 2 }).metadata].map(([key]) => [key, '{"format": 99}']));
    readSpec('g-1', metadata);
  },
  'collection of vectors': () => readCollection('g-1', { footnote: { format: 99 } }),
  'terms of a generation': () =>
    requireKnownTerms({ id: 'g-1', spec: { analyzer: { version: '99' } } as GenerationSpec }),
  'layout of blobs': async () => {
    await writeFile(at('format.json'), NEWER);
    await openFileBlobs(folder.path);
  },
  'normalized text': () => decodeParsed(buffer({ v: 99, text: 'x' })),
  'cursor and inventory of a source': () => usableCursor({ v: 99, connector: 'git', at: 1 }, { connector: 'git' }),
  'record of a source': () =>
    loadRecord({ get: async () => '{"v": 99}' }, { tenant: 't', collection: 'c', source: 's' }),
  'collection out of sight': async () => {
    const file = at('catalog.db');
    const sql = `INSERT INTO meta (name, value) VALUES ('aside.["t","c"]', '{"v": 99}')`;
    await raised(() => openSqliteCatalog(file), file, sql);
    const catalog = await openSqliteCatalog(file);
    await catalog.collections.aside('t', 'c').finally(() => catalog.close());
  },
  'folder of backups': async () => {
    await backups();
    await writeFile(join(at('backups'), 'footnote-backups.json'), NEWER);
    await BackupRepository.open(at('backups'));
  },
  backup: async () => {
    const repository = await backups();
    const [name] = await repository.list();
    await writeFile(join(at('backups'), name!, 'manifest.json'), NEWER);
    await repository.read(name!);
  },
  'what is left of a restoration': async () => {
    await writeFile(at('restored.json'), '{"format": 99, "groups": []}');
    await finishRestoring({ directory: folder.path } as Storage);
  },
  'manifest of a model': () => parseManifest({ format: 99, later: true }, 'footnote-model.json'),
};

async function refusal(meet: () => unknown): Promise<FootnoteError> {
  try {
    await meet();
  } catch (error) {
    if (error instanceof FootnoteError) return error;
    throw error;
  }
  throw new Error('It was not refused.');
}

describe('a stored shape of newer software', () => {
  it.each(Object.entries(SHAPES))('is refused with advice: %s', async (_name, meet) => {
    const error = await refusal(meet);
    expect(error).toMatchObject({
      code: 'data_newer',
      message: expect.stringMatching(/99.* reads up to \d+: upgrade Footnote/) as string,
    });
  });

  it('is a citation id: refused as a bad request, since it came with one', () => {
    expect(() => decodeCitationId('c2AAAA')).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: expect.stringContaining('upgrade') as string,
      }) as Error,
    );
  });
});

describe('a stored shape without a readable format', () => {
  it('is told as damaged', async () => {
    expect(() => decodeParsed(Buffer.from('{"v":'))).toThrow(/not readable/);
    expect(() => decodeParsed(Buffer.from('null'))).toThrow(/no readable format/);
    expect(() => decodeEvent('{"v": "x"}')).toThrow(/no readable format/);
    await mkdir(at('blobs'));
    await writeFile(join(at('blobs'), 'format.json'), '[]');
    await expect(openFileBlobs(at('blobs'))).rejects.toMatchObject({ code: 'data_corrupt' });
    await backups();
    await writeFile(join(at('backups'), 'footnote-backups.json'), 'torn');
    await expect(BackupRepository.open(at('backups'))).rejects.toMatchObject({ code: 'data_corrupt' });
  });
});

describe('the table in docs/stored-shapes.md', () => {
  it('has each of them with the number that is written now, and nothing else', async () => {
    const page = await readFile(join(process.cwd(), 'docs/stored-shapes.md'), 'utf8');
    const table = /^(\|[\s\S]*?)\n\n/m.exec(page)?.[1] ?? '';
    const rows = table.split('\n').slice(2);
    const told = rows.map((row) => row.split('|').map((cell) => cell.trim())).map((cells) => [cells[1], cells[4]]);
    const written: [string, string][] = [['id of a citation', '`c1`']];
    for (const [name, meet] of Object.entries(SHAPES)) {
      const { details } = await refusal(meet);
      written.push([name, String(details!['newest'])]);
      await folder.remove();
      await mkdir(folder.path);
    }
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(written));
  });
});
