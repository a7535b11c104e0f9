import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { confidence, confidenceFeatures, confidenceOfPassage } from './confidence.js';
import type { ConfidenceCandidate } from './confidence.js';

const passage = (documentId: string, dense: number, terms: string, headings: string[] = []): ConfidenceCandidate => ({
  documentId,
  dense,
  terms: terms.split(' ').filter((term) => term !== ''),
  headings,
});

describe('confidence', () => {
  it('computes its features as documented, against a case by hand', () => {
    // 3 candidates. idf(key): held by 2 -> ln(1 + 1.5/2.5); idf(zzz): held by none -> ln(1 + 3.5/0.5).
    const key = Math.log(1 + 1.5 / 2.5);
    const zzz = Math.log(1 + 3.5 / 0.5);
    const w = key / (key + zzz);
    const candidates = [
      passage('a', 0.6, 'key door', ['A']),
      passage('a', 0.5, 'key', ['A', 'B']),
      passage('b', 0.2, ''),
    ];
    const features = confidenceFeatures(['key', 'zzz', 'key'], candidates);
    expect(features.strength).toBeCloseTo(0.6 + 0.6 * w, 12);
    expect(features.margin).toBeCloseTo(0.6 + 0.25 * w - 0.2, 12);
  });

  it('is a number in [0, 1], 0 without candidates, and does not depend on their order', () => {
    const terms = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 6 });
    const candidate = fc.record({
      documentId: fc.constantFrom('x', 'y', 'z'),
      dense: fc.option(fc.double({ min: -1, max: 1, noNaN: true }), { nil: undefined }),
      terms,
      headings: fc.array(fc.constantFrom('h', 'i'), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(terms, fc.array(candidate, { maxLength: 12 }), (query, candidates) => {
        const value = confidence(query, candidates);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
        expect(confidence(query, [...candidates].reverse())).toBeCloseTo(value, 10);
        for (const one of candidates) {
          expect(confidenceOfPassage(one, query)).toBeGreaterThanOrEqual(0);
          expect(confidenceOfPassage(one, query)).toBeLessThanOrEqual(1);
        }
      }),
    );
    expect(confidence(['a'], [])).toBe(0);
  });

  it('rises with nearness, with what is named, and with how much the best document stands out', () => {
    const others = ['b', 'c', 'd', 'e', 'f', 'g'].map((id) => passage(id, 0.3, 'door'));
    const base = confidence(['key'], [passage('a', 0.5, 'door'), ...others]);
    expect(confidence(['key'], [passage('a', 0.7, 'door'), ...others])).toBeGreaterThan(base);
    expect(confidence(['key'], [passage('a', 0.5, 'key'), ...others])).toBeGreaterThan(base);
    expect(confidence(['key'], [passage('a', 0.5, 'door'), passage('h', 0.5, 'door'), ...others])).toBeLessThan(base);
    expect(confidenceOfPassage(passage('a', 0.6, 'key'), ['key'])).toBeGreaterThan(
      confidenceOfPassage(passage('a', 0.6, 'door'), ['key']),
    );
  });
});
