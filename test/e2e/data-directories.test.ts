import { readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@lancedb/lancedb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unpackFolder } from '../../scripts/data-directory/archive.js';
import type { DirectoryFacts } from '../../scripts/data-directory/facts.js';
import { HANDBOOK, directoryConfig, exported, writeSources } from '../../scripts/data-directory/facts.js';
import { makeDirectory } from '../../scripts/data-directory/make.js';
import type { Place } from '../../scripts/data-directory/place.js';
import { takePlace } from '../../scripts/data-directory/place.js';
import { FootnoteClient } from '../../src/client/index.js';
import { openSqliteLog } from '../../src/adapters/log/sqlite/index.js';
import { SqliteDatabase } from '../../src/adapters/sqlite/database.js';
import { decodeEvent } from '../../src/core/event-codec.js';
import { streamOf } from '../../src/core/generation.js';
import type { Engine } from '../../src/engine.js';
import { openEngine, readServerFile } from '../../src/engine.js';
import { temporaryFolder } from '../support/fixtures.js';

const KEPT = new URL('../fixtures/data-directories/', import.meta.url);
const NEVER = new AbortController().signal;
const ENDING = '.json.gz';
/** Oldest first. */
const names = (await readdir(KEPT))
  .filter((name) => name.endsWith(ENDING))
  .map((name) => name.slice(0, -ENDING.length))
  .sort();

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let engine: Engine | undefined;
let place: Place | undefined;
let facts: DirectoryFacts;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  await engine?.close();
  engine = undefined;
  await place?.release();
  place = undefined;
  await folder.remove();
});
const data = () => join(folder.path, 'data');

/** The first ones were made with sources in a folder that is gone: theirs lie elsewhere now. */
const base = () => place?.sources ?? folder.path;
const config = () => directoryConfig(data(), base(), facts);

async function unpack(name: string): Promise<DirectoryFacts> {
  facts = await unpackFolder<DirectoryFacts>(await readFile(new URL(`${name}${ENDING}`, KEPT)), data());
  if (facts.repository) place = await takePlace();
  await writeSources(base(), facts);
  return facts;
}

/** The operator's client of a server on the directory. */
async function serve(): Promise<{ client: FootnoteClient; url: string }> {
  engine = await openEngine(config());
  const { url } = await engine.serve();
  return { url, client: new FootnoteClient({ url, key: (await readServerFile(data()))!.token }) };
}

/** Directories that earlier versions wrote, as they were; docs/stored-shapes.md says when one is added. */
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
    for (const [key, query] of Object.entries(facts.formats ?? {})) {
      expect((await client.search(HANDBOOK, { query, mode: 'lexical' })).hits[0], query).toMatchObject({ key });
    }
  });

  it('keeps keys, permissions, failures and deletions', async () => {
    const facts = await unpack(name);
    const { client, url } = await serve();
    const keeper = new FootnoteClient({ url, key: facts.secret });
    expect((await keeper.search('letters', { query: 'letter wind' })).hits).not.toEqual([]);
    expect((await keeper.search(HANDBOOK, { query: 'wages keepers', mode: 'lexical' })).hits).toEqual([]);
    expect((await client.search(HANDBOOK, { query: 'wages', mode: 'lexical' })).hits).toEqual([]);
    if (facts.revoked !== undefined) {
      const revoked = new FootnoteClient({ url, key: facts.revoked });
      await expect(revoked.search('letters', { query: 'letter' })).rejects.toMatchObject({ status: 401 });
    }

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
    engine = await openEngine(config());
    const cursors = async () =>
      (await engine!.surface.connectors.list(engine!.caller, NEVER)).sources.map(({ cursor }) => cursor);
    const before = await cursors();
    const once = (await engine.connect.once({}, NEVER)).map(({ last }) => ({
      ...last?.counts,
      outcome: last?.outcome,
    }));
    const nothing = { sent: 0, deleted: 0, unchanged: 0, skipped: 0, failed: 0, outcome: 'ok' };
    // In another folder addresses have changed; keys have not.
    if (!facts.repository) expect(once).toEqual([{ ...nothing, sent: 3 }]);
    // Files are compared with the inventory; of the repository nothing is listed from its cursor on.
    else expect(once).toEqual([{ ...nothing, unchanged: 3 }, nothing]);
    expect(await cursors()).toEqual(before);
    await engine.close();
    const { client } = await serve();

    const { live, retired } = facts.generations;
    expect((await client.setRelease(HANDBOOK, { generation: retired })).generation).toBe(retired);
    if (facts.ofRetired) expect(await exported(client, HANDBOOK)).toEqual(facts.ofRetired);
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

/** Since there are ones that say how. */
const withGone = names.slice(names.indexOf('catalog-2-texts-1'));

describe.each(withGone)('the data directory %s', (name) => {
  it('holds its tombstones against a late event', async () => {
    const { gone, collections } = await unpack(name);
    const log = openSqliteLog(join(data(), 'log.db'));
    await log.append(streamOf('default', HANDBOOK), [decodeEvent(gone!.event)]);
    await log.close();
    const { client } = await serve();
    while ((await engine!.pending()) > 0) await delay(20);
    const { documents, ...rows } = collections[HANDBOOK]!;
    expect((await client.status()).collections[HANDBOOK]).toMatchObject({ documents, lag: 0 });
    expect(await exported(client, HANDBOOK)).toEqual(rows);
    await expect(client.getDocument(HANDBOOK, gone!.documentId)).rejects.toMatchObject({ status: 404 });
    const { documents: deleted } = await client.listDocuments(HANDBOOK, { state: 'deleted', key: gone!.key });
    expect(deleted).toMatchObject([{ documentId: gone!.documentId }]);
  });
});

describe('the newest kept data directory', () => {
  it('is of the formats that this version writes: otherwise add one (scripts/data-directory.ts)', async () => {
    await unpack(names.at(-1)!);
    const kept = data();
    const made = join(folder.path, 'made');
    await makeDirectory(made, join(folder.path, 'sources'));
    expect(await fileFormats(kept)).toEqual(await fileFormats(made));
    for (const file of ['catalog.db', 'log.db', 'cache.db']) {
      expect(shapesOf(join(kept, file)), file).toEqual(shapesOf(join(made, file)));
    }
  });
});

/** The formats of all that is no database. */
async function fileFormats(directory: string): Promise<unknown> {
  const files = await readdir(directory, { recursive: true });
  const texts = files.filter((file) => basename(file).startsWith('parsed-'));
  const said = await Promise.all(
    ['format.json', 'blobs/format.json', ...texts].map(async (file) => {
      const { format, v } = JSON.parse(await readFile(join(directory, file), 'utf8')) as Record<string, unknown>;
      return format ?? v;
    }),
  );
  return { directory: said[0], blobs: said[1], texts: [...new Set(said.slice(2))], tables: await tables(directory) };
}

/** What tables of vectors say of themselves, and their columns. */
async function tables(directory: string): Promise<string[]> {
  const connection = await connect(join(directory, 'vectors'));
  const said = new Set<string>();
  for (const name of await connection.tableNames()) {
    const schema = await (await connection.openTable(name)).schema();
    said.add(JSON.stringify([schema.metadata.get('footnote'), schema.fields.map((field) => String(field))]));
  }
  connection.close();
  return [...said];
}

/** A database's tables and indexes as they were declared, and its format numbers. */
function shapesOf(file: string): unknown {
  const db = new SqliteDatabase(file, { synchronous: 'FULL' });
  try {
    return {
      declared: db.rows('SELECT type, name, sql FROM sqlite_master ORDER BY type, name'),
      formats: db.rows("SELECT name, value FROM meta WHERE name LIKE '%format%' ORDER BY name"),
      events: basename(file) === 'log.db' ? db.rows("SELECT DISTINCT json_extract(event, '$.v') AS v FROM events") : [],
    };
  } finally {
    db.close();
  }
}
