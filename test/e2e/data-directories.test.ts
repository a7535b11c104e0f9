import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unpackFolder } from '../../scripts/data-directory/archive.js';
import type { DirectoryFacts } from '../../scripts/data-directory/make.js';
import { HANDBOOK, directoryConfig, exported, makeDirectory, writeNotes } from '../../scripts/data-directory/make.js';
import { FootnoteClient } from '../../src/client/index.js';
import { SqliteDatabase } from '../../src/adapters/sqlite/database.js';
import type { Engine } from '../../src/engine.js';
import { openEngine, readServerFile } from '../../src/engine.js';
import { temporaryFolder } from '../support/fixtures.js';

const KEPT = new URL('../fixtures/data-directories/', import.meta.url);
const NEVER = new AbortController().signal;
const names = (await readdir(KEPT)).filter((name) => name.endsWith('.json.gz')).sort();

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let engine: Engine | undefined;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  await engine?.close();
  engine = undefined;
  await folder.remove();
});
const data = () => join(folder.path, 'data');

async function unpack(name: string): Promise<DirectoryFacts> {
  const facts = await unpackFolder<DirectoryFacts>(await readFile(new URL(name, KEPT)), data());
  await writeNotes(folder.path, facts.notes);
  return facts;
}

/** The operator's client of a server on the directory. */
async function serve(): Promise<{ client: FootnoteClient; url: string }> {
  engine = await openEngine(directoryConfig(data(), folder.path));
  const { url } = await engine.serve();
  return { url, client: new FootnoteClient({ url, key: (await readServerFile(data()))!.token }) };
}

/** Directories that earlier versions wrote, as they were; docs/operations.md says when one is added. */
describe.each(names)('the data directory %s', (name) => {
  it('holds what its version put there', async () => {
    const facts = await unpack(name);
    const { client } = await serve();
    const { collections } = await client.status();
    for (const [collection, { documents, ...rows }] of Object.entries(facts.collections)) {
      expect(collections[collection]!.documents, collection).toEqual(documents);
      expect(await exported(client, collection), collection).toEqual(rows);
      for await (const event of client.verify(collection))
        expect(event, JSON.stringify(event)).toMatchObject({ type: 'summary', ok: true });
    }
    const { current, replaced } = facts.citations;
    const { results } = await client.verifyCitations(HANDBOOK, { citations: [current, replaced] });
    expect(results).toMatchObject([
      { valid: true, current: true },
      { valid: true, current: false, reason: 'superseded' },
    ]);
    const [hit] = (await client.search(HANDBOOK, { query: 'wicks count', mode: 'lexical' })).hits;
    expect(hit).toMatchObject({ source: 'notes', key: expect.stringContaining('stock.csv') as string });
  });

  it('keeps keys, permissions, failures and deletions', async () => {
    const facts = await unpack(name);
    const { client, url } = await serve();
    const keeper = new FootnoteClient({ url, key: facts.secret });
    expect((await keeper.search('letters', { query: 'letter wind' })).hits).not.toEqual([]);
    expect((await keeper.search(HANDBOOK, { query: 'wages keepers', mode: 'lexical' })).hits).toEqual([]);
    expect((await client.search(HANDBOOK, { query: 'wages', mode: 'lexical' })).hits).toEqual([]);

    const { deleted, failed } = facts.keys;
    await expect(client.getDocumentByKey(HANDBOOK, { key: deleted })).rejects.toMatchObject({ status: 404 });
    expect(await client.getDocumentByKey(HANDBOOK, { key: failed })).toMatchObject({ state: 'failed' });
    expect((await client.search(HANDBOOK, { query: 'report of march', mode: 'lexical' })).hits[0]).toMatchObject({
      key: failed,
    });
    expect(await client.replayDeadLetter(HANDBOOK, facts.deadLetter)).toMatchObject({ outcome: 'failed' });
  });

  it('goes on: sources are known, generations switch, changes are applied', async () => {
    const facts = await unpack(name);
    engine = await openEngine(directoryConfig(data(), folder.path));
    const once = await engine.connect.once({}, NEVER);
    // The folder is another one, so addresses have changed; keys have not.
    expect(once).toMatchObject([{ last: { counts: { sent: 3, deleted: 0 } } }]);
    await engine.close();
    const { client } = await serve();

    const { live, retired } = facts.generations;
    expect((await client.setRelease(HANDBOOK, { generation: retired })).generation).toBe(retired);
    expect((await client.search(HANDBOOK, { query: 'after switch', mode: 'lexical' })).hits[0]).toMatchObject({
      key: 'after.md',
    });
    expect((await client.setRelease(HANDBOOK, { generation: live })).generation).toBe(live);
    const content = { content: 'A new mooring.', contentType: 'text/plain' };
    for (const key of ['new.md', facts.keys.deleted, facts.keys.failed]) {
      expect(await client.putDocument(HANDBOOK, { key }, content, { wait: true })).toMatchObject({ state: 'live' });
    }
    for await (const event of client.verify(HANDBOOK)) expect(event).toMatchObject({ type: 'summary', ok: true });
  });
});

describe('the newest kept data directory', () => {
  it('is of the formats that this version writes: otherwise add one (scripts/data-directory.ts)', async () => {
    await unpack(names.at(-1)!);
    const kept = data();
    const made = join(folder.path, 'made');
    await makeDirectory(made, folder.path);
    for (const file of ['catalog.db', 'log.db', 'cache.db']) {
      expect(shapesOf(join(kept, file)), file).toEqual(shapesOf(join(made, file)));
    }
    expect(JSON.parse(await readFile(join(kept, 'format.json'), 'utf8'))).toMatchObject({
      format: (JSON.parse(await readFile(join(made, 'format.json'), 'utf8')) as { format: number }).format,
    });
  });
});

/** A database's tables and indexes as they were declared, and its format numbers. */
function shapesOf(file: string): unknown {
  const db = new SqliteDatabase(file, { synchronous: 'FULL' });
  try {
    return {
      declared: db.rows('SELECT type, name, sql FROM sqlite_master ORDER BY type, name'),
      formats: db.rows("SELECT name, value FROM meta WHERE name LIKE '%format%' ORDER BY name"),
    };
  } finally {
    db.close();
  }
}
