import fc from 'fast-check';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PACK, DEFAULT_TEMPLATE, packContext } from './pack.js';
import type { PackCandidate, PackDocument, PackedContext } from './pack.js';

const o200k = { name: 'o200k_base', count: (text: string): number => countTokens(text) };
const words = { name: 'words', count: (text: string): number => text.match(/\S+/g)?.length ?? 0 };
/** Counts of parts do not add up: the whole costs more than its parts. */
const unfair = {
  name: 'unfair',
  count: (text: string): number => Math.ceil(text.length / 3) + Math.floor(text.length / 50) ** 2,
};

function chunk(documentId: string, document: PackDocument, start: number, end: number): PackCandidate {
  return {
    chunkId: `${documentId}:${start}-${end}`,
    documentId,
    revision: 'r1',
    span: { start, end },
    text: document.text.slice(start, end),
    after: document.text.slice(end, end + 32),
    title: `Title of ${documentId}`,
  };
}

function checkLaws(
  packed: PackedContext,
  candidates: readonly PackCandidate[],
  documents: ReadonlyMap<string, PackDocument>,
  budget: number,
  count: (text: string) => number,
): void {
  expect(packed.tokens).toBe(packed.context === '' ? 0 : count(packed.context));
  expect(packed.tokens).toBeLessThanOrEqual(budget);
  let at = 0;
  for (const passage of packed.passages) {
    const text = documents.get(passage.documentId)?.text ?? '';
    expect(text.slice(passage.span.start, passage.span.end)).toBe(passage.quote);
    at = packed.context.indexOf(passage.marker, at);
    expect(at).toBeGreaterThanOrEqual(0);
    expect(packed.context.indexOf(passage.quote, at)).toBeGreaterThanOrEqual(at);
  }
  const used = packed.passages.flatMap((passage) => passage.chunkIds);
  const all = new Set(candidates.map((candidate) => candidate.chunkId));
  expect(new Set([...used, ...packed.dropped.map((entry) => entry.chunkId)])).toEqual(all);
  expect(used.length + packed.dropped.length).toBe(all.size);
}

describe('packContext', () => {
  it('is never over budget in 10,000 random cases, and every quote is exact', () => {
    const text = fc
      .array(
        fc.constantFrom(
          'alpha',
          'Beta.',
          'γ',
          '東京',
          '👍🏽',
          '\n\n',
          '{text}',
          '[1]',
          '| a |',
          '1234567',
          '\t',
          'x'.repeat(40),
        ),
        {
          minLength: 1,
          maxLength: 40,
        },
      )
      .map((list) => list.join(' '));
    const cases = fc.record({
      texts: fc.array(text, { minLength: 1, maxLength: 4 }),
      cuts: fc.array(fc.tuple(fc.nat(3), fc.nat(400), fc.integer({ min: 1, max: 120 })), { maxLength: 14 }),
      budget: fc.integer({ min: 1, max: 300 }),
      known: fc.boolean(),
      counter: fc.constantFrom(o200k, words, unfair),
      options: fc.record({
        template: fc.constantFrom(DEFAULT_TEMPLATE, {
          marker: '<<{n}>>',
          passage: '{marker}{headings}\n  {text}\n({uri})',
          separator: '\n---\n',
        }),
        duplicateShare: fc.constantFrom(0.5, 0.9, 2),
        documentShare: fc.constantFrom(0.3, 0.5, 1),
        sectionShare: fc.constantFrom(0.3, 0.5, 2),
      }),
    });
    fc.assert(
      fc.property(cases, ({ texts, cuts, budget, known, counter, options }) => {
        const documents = new Map(texts.map((value, i) => [`d${i}`, { text: value, blocks: [] }]));
        const candidates = new Map<string, PackCandidate>();
        for (const [d, from, length] of cuts) {
          const documentId = `d${d % texts.length}`;
          const document = documents.get(documentId) as PackDocument;
          const start = from % document.text.length;
          const made = chunk(documentId, document, start, Math.min(document.text.length, start + length));
          candidates.set(made.chunkId, made);
        }
        const list = [...candidates.values()];
        const packed = packContext(list, known ? documents : new Map(), budget, counter, options);
        checkLaws(packed, list, documents, budget, (value) => counter.count(value));
      }),
      { numRuns: 10_000 },
    );
  }, 120_000);

  const house: PackDocument = {
    text: '# House\n\nThe door is red and old.\n\nThe key is under the mat.\n\nThe bell does not ring at all.\n\n# Garden\n\nRoses.',
    blocks: [
      { kind: 'heading', span: { start: 0, end: 7 } },
      { kind: 'heading', span: { start: 94, end: 102 } },
    ],
  };
  const span = (part: string): [number, number] => [house.text.indexOf(part), house.text.indexOf(part) + part.length];
  const door = chunk('house', house, ...span('The door is red and old.'));
  const key = chunk('house', house, ...span('The key is under the mat.'));
  const bell = chunk('house', house, ...span('The bell does not ring at all.'));
  const boat: PackDocument = { text: 'A boat sails over the wide sea with nobody on board.' };
  const sail = chunk('boat', boat, 0, boat.text.length);

  it('joins neighbours into one passage with one marker, in reading order', () => {
    const packed = packContext([key, sail, door], new Map(), 100, o200k);
    expect(packed.context).toBe(
      '[1] Title of house\nThe door is red and old.\n\nThe key is under the mat.\n\n' +
        '[2] Title of boat\nA boat sails over the wide sea with nobody on board.',
    );
    expect(packed.passages[0]?.chunkIds).toEqual([door.chunkId, key.chunkId]);
    expect(packed.dropped).toEqual([]);
  });

  it('grows to the section within what is left over when it pays', () => {
    const documents = new Map([['house', house]]);
    const grown = packContext([bell, door], documents, 100, o200k);
    expect(grown.passages).toHaveLength(1);
    expect(grown.passages[0]?.quote).toBe(house.text.slice(0, bell.span.end));
    expect(packContext([bell, door], documents, 33, o200k).passages).toHaveLength(2);
    expect(
      packContext([bell, door], documents, 100, o200k, { ...DEFAULT_PACK, sectionShare: 2 }).passages,
    ).toHaveLength(2);
  });

  it('drops near-duplicates and says so', () => {
    const copy: PackDocument = { text: 'A boat sails over the wide sea with nobody on board.\n' };
    const packed = packContext([sail, chunk('copy', copy, 0, 52), key], new Map(), 100, o200k);
    expect(packed.dropped).toEqual([{ chunkId: 'copy:0-52', reason: 'duplicate' }]);
  });

  it("caps a document's share while others have something to say", () => {
    const long: PackDocument = {
      text: Array.from({ length: 40 }, (_, i) => `Fact ${i} is that number ${i} counts.`).join('\n---\n'),
    };
    const facts = [...long.text.matchAll(/Fact.*/g)].map((match) =>
      chunk('long', long, match.index, match.index + match[0].length),
    );
    const packed = packContext([...facts, sail], new Map(), 200, o200k);
    expect(packed.passages.some((passage) => passage.documentId === 'boat')).toBe(true);
    expect(packed.tokens).toBeGreaterThan(170);
    const alone = packContext(facts, new Map(), 200, o200k);
    expect(alone.tokens).toBeGreaterThan(170);
    expect(packed.dropped.every((entry) => entry.reason === 'budget' || entry.reason === 'document_share')).toBe(true);
  });

  it('uses the beginning of the first candidate when nothing fits whole, and nothing when not even that fits', () => {
    const packed = packContext([sail], new Map(), 12, o200k);
    expect(packed.passages[0]?.quote).toMatch(/^A boat( \w+)*$/);
    expect(packed.tokens).toBeLessThanOrEqual(12);
    expect(packContext([sail], new Map(), 2, o200k)).toMatchObject({
      context: '',
      tokens: 0,
      passages: [],
      dropped: [{ chunkId: sail.chunkId, reason: 'budget' }],
    });
    expect(packContext([], new Map(), 100, o200k)).toMatchObject({ context: '', tokens: 0 });
  });

  it('passes over what does not fit and goes on', () => {
    const big: PackDocument = { text: 'A long story about many things. '.repeat(50).trim() };
    const packed = packContext([chunk('big', big, 0, big.text.length), key], new Map(), 40, o200k);
    expect(packed.passages.map((passage) => passage.documentId)).toEqual(['house']);
  });

  it('leaves no blanks where a title is missing', () => {
    const { title: _, ...untitled } = key;
    expect(packContext([untitled], new Map(), 40, o200k).context).toBe('[1]\nThe key is under the mat.');
  });
});
