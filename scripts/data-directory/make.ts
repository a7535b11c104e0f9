import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FootnoteClient } from '../../src/client/index.js';
import type { ConfigInput } from '../../src/engine.js';
import { openEngine, readServerFile } from '../../src/engine.js';

/** What a data directory of the time must still give. */
export interface DirectoryFacts {
  readonly version: string;
  /** Files of the folder that the source `notes` reads, by name. */
  readonly notes: Readonly<Record<string, string>>;
  readonly collections: Readonly<
    Record<
      string,
      { readonly export: string; readonly chunks: number; readonly documents: Readonly<Record<string, number>> }
    >
  >;
  readonly citations: { readonly current: string; readonly replaced: string };
  readonly secret: string;
  /** Documents of the collection `handbook`, by key. */
  readonly keys: { readonly deleted: string; readonly failed: string; readonly restricted: string };
  readonly deadLetter: string;
  readonly generations: { readonly live: string; readonly retired: string };
}

export const HANDBOOK = 'handbook';
const LETTERS = 'letters';

const NOTES = {
  'tide.md': '# Tides\n\nThe tide table hangs by the door.\n\n## Springs\n\nAt new moon the quay floods.\n',
  'fog.txt': 'The fog bell rings twice a minute.\n',
  'stock.csv': 'item,count\nlamp oil,12\nwicks,40\n',
};

/** The configuration under which such a directory is made and opened; `base` holds the folder `notes`. */
export function directoryConfig(data: string, base: string): ConfigInput {
  return {
    data,
    http: { port: 0 },
    embedding: { model: 'test-hash' },
    log: { level: 'silent' },
    sources: [
      {
        collection: HANDBOOK,
        source: 'notes',
        connector: 'files',
        options: { paths: ['notes'] },
        base,
        everyMs: 3_600_000,
      },
    ],
  };
}

export async function writeNotes(base: string, notes: DirectoryFacts['notes']): Promise<void> {
  await mkdir(join(base, 'notes'), { recursive: true });
  for (const [name, text] of Object.entries(notes)) await writeFile(join(base, 'notes', name), text);
}

/** SHA-256 over the lines of the canonical export, and how many there are. */
export async function exported(
  client: FootnoteClient,
  collection: string,
): Promise<{ export: string; chunks: number }> {
  const hash = createHash('sha256');
  let chunks = 0;
  for await (const line of client.export(collection)) {
    hash.update(`${JSON.stringify(line)}\n`);
    chunks += 1;
  }
  return { export: hash.digest('hex'), chunks };
}

/** Makes a data directory with something of everything that is stored. */
export async function makeDirectory(data: string, base: string): Promise<DirectoryFacts> {
  await writeNotes(base, NOTES);
  const engine = await openEngine(directoryConfig(data, base));
  try {
    await engine.connect.once({}, new AbortController().signal);
    const { url } = await engine.serve();
    const { token } = (await readServerFile(data))!;
    const client = new FootnoteClient({ url, key: token });
    const wait = { wait: true } as const;
    const put = (collection: string, key: string, content: string, contentType = 'text/markdown') =>
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
    const { secret } = await client.createKey({
      scopes: ['read', 'write'],
      principals: ['keeper'],
      label: 'of the fixture',
    });
    const { collections, version } = await client.status();
    const [letter] = (await client.listDeadLetters(HANDBOOK)).deadLetters;
    const facts: Record<string, DirectoryFacts['collections'][string]> = {};
    for (const name of [HANDBOOK, LETTERS])
      facts[name] = { ...(await exported(client, name)), documents: collections[name]!.documents };
    return {
      version,
      notes: NOTES,
      collections: facts,
      citations: { current, replaced },
      secret,
      keys: { deleted: 'gone.md', failed: 'report.pdf', restricted: 'closed.md' },
      deadLetter: letter!.id,
      generations: { live, retired },
    };
  } finally {
    await engine.close();
  }
}
