import { describe, expect, it } from 'vitest';
import { queryWeights, termIndex, termWeights } from './terms.js';

describe('the sparse vectors of terms', () => {
  it('have the places that MurmurHash3 gives', () => {
    // Published values of the 32-bit x86 variant with seed 0.
    expect(termIndex('')).toBe(0);
    expect(termIndex('hello')).toBe(0x248bfa47);
    expect(termIndex('hello, world')).toBe(0x149bbb7f);
    expect(termIndex('The quick brown fox jumps over the lazy dog.')).toBe(0xd5c48bfc);
  });

  it('weigh a point by BM25 and a query by nothing', () => {
    const { indices, values } = termWeights(['a', 'b', 'a'])!;
    expect(indices).toEqual([termIndex('a'), termIndex('b')]);
    expect(values[0]).toBeGreaterThan(values[1]!);
    expect(Math.max(...values)).toBeLessThan(2.2);
    expect(termWeights([])).toBeUndefined();
    expect(queryWeights(['a', 'b', 'a'])).toEqual({ indices, values: [1, 1] });
  });

  it('weigh a term less in a longer passage, and one of the reference length with k1 alone', () => {
    const filler = (n: number) => Array.from({ length: n }, (_, i) => `w${i}`);
    const weight = (terms: readonly string[]) => termWeights(terms)!.values[0]!;
    expect(weight(['a', ...filler(10)])).toBeGreaterThan(weight(['a', ...filler(300)]));
    expect(weight(['a', ...filler(47)])).toBeCloseTo(1, 12);
  });
});
