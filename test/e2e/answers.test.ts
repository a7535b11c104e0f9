import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CitationChecks, MarkedCitation } from '../../src/core/schemas/citations.js';
import type { ContextResult, SearchResult } from '../../src/core/schemas/query.js';
import { temporaryFolder } from '../support/fixtures.js';
import { ingest } from '../support/ingest.js';
import type { ServedEngine } from '../support/served-engine.js';
import { serveEngine } from '../support/served-engine.js';

const SAMPLES = fileURLToPath(new URL('../../samples', import.meta.url));
const SLICER = fileURLToPath(new URL('../support/slice_by_selectors.py', import.meta.url));

/** Characters beyond the basic plane, joined and combined ones, before, inside and after what is found. */
const EMOJI = `# Field notes 🦩

🌊🌊 First the tide tables 🧭, as 👩🏽‍🚀 wrote them: the flood begins at dawn 🌅 and the ebb at noon.

Then the birds 🦜🦜🦜. The oystercatcher 🐦 nests above the wrack line; its eggs 🥚🥚🥚 are speckled – naïve visitors
step on them 😱, so keep to the path 𝒶𝓁𝓌𝒶𝓎𝓈.

${Array.from({ length: 40 }, (_, n) => `${'🪨'.repeat(n % 7)} Boulder ${n} 𠜎 lies ${n * 3} paces from the beacon 🗼.`).join('\n\n')}
`;

let data: Awaited<ReturnType<typeof temporaryFolder>>;
let served: ServedEngine;
let call: ReturnType<ServedEngine['in']>;
beforeAll(async () => {
  data = await temporaryFolder();
  served = await serveEngine(join(data.path, 'data'), { embedding: { model: 'all-MiniLM-L6-v2' } });
  call = served.in('samples');
  await call('PUT', '', { json: {} });
  const notes = join(data.path, 'emoji-🦩.md');
  await writeFile(notes, EMOJI);
  const { summary } = await ingest(served.engine, 'samples', SAMPLES, notes);
  expect(summary).toMatchObject({ files: 9, indexed: 9 });
});
afterAll(async () => {
  await served.close();
  await data.remove();
});

const search = async (query: string, more: object = {}) =>
  (await call('POST', '/search', { json: { query, ...more } })).body as SearchResult;
const context = async (query: string, tokens: number, more: object = {}) =>
  (await call('POST', '/context', { json: { query, budget: { tokens }, ...more } })).body as ContextResult;
const textOf = async (documentId: string) =>
  (await call('GET', '/documents/{documentId}/text', { params: { documentId } })).body as string;

describe('answers with the default model', () => {
  it('find what was asked for in other words, in every mode', async () => {
    for (const [query, mode] of [
      ['what do the birds lay, and why must one take care where to walk?', 'hybrid'],
      ['what do the birds lay, and why must one take care where to walk?', 'dense'],
      ['oystercatcher eggs', 'lexical'],
    ] as const) {
      const { hits, release, timings } = await search(query, { mode });
      expect(hits[0], mode).toMatchObject({ key: 'emoji-🦩.md' });
      expect(hits[0]!.text, mode).toContain('oystercatcher');
      const arms = mode === 'hybrid' ? ['dense', 'lexical'] : [mode];
      expect(Object.keys(hits[0]!.scores), mode).toEqual(expect.arrayContaining(arms));
      expect(release).toMatchObject({ number: 1 });
      expect(timings['total']).toBeGreaterThan(0);
    }
  });

  it('pack a context whose markers lead to passages that stand in the stored text', async () => {
    const answer = await context('Which anchor and chain does the buoy need at a depth of 50 m?', 400);
    expect(answer.tokens).toBeLessThanOrEqual(400);
    expect(answer.confidence).toBeGreaterThan(0);
    expect(answer.explain.used.length).toBeGreaterThan(0);
    expect(answer.citations.length).toBeGreaterThan(0);
    for (const { marker, quote, span, documentId } of answer.citations) {
      expect(answer.context).toContain(marker);
      expect((await textOf(documentId)).slice(span.start, span.end)).toBe(quote);
    }
    const pdf = answer.citations.find(({ key }) => key.endsWith('.pdf'))!;
    expect(pdf.page).toBeGreaterThan(0);
    expect(pdf.boxes!.every(({ page, x0, x1, y0, y1 }) => page >= 1 && x0 < x1 && y0 < y1)).toBe(true);
    expect(pdf.selectors.map(({ type }) => type)).toContain('FragmentSelector');
    const checks = await call('POST', '/citations/verify', { json: { citations: answer.citations } });
    expect((checks.body as CitationChecks).results.every(({ valid, current }) => valid && current)).toBe(true);
  });

  it('find the one passage that holds an identifier nobody else names', async () => {
    const { hits } = await search('𠜎 boulder 37');
    expect(hits[0]).toMatchObject({ key: 'emoji-🦩.md' });
    expect(hits[0]!.text).toContain('Boulder 37');
  });

  it('never cite beyond the budget, whatever it is', async () => {
    for (const tokens of [16, 40, 100, 1000]) {
      const answer = await context('tide and birds', tokens, { filter: { eq: ['key', 'emoji-🦩.md'] } });
      expect(answer.tokens).toBeLessThanOrEqual(tokens);
      expect(answer.citations.every(({ key }) => key === 'emoji-🦩.md')).toBe(true);
    }
  });
});

describe('citations of a text with emoji', () => {
  let text: string;
  const citations: Pick<MarkedCitation, 'quote' | 'span' | 'selectors'>[] = [];
  beforeAll(async () => {
    const filter = { eq: ['key', 'emoji-🦩.md'] };
    const { hits } = await search('oystercatcher beacon boulder flood', { filter, limit: 50 });
    const packed = await context('oystercatcher beacon boulder flood', 1500, { filter });
    citations.push(...hits.map(({ citation }) => citation), ...packed.citations);
    text = await textOf(hits[0]!.documentId);
  });

  it('slice right by UTF-16 code units in JavaScript', () => {
    expect(citations.length).toBeGreaterThan(5);
    for (const { span, quote } of citations) expect(text.slice(span.start, span.end)).toBe(quote);
  });

  it('slice right by their W3C selectors in Python, which counts code points', () => {
    const python = spawnSync('python3', [SLICER], {
      input: JSON.stringify({ text, citations }),
      encoding: 'utf8',
      env: { ...process.env, PYTHONUTF8: '1' },
    });
    expect(python.stderr).toBe('');
    const answers = JSON.parse(python.stdout) as { sliced: string; position: number[]; places: number[][] }[];
    expect(answers).toHaveLength(citations.length);
    answers.forEach(({ sliced, position, places }, index) => {
      expect(sliced).toBe(citations[index]!.quote);
      expect(places).toContainEqual(position);
    });
    const shifted = citations.some(({ span }, index) => answers[index]!.position[0] !== span.start);
    expect(shifted, 'the text has characters that UTF-16 counts twice').toBe(true);
  });
});
