import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SqliteDatabase } from '../../src/adapters/sqlite/database.js';
import { FootnoteClient } from '../../src/client/index.js';
import { openEngine, readServerFile } from '../../src/engine.js';
import type { DirectoryFacts } from './facts.js';
import { HANDBOOK, directoryConfig, exported, writeSources } from './facts.js';
import { filesOfFormats } from './formats.js';

const LETTERS = 'letters';
const GONE = 'mast.txt';

const NOTES = {
  'tide.md': '# Tides\n\nThe tide table hangs by the door.\n\n## Springs\n\nAt new moon the quay floods.\n',
  'fog.txt': 'The fog bell rings twice a minute.\n',
  'stock.csv': 'item,count\nlamp oil,12\nwicks,40\n',
};

const REPOSITORY = {
  'rules.md': '# Rules\n\nThe watch is never left.\n',
  'src/signal.py': 'def signal(flag):\n    """Hoist a flag."""\n    return flag.hoist()\n',
};

/** Makes a data directory with something of everything that is stored. */
export async function makeDirectory(data: string, base: string): Promise<DirectoryFacts> {
  const sources = { notes: NOTES, repository: REPOSITORY };
  await writeSources(base, { ...sources, notes: { ...NOTES, [GONE]: 'The signal mast will be taken down.\n' } });
  const engine = await openEngine(directoryConfig(data, base, sources));
  try {
    const { signal } = new AbortController();
    await engine.connect.once({}, signal);
    const before = await engine.surface.documents.list(engine.caller, HANDBOOK, { limit: 100, key: GONE }, signal);
    await rm(join(base, 'notes', GONE));
    await engine.connect.once({}, signal);
    const { url } = await engine.serve();
    const { token } = (await readServerFile(data))!;
    const client = new FootnoteClient({ url, key: token });
    const wait = { wait: true } as const;
    const put = (collection: string, key: string, content: string | Uint8Array, contentType = 'text/markdown') =>
      client.putDocument(collection, { key }, { content, contentType }, wait).catch((error: unknown) => {
        // What can't be parsed is answered as an error, and kept.
        if ((error as { status?: number }).status !== 422) throw error;
      });
    await client.putCollection(LETTERS, { defaultPolicy: { principals: ['keeper', 'local'] } });

    await put(HANDBOOK, 'lamp.md', '# The lamp\n\nIt is oiled at dusk.\n');
    const replaced = (await client.search(HANDBOOK, { query: 'oiled dusk', mode: 'lexical' })).hits[0]!.citation.id;
    await put(
      HANDBOOK,
      'lamp.md',
      '# The lamp\n\nIt is oiled at dawn, and trimmed.\n\n| part | age |\n| --- | --- |\n| wick | 2 |\n',
    );
    await put(
      HANDBOOK,
      'page.html',
      '<title>Boats</title><main><h1>Boats</h1><p>Two dinghies.</p></main>',
      'text/html',
    );
    for (const [key, { content, mime }] of Object.entries(filesOfFormats())) await put(HANDBOOK, key, content, mime);
    await put(HANDBOOK, 'gone.md', '# Gone\n\nThe old pier.\n');
    await client.deleteDocumentByKey(HANDBOOK, { key: 'gone.md' }, wait);
    await put(HANDBOOK, 'report.pdf', '# Last good\n\nThe report of March.\n');
    await put(HANDBOOK, 'report.pdf', '%PDF-1.7\nnothing\n%%EOF\n', 'application/pdf');
    await put(HANDBOOK, 'closed.md', '# Closed\n\nWages of the keepers.\n');
    const { documentId } = await client.getDocumentByKey(HANDBOOK, { key: 'closed.md' });
    await client.patchDocument(
      HANDBOOK,
      documentId,
      { policy: { principals: ['board'] }, metadata: { year: 2026 } },
      wait,
    );
    for (let n = 0; n < 5; n += 1)
      await put(LETTERS, `letter-${n}`, `Letter ${n} 😀 tells of ${'wind and rain '.repeat(n + 3)}.\n`);

    const retired = (await client.getRelease(HANDBOOK)).generation;
    await client.waitForJob((await client.reindex(HANDBOOK, { chunker: { targetTokens: 24 }, switch: true })).id);
    const live = (await client.getRelease(HANDBOOK)).generation;
    await put(HANDBOOK, 'after.md', '# After\n\nWritten after the switch.\n');
    const current = (await client.search(HANDBOOK, { query: 'oiled trimmed', mode: 'lexical' })).hits[0]!.citation.id;
    const rights = { scopes: ['read' as const, 'write' as const], principals: ['keeper'] };
    const { secret } = await client.createKey({ ...rights, label: 'of the fixture' });
    const revoked = await client.createKey({ ...rights, label: 'of the fixture, revoked' });
    await client.revokeKey(revoked.key.id);
    await client.setRelease(HANDBOOK, { generation: retired });
    const ofRetired = await exported(client, HANDBOOK);
    await client.setRelease(HANDBOOK, { generation: live });
    const { collections, version } = await client.status();
    const [letter] = (await client.listDeadLetters(HANDBOOK)).deadLetters;
    const facts: Record<string, DirectoryFacts['collections'][string]> = {};
    for (const name of [HANDBOOK, LETTERS])
      facts[name] = { ...(await exported(client, name)), documents: collections[name]!.documents };
    await engine.close();
    return {
      version,
      ...sources,
      formats: Object.fromEntries(Object.entries(filesOfFormats()).map(([key, { words }]) => [key, words])),
      gone: { key: GONE, documentId: before.documents[0]!.documentId, event: eventOf(data, GONE) },
      revoked: revoked.secret,
      collections: facts,
      citations: { current, replaced },
      secret,
      keys: { deleted: 'gone.md', failed: 'report.pdf', restricted: 'closed.md' },
      deadLetter: letter!.id,
      generations: { live, retired },
      ofRetired,
    };
  } finally {
    await engine.close();
  }
}

/** The first event of a document, as the log holds it. */
function eventOf(data: string, key: string): string {
  const log = new SqliteDatabase(join(data, 'log.db'), { synchronous: 'FULL' });
  try {
    const sql = "SELECT event FROM events WHERE json_extract(event, '$.key') = ? ORDER BY rowid";
    return log.rows<{ event: string }>(sql, [key])[0]!.event;
  } finally {
    log.close();
  }
}
