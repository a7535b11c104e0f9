import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  auc,
  aucInterval,
  bootstrapMean,
  ndcgAt,
  pairedBootstrap,
  quantile,
  recallAt,
  reciprocalRankAt,
} from './statistics.js';

describe('ranking measures, against values computed by hand', () => {
  const judgements = new Map([
    ['a', 3],
    ['b', 2],
    ['c', 1],
    ['z', 0],
  ]);

  it('nDCG@k with linear gains', () => {
    // DCG = 2/log2(2) + 0/log2(3) + 3/log2(4) = 3.5; ideal = 3 + 2/1.5849625 + 1/2 = 4.7618595
    expect(ndcgAt(10, ['b', 'x', 'a'], judgements)).toBeCloseTo(3.5 / 4.761859507142915, 12);
    expect(ndcgAt(1, ['b', 'a'], judgements)).toBeCloseTo(2 / 3, 12);
    expect(ndcgAt(10, ['a', 'b', 'c'], judgements)).toBe(1);
    expect(ndcgAt(10, ['a'], new Map([['a', 0]]))).toBe(0);
  });

  it('recall@k and MRR@k', () => {
    expect(recallAt(2, ['a', 'x', 'b'], judgements)).toBeCloseTo(1 / 3, 12);
    expect(recallAt(3, ['a', 'x', 'b'], judgements)).toBeCloseTo(2 / 3, 12);
    expect(recallAt(10, ['z'], judgements)).toBe(0);
    expect(reciprocalRankAt(10, ['z', 'x', 'c'], judgements)).toBeCloseTo(1 / 3, 12);
    expect(reciprocalRankAt(2, ['z', 'x', 'c'], judgements)).toBe(0);
  });
});

describe('AUC', () => {
  it('equals a hand count', () => {
    // Of 3 x 2 pairs: 0.9 wins 2; 0.5 wins 1 and ties 1; 0.1 wins 0 and ties 0 => 3.5 / 6
    expect(auc([0.9, 0.5, 0.1], [0.5, 0.2])).toBeCloseTo(3.5 / 6, 12);
    expect(auc([1, 2], [0])).toBe(1);
    expect(auc([1], [1])).toBe(0.5);
    expect(auc([], [1])).toBeNaN();
  });

  it('equals the definition on random scores', () => {
    const scores = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(scores, scores, (positives, negatives) => {
        let wins = 0;
        for (const p of positives) for (const n of negatives) wins += p > n ? 1 : p === n ? 0.5 : 0;
        expect(auc(positives, negatives)).toBeCloseTo(wins / (positives.length * negatives.length), 10);
      }),
    );
  });

  it('has an interval around it that shrinks with more data', () => {
    const positives = Array.from({ length: 20 }, (_, i) => 1 + (i % 5));
    const negatives = Array.from({ length: 20 }, (_, i) => i % 5);
    const small = aucInterval(positives, negatives, { resamples: 2000 });
    const repeat = (values: number[]): number[] => Array.from({ length: 8 }, () => values).flat();
    const large = aucInterval(repeat(positives), repeat(negatives), { resamples: 2000 });
    expect(small.low).toBeLessThan(small.value);
    expect(small.high).toBeGreaterThan(small.value);
    expect(large.value).toBeCloseTo(small.value, 12);
    expect(large.high - large.low).toBeLessThan(small.high - small.low);
  });
});

describe('bootstrap', () => {
  it('is exact for constants and the same for the same seed', () => {
    expect(bootstrapMean([0.3, 0.3, 0.3])).toEqual({
      value: expect.closeTo(0.3, 12) as number,
      low: expect.closeTo(0.3, 12) as number,
      high: expect.closeTo(0.3, 12) as number,
    });
    const values = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1];
    expect(bootstrapMean(values, { seed: 7 })).toEqual(bootstrapMean(values, { seed: 7 }));
    expect(bootstrapMean(values, { seed: 7 }).low).toBeCloseTo(0.3, 5);
  });

  it('is close to the normal interval for many values', () => {
    const values = Array.from({ length: 400 }, (_, i) => i % 2);
    const { value, low, high } = bootstrapMean(values);
    expect(value).toBe(0.5);
    expect(low).toBeCloseTo(0.5 - (1.96 * 0.5) / 20, 2);
    expect(high).toBeCloseTo(0.5 + (1.96 * 0.5) / 20, 2);
  });

  it('pairs: a constant gain has no spread, unequal lengths are refused', () => {
    expect(pairedBootstrap([1, 2, 3], [0, 1, 2])).toEqual({ value: 1, low: 1, high: 1 });
    expect(() => pairedBootstrap([1], [1, 2])).toThrow(RangeError);
  });

  it('quantile interpolates', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([5], 0.975)).toBe(5);
    expect(quantile([], 0.5)).toBeNaN();
  });
});
