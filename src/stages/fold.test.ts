import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_FOLD_THRESHOLD, fold } from './fold.js';

const options = { limit: 10, threshold: DEFAULT_FOLD_THRESHOLD };
const words = Array.from({ length: 60 }, (_, i) => `word${'abcdefghij'[i % 10]}${'klmnop'[Math.floor(i / 10)]}`);
const long = words.join(' ');
const hits = (...texts: string[]): { id: string; text: string }[] => texts.map((text, i) => ({ id: `h${i}`, text }));
const keptIds = (folded: { kept: readonly { id: string }[] }): string[] => folded.kept.map((hit) => hit.id);

describe('fold', () => {
  it('folds the same words in another dress', () => {
    const result = fold(hits('Install the app.', '**install**\n the APP', 'Remove the app.'), options);
    expect(keptIds(result)).toEqual(['h0', 'h2']);
    expect([...result.folded]).toEqual([['h0', ['h1']]]);
  });

  it('folds a passage that adds nothing to a better one', () => {
    expect(keptIds(fold(hits(long, words.slice(10, 50).join(' ')), options))).toEqual(['h0']);
    expect(keptIds(fold(hits(long, `${words.slice(0, 59).join(' ')} other`), options))).toEqual(['h0']);
  });

  it('keeps a longer passage behind a shorter one, and one that differs in a number', () => {
    expect(keptIds(fold(hits(words.slice(10, 50).join(' '), long), options))).toEqual(['h0', 'h1']);
    expect(keptIds(fold(hits(`${long} 30`, `${long} 60`), options))).toEqual(['h0', 'h1']);
    expect(keptIds(fold(hits(`${long} 30`, `${long}`), options))).toEqual(['h0']);
  });

  it('keeps short passages that merely look alike, and folds only into the best', () => {
    expect(keptIds(fold(hits('set the size of it', 'set the size of'), options))).toEqual(['h0', 'h1']);
    const result = fold(hits(long, `${long} and some more words`, long.toUpperCase()), options);
    expect([...result.folded]).toEqual([['h0', ['h1', 'h2']]]);
  });

  it('works on scripts without spaces and on texts without words', () => {
    const text = '東京都に行くには新幹線が一番早いと言われている';
    expect(keptIds(fold(hits(text, text.slice(2), '!!!', '???', ''), options))).toEqual(['h0', 'h2', 'h3', 'h4']);
  });

  it('accounts for every hit it looked at, keeps the order and is idempotent', () => {
    const text = fc
      .array(fc.constantFrom(...words.slice(0, 12), '1', '2'), { maxLength: 40 })
      .map((list) => list.join(' '));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 20 }), fc.integer({ min: 1, max: 20 }), (texts, limit) => {
        const all = hits(...texts);
        const result = fold(all, { ...options, limit });
        const seen = [...keptIds(result), ...[...result.folded.values()].flat()];
        expect(new Set(seen).size).toBe(seen.length);
        expect(keptIds(result)).toEqual(all.map((hit) => hit.id).filter((id) => keptIds(result).includes(id)));
        expect(result.kept.length).toBeLessThanOrEqual(limit);
        if (result.kept.length < limit) expect(seen.length).toBe(all.length);
        expect(keptIds(fold(result.kept, { ...options, limit }))).toEqual(keptIds(result));
      }),
    );
  });

  it('takes bounded time', () => {
    const start = performance.now();
    fold(hits(...Array.from({ length: 100 }, (_, i) => `${'same words again '.repeat(1_800)} ${i}`)), {
      ...options,
      limit: 100,
    });
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
