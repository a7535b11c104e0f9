import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bm25, buildBaseline, fixedWindows, packBaseline, rankBaseline } from './qa-baseline.js';
import type { BaselineTools } from './qa-baseline.js';

const counts = (texts: readonly string[]): number[] => texts.map((text) => Math.ceil(text.length / 4));
const words = { name: 'words', count: (text: string): number => text.match(/\S+/g)?.length ?? 0 };
const tools: BaselineTools = {
  countTokens: counts,
  embed: async (texts) => texts.map((text) => Float32Array.from(/boat/.test(text) ? [1, 0] : [0, 1])),
  analyze: (text) => text.toLowerCase().match(/[a-z]+/g) ?? [],
};

describe('the baseline', () => {
  it('cuts fixed windows that hold every word in order within the limit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 300 }), fc.integer({ min: 1, max: 20 }), async (text, limit) => {
        const windows = await fixedWindows(text, limit, counts);
        expect(windows.join(' ').split(/\s+/)).toEqual(text.trim().split(/\s+/));
        for (const window of windows) {
          const size = counts(window.match(/\S+/g) ?? []).reduce((sum, count) => sum + count, 0);
          expect(size <= limit || !/\s/.test(window)).toBe(true);
        }
      }),
    );
  });

  it('scores BM25 as computed by hand', () => {
    const index = new Bm25([['key', 'door', 'key'], ['door']]);
    // idf(key) = ln(1 + 1.5/1.5); length 3, average 2: norm = 1.2 (0.25 + 0.75 * 1.5) = 1.65
    expect(index.scores(['key', 'key', 'none'])[0]).toBeCloseTo((Math.log(2) * 2 * 2.2) / (2 + 1.65), 12);
    expect(index.scores(['key'])[1]).toBe(0);
  });

  it('ranks by both arms and packs until the first window that does not fit', async () => {
    const documents = [
      { id: 'sea', text: 'The boat sails.' },
      { id: 'house', text: 'The door is locked.' },
      { id: 'harbour', text: 'No boat has a door.' },
    ];
    const index = await buildBaseline(documents, tools);
    const ranked = await rankBaseline(index, 'boat door', tools);
    expect(ranked[0]?.documentId).toBe('harbour');
    expect(ranked).toHaveLength(3);
    expect(packBaseline(ranked, 8, words)).toBe('No boat has a door.\n\nThe boat sails.');
    expect(packBaseline(ranked, 4, words)).toBe('');
  });
});
