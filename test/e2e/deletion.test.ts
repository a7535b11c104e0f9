import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/core/schemas/jobs.js';
import type { CanonicalChunk } from '../../src/core/schemas/operations.js';
import type { SearchResult } from '../../src/core/schemas/query.js';
import { temporaryFolder } from '../support/fixtures.js';
import type { Canaries } from '../support/scan/scan.js';
import { scan } from '../support/scan/scan.js';
import type { ServedEngine } from '../support/served-engine.js';
import { serveEngine } from '../support/served-engine.js';

/** What docs/operations.md promises for everything but the log and the tombstone's own name. */
const BOUND_MS = 120_000;
/** Beyond the bound, for a machine that does much else. */
const PATIENCE_MS = 180_000;

/** One is deleted alone, one with its source, one with its collection. */
const SUBJECTS = { document: 'heronlamp', source: 'tunabrig', collection: 'gulldocs' } as const;
type Subject = keyof typeof SUBJECTS;

let place: Awaited<ReturnType<typeof temporaryFolder>>;
let served: ServedEngine;
let canaries: Canaries;
const below = (name: string): string => join(place.path, name);
/** A word that nothing else holds. */
const canary = (subject: Subject, what: 'word' | 'past' | 'meta' | 'name' | 'dead'): string =>
  `${SUBJECTS[subject]}${what}`;

const body = (word: string): string => `# About ${word}\n\n${`The keeper writes ${word} into the book. `.repeat(40)}\n`;
const brokenPdf = (word: string): string => `%PDF-1.7\n${`${word} `.repeat(40)}\n%%EOF\n`;

async function put(collection: string, key: string, document: object): Promise<void> {
  await served.in(collection)('PUT', '/sources/{source}/documents/{key}', {
    params: { source: 'api', key },
    query: { wait: 'true' },
    json: document,
    headers: { 'content-type': 'application/vnd.footnote.document+json' },
  });
}

/** Two good versions, then one that can't be parsed: the second stays visible, a dead letter holds the third. */
async function putSubject(collection: string, subject: Subject): Promise<void> {
  const meta = canary(subject, 'meta');
  const document = {
    title: meta,
    uri: `https://example.org/${meta}`,
    metadata: { about: meta },
    mime: 'text/markdown',
  };
  const key = canary(subject, 'name');
  await put(collection, key, { ...document, text: body(canary(subject, 'past')) });
  await put(collection, key, { ...document, text: body(canary(subject, 'word')) });
  const base64 = Buffer.from(brokenPdf(canary(subject, 'dead'))).toString('base64');
  await put(collection, key, { ...document, mime: 'application/pdf', base64 });
}

async function ingestSubject(collection: string, subject: Subject): Promise<void> {
  const { surface, caller } = served.engine;
  const request = { paths: [below('docs')], metadata: { about: canary(subject, 'meta') } };
  const listed = async (): Promise<void> => {
    for await (const _ of surface.ingest(caller, collection, request, new AbortController().signal)) continue;
  };
  const file = below(`docs/${canary(subject, 'name')}.md`);
  await writeFile(file, body(canary(subject, 'past')));
  await listed();
  await writeFile(file, body(canary(subject, 'word')));
  await writeFile(below(`docs/${canary(subject, 'dead')}.pdf`), brokenPdf(canary(subject, 'dead')));
  await listed();
}

async function ended(made: JobView): Promise<JobView> {
  for (;;) {
    const { body: job } = await served.client.call('GET', '/v1/jobs/{id}', { params: { id: made.id } });
    if (!['queued', 'running', 'paused'].includes((job as JobView).state)) return job as JobView;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The bytes of the vector of each subject's word, and the hash of what was embedded. */
async function derived(): Promise<Canaries> {
  const found: Record<string, Buffer | string> = {};
  const connection = await connect(below('data/vectors'));
  for (const table of await connection.tableNames()) {
    const rows = (await (await connection.openTable(table)).query().toArray()) as {
      payload: string;
      vector_text: Iterable<number>;
    }[];
    for (const subject of Object.keys(SUBJECTS) as Subject[]) {
      const row = rows.find(({ payload }) => payload.includes(canary(subject, 'word')));
      if (!row) continue;
      found[`${subject} vector`] = Buffer.from(Float32Array.from(row.vector_text).buffer);
      found[`${subject} input`] = (JSON.parse(row.payload) as { inputSha256: string }).inputSha256;
    }
  }
  connection.close();
  return found;
}

const scanned = () => scan(below('data'), canaries);
const search = async (collection: string, query: string) =>
  ((await served.in(collection)('POST', '/search', { json: { query, mode: 'lexical' } })).body as SearchResult).hits;

/** What is still there when the bound is over, or nothing as soon as it is. */
async function leftBesides(kept: (canaryName: string, where: string) => boolean): Promise<Record<string, string[]>> {
  const from = Date.now();
  for (;;) {
    const left = Object.entries(await scanned())
      .map(([name, places]) => [name, places.filter((where) => !kept(name, where))] as const)
      .filter(([, places]) => places.length > 0);
    if (left.length === 0 || Date.now() - from > BOUND_MS + PATIENCE_MS) return Object.fromEntries(left);
    await new Promise((resolve) => setTimeout(resolve, 3000));
  }
}

beforeAll(async () => {
  place = await temporaryFolder();
  await mkdir(below('docs'));
  served = await serveEngine(below('data'));
  for (const collection of ['harbour', 'gulldocs-room']) await served.in(collection)('PUT', '', { json: {} });
  for (let n = 0; n < 40; n += 1)
    await put('harbour', `other${n}`, { text: `Lamp ${n} is lit. `.repeat(20), metadata: { about: `lamp ${n}` } });
  await putSubject('harbour', 'document');
  await ingestSubject('harbour', 'source');
  // A retired generation beside the live one.
  const reindexed = await served.in('harbour')('POST', '/reindex', {
    json: { chunker: { targetTokens: 64 }, switch: true },
  });
  expect(await ended(reindexed.body as JobView)).toMatchObject({ state: 'succeeded' });
  await putSubject('gulldocs-room', 'collection');
  const texts = (Object.keys(SUBJECTS) as Subject[]).flatMap((subject) =>
    (['word', 'past', 'meta', 'name', 'dead'] as const).map((what) => [`${subject} ${what}`, canary(subject, what)]),
  );
  canaries = { ...(Object.fromEntries(texts) as Canaries), ...(await derived()) };
}, 120_000);
afterAll(async () => {
  await served.close();
  await place.remove();
});

/** Law 6 over everything that is stored, by reading all of its bytes. */
describe('deletion', () => {
  it('has something to reach in every place', async () => {
    expect(await search('harbour', canary('document', 'word'))).not.toEqual([]);
    // New points come into the search index a moment later.
    const indexed = async (): Promise<boolean> => {
      const now = await scanned();
      return Object.keys(SUBJECTS).every((subject) => now[`${subject} word`]!.includes('vectors terms'));
    };
    await expect.poll(indexed, { timeout: PATIENCE_MS, interval: 500 }).toBe(true);
    const before = await scanned();
    for (const subject of Object.keys(SUBJECTS) as Subject[]) {
      const where = (what: string): string[] => before[`${subject} ${what}`]!;
      expect(where('word')).toEqual(
        expect.arrayContaining(['blobs original', 'blobs parsed', 'vectors data', 'vectors rows', 'vectors terms']),
      );
      expect(where('past')).toEqual(expect.arrayContaining(['blobs parsed']));
      expect(where('meta')).toEqual(
        expect.arrayContaining([
          ...['catalog.db heads.event', 'catalog.db documents.seen', 'catalog.db documents.visible'],
          ...['log.db events.event', 'vectors rows', 'vectors indices'],
        ]),
      );
      expect(where('name')).toEqual(expect.arrayContaining(['catalog.db heads.key', 'log.db events.event']));
      expect(where('dead')).toEqual(expect.arrayContaining(['blobs original']));
      expect(where('vector')).toEqual(expect.arrayContaining(['vectors data', 'cache.db (pages)']));
      expect(where('input')).toEqual(expect.arrayContaining(['vectors rows', 'cache.db vectors.input']));
    }
    expect(before['document meta']).toContain('log.db dead_letters.event');
    expect(before['source dead']).toContain('log.db dead_letters.event');
    expect(before['source name']).toContain('catalog.db inventory.key');
    expect(before['collection name']!.some((name) => name.includes('(name)'))).toBe(false);
  });

  it('reaches every place within its bound, but for the log and the names that tombstones keep', async () => {
    const harbour = served.in('harbour');
    await harbour('DELETE', '/sources/{source}/documents/{key}', {
      params: { source: 'api', key: canary('document', 'name') },
      query: { wait: 'true' },
    });
    const job = await harbour('DELETE', '/sources/{source}', { params: { source: 'files' } });
    expect(await ended(job.body as JobView)).toMatchObject({ state: 'succeeded' });
    await served.in('gulldocs-room')('DELETE', '');
    expect(await search('harbour', canary('document', 'word'))).toEqual([]);

    expect(await leftBesides(keptFor)).toEqual({});
    expect(((await harbour('GET', '/export')).body as CanonicalChunk[]).length).toBe(40);
  });

  it('reaches the log and the names when their time is over', async () => {
    await served.close();
    const none = { revisionDays: 0, logDays: 0, deadLetterDays: 0, tombstoneDays: 0, jobDays: 0 };
    served = await serveEngine(below('data'), { retention: none });
    const { surface, caller } = served.engine;
    const made = await surface.maintain(caller, new AbortController().signal);
    expect(await ended(made)).toMatchObject({ state: 'succeeded', result: { tombstones: 3 } });
    expect(await leftBesides(() => false)).toEqual({});

    // The name is free again, for what is newer only.
    await put('harbour', canary('document', 'name'), { text: body(canary('document', 'word')) });
    expect(await search('harbour', canary('document', 'word'))).not.toEqual([]);
  });
});

/** What a stated retention keeps: events as they were appended, and what a tombstone says of itself. */
function keptFor(canaryName: string, where: string): boolean {
  if (canaryName.startsWith('collection ')) return false;
  const inLog = /^log\.db (events\.event|\(pages\))$/.test(where);
  if (canaryName.endsWith(' meta')) return inLog;
  const tombstone = /^catalog\.db (heads|documents)\.|^catalog\.db \(pages\)$/.test(where);
  return (canaryName.endsWith(' name') || canaryName === 'source dead') && (inLog || tombstone);
}
