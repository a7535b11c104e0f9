import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src/core/config.js';
import type { CitationChecks } from '../../src/core/schemas/citations.js';
import type { CanonicalChunk } from '../../src/core/schemas/operations.js';
import type { SearchResult } from '../../src/core/schemas/query.js';
import { temporaryFolder } from '../support/fixtures.js';
import { ingest } from '../support/ingest.js';
import type { ServedEngine } from '../support/served-engine.js';
import { serveEngine } from '../support/served-engine.js';

const PARAGRAPHS = 60;

/** A long document with a heading every ten paragraphs; one paragraph may be another. */
function long(edited?: number): string {
  const sections: string[] = ['# The log of the buoy'];
  for (let n = 0; n < PARAGRAPHS; n += 1) {
    if (n % 10 === 0) sections.push(`## Watch ${n / 10 + 1}`);
    const words = Array.from({ length: 24 }, (_, word) => `word${n}x${word}`).join(' ');
    sections.push(n === edited ? `The tern landed, ${words}.` : `The gull landed, ${words}.`);
  }
  return `${sections.join('\n\n')}\n`;
}

/** What a folder goes through, on whatever stores the configuration names. */
export function describeFolder(name: string, config: ConfigInput): void {
  describe(`a folder over its life: ${name}`, () => {
    let data: Awaited<ReturnType<typeof temporaryFolder>>;
    let docs: Awaited<ReturnType<typeof temporaryFolder>>;
    let served: ServedEngine;
    let call: ReturnType<ServedEngine['in']>;
    beforeAll(async () => {
      [data, docs] = await Promise.all([temporaryFolder(), temporaryFolder()]);
      await write('long.md', long());
      await write('short.md', '# Short\n\nThe anchor weighs forty kilos.\n');
      await write(
        'page.html',
        '<html><body><main><h1>Page</h1><p>The lamp is a Fresnel lens.</p></main></body></html>',
      );
      served = await serveEngine(data.path, config);
      call = served.in('buoy');
      await call('PUT', '', { json: {} });
    });
    afterAll(async () => {
      await served.close();
      await Promise.all([data.remove(), docs.remove()]);
    });

    /** Older than the grain of time stamps, as files that people ingest are. */
    async function write(name: string, text: string, minutesAgo = 60): Promise<void> {
      const path = join(docs.path, name);
      await writeFile(path, text);
      const at = new Date(Date.now() - minutesAgo * 60_000);
      await utimes(path, at, at);
    }
    const dump = async () => (await call('GET', '/export')).body as CanonicalChunk[];
    const search = async (query: string, mode = 'lexical') =>
      ((await call('POST', '/search', { json: { query, mode } })).body as SearchResult).hits;
    const verify = async (...ids: string[]) =>
      ((await call('POST', '/citations/verify', { json: { citations: ids } })).body as CitationChecks).results;

    let first: CanonicalChunk[];
    let cited: string;

    it('is indexed whole and found in every mode', async () => {
      const { summary, lines } = await ingest(served.engine, 'buoy', docs.path);
      expect(summary).toMatchObject({ files: 3, indexed: 3, unchanged: 0, skipped: 0, failed: 0, deleted: 0 });
      expect(summary.embedded).toBe(summary.chunks);
      expect(lines['long.md']).toMatchObject({ outcome: 'indexed', mime: 'text/markdown', chars: long().length });
      first = await dump();
      expect(first).toHaveLength(summary.chunks);
      expect((await search('Fresnel lens'))[0]).toMatchObject({ key: 'page.html' });
      // Only one passage holds these words: whatever hashes say of it, it is among the first.
      expect((await search('Fresnel lens', 'hybrid')).map(({ key }) => key)).toContain('page.html');
      // Hashes have no meaning: a chunk's very input is what its vector is near to.
      const short = (await call('GET', '/documents', { query: { key: 'short.md' } })).body as {
        documents: { documentId: string }[];
      };
      const { documentId } = short.documents[0]!;
      const { chunks } = (await call('GET', '/documents/{documentId}/chunks', { params: { documentId } })).body as {
        chunks: { text: string; context?: string }[];
      };
      const input = `${chunks[0]!.context ?? ''}${chunks[0]!.text}`;
      expect((await search(input, 'dense'))[0]).toMatchObject({ key: 'short.md' });
      const [hit] = await search('tern gull word30x5');
      cited = hit!.citation.id;
      expect(await verify(cited)).toEqual([{ id: cited, valid: true, current: true }]);
    });

    it('embeds nothing and keeps every id when nothing changed, touched files included', async () => {
      const again = await ingest(served.engine, 'buoy', docs.path);
      expect(again.summary).toMatchObject({ files: 3, unchanged: 3, indexed: 0, embedded: 0 });
      await write('long.md', long(), 30);
      const touched = await ingest(served.engine, 'buoy', docs.path);
      expect(touched.summary).toMatchObject({ unchanged: 3, indexed: 0, embedded: 0 });
      expect(await dump()).toEqual(first);
    });

    it('embeds only the chunks that an edited paragraph changed', async () => {
      await write('long.md', long(35), 20);
      const { summary, lines } = await ingest(served.engine, 'buoy', docs.path);
      expect(summary).toMatchObject({ indexed: 1, unchanged: 2 });
      const chunks = lines['long.md']!.chunks!;
      expect(chunks).toBeGreaterThan(10);
      const inputs = new Set(first.map(({ inputSha256 }) => inputSha256));
      const changed = (await dump()).filter(({ inputSha256 }) => !inputs.has(inputSha256));
      expect(changed).toHaveLength(1);
      expect(summary.embedded).toBe(1);
      expect((await search('tern'))[0]).toMatchObject({ key: 'long.md' });
    });

    it('calls a citation of the replaced text superseded, and valid still', async () => {
      expect(await verify(cited)).toEqual([{ id: cited, valid: true, current: false, reason: 'superseded' }]);
      await write('long.md', long(), 15);
      // What the edit took away was forgotten, its vector too.
      expect((await ingest(served.engine, 'buoy', docs.path)).summary).toMatchObject({ indexed: 1, embedded: 1 });
      expect(await verify(cited)).toEqual([{ id: cited, valid: true, current: true }]);
      expect(await dump()).toEqual(first);
    });

    it('tells a forged quote from what stands there, and knows nothing of other collections', async () => {
      const [hit] = await search('anchor');
      const { documentId, revision, span } = hit!.citation;
      const citations = [
        { documentId, revision, span, quote: hit!.citation.quote },
        { documentId, revision, span, quote: 'The anchor weighs nothing.' },
        { documentId, revision, span: { start: 0, end: 1_000_000 } },
        'c1-no-such-thing',
      ];
      const ask = async (within: ReturnType<ServedEngine['in']>) =>
        ((await within('POST', '/citations/verify', { json: { citations } })).body as CitationChecks).results.map(
          ({ valid, reason }) => reason ?? valid,
        );
      expect(await ask(call)).toEqual([true, 'mismatch', 'mismatch', 'not_found']);
      await served.client.call('PUT', '/v1/collections/{c}', { params: { c: 'other' }, json: {} });
      expect(await ask(served.in('other'))).toEqual(['not_found', 'not_found', 'not_found', 'not_found']);
    });

    it('forgets a file that has gone, and calls its citations deleted', async () => {
      const [hit] = await search('anchor');
      await rm(join(docs.path, 'short.md'));
      const { summary, lines } = await ingest(served.engine, 'buoy', docs.path);
      expect(summary).toMatchObject({ files: 3, unchanged: 2, deleted: 1 });
      expect(lines['short.md']).toMatchObject({ outcome: 'deleted' });
      expect(await search('anchor')).toEqual([]);
      expect(await verify(hit!.citation.id)).toEqual([
        { id: hit!.citation.id, valid: false, current: false, reason: 'deleted' },
      ]);
      expect((await dump()).map(({ key }) => key)).not.toContain('short.md');
      await write('short.md', '# Short\n\nThe anchor weighs forty kilos.\n', 10);
      expect((await ingest(served.engine, 'buoy', docs.path)).summary).toMatchObject({ indexed: 1 });
      expect(await dump()).toEqual(first);
    });

    it('takes other metadata of unchanged files, and embeds nothing for it', async () => {
      const withMetadata = async (metadata?: { year: number }) => {
        const request = { paths: [docs.path], ...(metadata ? { metadata } : {}) };
        const { surface, caller } = served.engine;
        for await (const event of surface.ingest(caller, 'buoy', request, new AbortController().signal)) {
          if (event.type === 'summary') return event;
        }
        throw new Error('the ingestion ended without a summary');
      };
      expect(await withMetadata({ year: 2024 })).toMatchObject({ indexed: 3, unchanged: 0, embedded: 0 });
      expect((await search('anchor'))[0]).toMatchObject({ metadata: { year: 2024 } });
      expect(await withMetadata({ year: 2024 })).toMatchObject({ indexed: 0, unchanged: 3 });
      expect(await withMetadata()).toMatchObject({ indexed: 3, embedded: 0 });
      expect(await dump()).toEqual(first);
    });

    it('stays as it is over a restart', async () => {
      await served.close();
      served = await serveEngine(data.path, config);
      call = served.in('buoy');
      expect(await dump()).toEqual(first);
      expect((await ingest(served.engine, 'buoy', docs.path)).summary).toMatchObject({ unchanged: 3, embedded: 0 });
      const report = (await call('POST', '/verify', {})).body as { type: string }[];
      expect(report.at(-1)).toMatchObject({ type: 'summary', ok: true, problems: 0 });
    });

    it('has the same index as on the embedded stores', async () => {
      const folder = await temporaryFolder();
      const embedded = await serveEngine(folder.path);
      await embedded.in('buoy')('PUT', '', { json: {} });
      await ingest(embedded.engine, 'buoy', docs.path);
      const there = (await embedded.in('buoy')('GET', '/export')).body as CanonicalChunk[];
      expect(await dump()).toEqual(there);
      await embedded.close();
      await folder.remove();
    });
  });
}
