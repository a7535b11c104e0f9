import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuse } from './fuse.js';
import type { Candidate, Ranked } from './fuse.js';
import { DEFAULT_RANK, rank } from './rank.js';

function unit(values: readonly number[]): Float32Array {
  const length = Math.hypot(...values) || 1;
  return Float32Array.from(values, (value) => value / length);
}

function entry(id: string, documentId: string, fused: number, vector?: Float32Array): Ranked<Candidate> {
  return { candidate: { id, documentId, ...(vector ? { vector } : {}) }, scores: { fused, final: fused } };
}

const ids = (list: readonly Ranked<Candidate>[]): string[] => list.map((one) => one.candidate.id);

const scene = fc
  .array(
    fc.record({
      document: fc.integer({ min: 0, max: 6 }),
      dense: fc.double({ min: -1, max: 1, noNaN: true }),
      vector: fc.option(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 5, maxLength: 5 }), { nil: undefined }),
    }),
    { maxLength: 60 },
  )
  .map((list) =>
    fuse(
      list.map(({ document, dense, vector }, i) => ({
        id: `p${String(i).padStart(2, '0')}`,
        documentId: `d${document}`,
        dense,
        ...(vector ? { vector: unit(vector) } : {}),
      })),
      undefined,
    ),
  );

describe('rank', () => {
  const x = unit([1, 0]);
  const y = unit([0, 1]);

  it('is the formula', () => {
    const near = unit([0.8, 0.6]);
    const ranked = rank([entry('a', 'A', 2, x), entry('b', 'B', 1, near)], { depth: 10, neighbours: 8, share: 0.5 });
    // One neighbour each at cosine 0.8: a share of 0.4.
    expect(ranked[0]?.scores.final).toBeCloseTo(0.6 * 2 + 0.4 * 1, 6);
    expect(ranked[1]?.scores.final).toBeCloseTo(0.6 * 1 + 0.4 * 2, 6);
    expect(ranked[0]?.scores.fused).toBe(2);
  });

  it('lifts what stands among good neighbours over what stands alone', () => {
    const fused = [entry('a', 'A', 3, x), entry('b', 'B', 1.1, y), entry('c', 'C', 1, x)];
    expect(ids(rank(fused))).toEqual(['a', 'c', 'b']);
    expect(rank(fused).map((one) => one.scores.final)).toEqual([2, 2, 1.1]);
  });

  it('takes no notice of passages of the same document', () => {
    const fused = [entry('a', 'A', 3, x), entry('b', 'B', 1.1, y), entry('c', 'A', 1, x)];
    expect(rank(fused)).toEqual(fused);
  });

  it('leaves candidates without a vector, or with another dimension, as they are', () => {
    const fused = [entry('a', 'A', 3, x), entry('b', 'B', 2), entry('c', 'C', 1, unit([1, 1, 1]))];
    expect(rank(fused)).toEqual(fused);
    expect(rank([])).toEqual([]);
  });

  it('keeps the order within a document where rounding makes two scores one', () => {
    const fused = [entry('b', 'A', 1 + Number.EPSILON, x), entry('c', 'B', 1, x), entry('a', 'A', 1, x)];
    const ranked = rank(fused, { depth: 10, neighbours: 8, share: 0.5 });
    expect(ranked[0]?.scores.final).toBe(ranked.at(-1)?.scores.final);
    expect(ids(ranked)).toEqual(['b', 'a', 'c']);
  });

  it('keeps every candidate, the order within a document, and head before tail', () => {
    fc.assert(
      fc.property(scene, fc.integer({ min: 2, max: 50 }), (fused, depth) => {
        const ranked = rank(fused, { ...DEFAULT_RANK, depth });
        expect(ids(ranked).sort()).toEqual(ids(fused).sort());
        const head = new Set(ids(fused.slice(0, depth)));
        // Sums of rounded numbers: a final may fall below the head's least score by an ulp.
        const least = Math.min(...ranked.filter((one) => head.has(one.candidate.id)).map((one) => one.scores.final));
        for (const one of fused.slice(depth)) expect(one.scores.final).toBeLessThanOrEqual(least + 1e-9);
        const byDocument = (list: readonly Ranked<Candidate>[]): string[] =>
          list
            .filter((one) => head.has(one.candidate.id))
            .map((one) => `${one.candidate.documentId} ${one.scores.fused}`)
            .sort();
        expect(byDocument(ranked)).toEqual(byDocument(fused));
        for (const document of new Set(ranked.map((one) => one.candidate.documentId))) {
          const scores = ranked.filter((one) => one.candidate.documentId === document).map((one) => one.scores.fused);
          expect(scores).toEqual([...scores].sort((a, b) => b - a));
        }
      }),
    );
  });

  it('stays within the scores it was given, and shifts and scales with them', () => {
    fc.assert(
      fc.property(scene, (fused) => {
        const values = fused.map((one) => one.scores.fused);
        const ranked = rank(fused);
        for (const one of ranked) {
          expect(one.scores.final).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
          expect(one.scores.final).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
        }
        const moved = rank(
          fused.map((one) => ({
            ...one,
            scores: { fused: one.scores.fused * 2 + 5, final: one.scores.fused * 2 + 5 },
          })),
        );
        const finals = new Map(moved.map((one) => [one.candidate.id, one.scores.final]));
        for (const one of ranked) expect(finals.get(one.candidate.id)).toBeCloseTo(one.scores.final * 2 + 5, 6);
      }),
    );
  });

  it('equals the plain definition', () => {
    fc.assert(
      fc.property(scene, (fused) => {
        const single = fused.map((one, i) => ({ ...one, candidate: { ...one.candidate, documentId: `own${i}` } }));
        const head = single.slice(0, DEFAULT_RANK.depth);
        const dot = (a?: Float32Array, b?: Float32Array): number =>
          a && b ? a.reduce((sum, value, k) => sum + value * (b[k] ?? 0), 0) : 0;
        const ranked = new Map(rank(single).map((one) => [one.candidate.id, one.scores.final]));
        head.forEach((one, i) => {
          const near = head
            .map((other, j) => ({
              s: j === i ? 0 : dot(one.candidate.vector, other.candidate.vector),
              j,
              f: other.scores.fused,
            }))
            .filter(({ s }) => s > 1e-7)
            .sort((a, b) => b.s - a.s || a.j - b.j);
          // Whether a product that rounds to nothing is above zero depends on the order of its sum.
          const all = head.map((other, j) => (j === i ? 0 : dot(one.candidate.vector, other.candidate.vector)));
          if (all.some((s) => s !== 0 && Math.abs(s) < 1e-6)) return;
          // Which of two equally near candidates is the eighth depends on rounding.
          const [last, next] = [near[DEFAULT_RANK.neighbours - 1], near[DEFAULT_RANK.neighbours]];
          if (last && next && Math.abs(last.s - next.s) < 1e-6) return;
          const kept = near.slice(0, DEFAULT_RANK.neighbours);
          const weight = kept.reduce((sum, { s }) => sum + s, 0);
          const share = kept.length === 0 ? 0 : Math.min(0.5, (DEFAULT_RANK.share * weight) / kept.length);
          const mean = kept.reduce((sum, { s, f }) => sum + s * f, 0) / (weight || 1);
          expect(ranked.get(one.candidate.id)).toBeCloseTo((1 - share) * one.scores.fused + share * mean, 5);
        });
      }),
    );
  });
});
