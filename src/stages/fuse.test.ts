import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_WEIGHTS, fuse, unite } from './fuse.js';
import type { Candidate } from './fuse.js';

const score = fc.option(fc.double({ min: -1, max: 1, noNaN: true }), { nil: undefined });
const bm25 = fc.option(fc.double({ min: 0.001, max: 60, noNaN: true }), { nil: undefined });
const candidates = fc.uniqueArray(
  fc.record({ id: fc.string({ minLength: 1, maxLength: 3 }), dense: score, lexical: bm25 }),
  { selector: (one) => one.id, maxLength: 30 },
);

function make(list: readonly { id: string; dense: number | undefined; lexical: number | undefined }[]): Candidate[] {
  return list.map(({ id, dense, lexical }) => ({
    id,
    documentId: id,
    ...(dense === undefined ? {} : { dense }),
    ...(lexical === undefined ? {} : { lexical }),
  }));
}

const ids = (list: readonly { candidate: Candidate }[]): string[] => list.map((entry) => entry.candidate.id);

describe('unite', () => {
  it('joins both arms by id and keeps the rest of the candidate', () => {
    const vector = Float32Array.of(1, 0);
    expect(
      unite(
        [{ id: 'a', documentId: 'd', dense: 0.5, vector }],
        [
          { id: 'a', documentId: 'd', lexical: 7 },
          { id: 'b', documentId: 'd', lexical: 3 },
        ],
      ),
    ).toEqual([
      { id: 'a', documentId: 'd', dense: 0.5, lexical: 7, vector },
      { id: 'b', documentId: 'd', lexical: 3 },
    ]);
  });
});

describe('fuse', () => {
  it('is the weighted sum of z-scores', () => {
    const fused = fuse(
      make([
        { id: 'a', dense: 0.9, lexical: 1 },
        { id: 'b', dense: 0.1, lexical: 3 },
      ]),
      undefined,
    );
    expect(ids(fused)).toEqual(['a', 'b']);
    expect(fused[0]?.scores.fused).toBeCloseTo(0.7 - 0.3, 12);
    expect(fused[1]?.scores.fused).toBeCloseTo(-0.7 + 0.3, 12);
    expect(fused[0]?.scores).toMatchObject({ dense: 0.9, lexical: 1 });
  });

  it('computes the dot product of a candidate that only the lexical arm found', () => {
    const query = Float32Array.from([0.6, 0.8, 0, 0, 0]);
    const [only] = fuse([{ id: 'a', documentId: 'd', lexical: 2, vector: Float32Array.from([0, 1, 0, 0, 0]) }], query);
    expect(only?.scores.dense).toBeCloseTo(0.8, 6);
    const [other] = fuse([{ id: 'a', documentId: 'd', lexical: 2, vector: Float32Array.of(1) }], query);
    expect(other?.scores.dense).toBeUndefined();
  });

  it('puts a missing score at the least known one', () => {
    const list = [
      { id: 'a', dense: 0.9, lexical: 5 },
      { id: 'b', dense: 0.8, lexical: 2 },
    ];
    const missing = fuse(make([...list, { id: 'c', dense: 0.7, lexical: undefined }]), undefined);
    const least = fuse(make([...list, { id: 'c', dense: 0.7, lexical: 2 }]), undefined);
    expect(missing.map((entry) => entry.scores.fused)).toEqual(least.map((entry) => entry.scores.fused));
    expect(missing[2]?.scores.lexical).toBeUndefined();
  });

  it('lets a term count that one candidate alone holds, when the lexical arm is known to be complete', () => {
    const others = Array.from({ length: 41 }, (_, n) => ({
      id: `o${n}`,
      dense: 0.3 + n / 100,
      lexical: undefined,
    }));
    const list = make([...others, { id: 'rare', dense: 0.5, lexical: 7 }]);
    expect(ids(fuse(list, undefined)).indexOf('rare')).toBeGreaterThan(15);
    expect(ids(fuse(list, undefined, DEFAULT_WEIGHTS, true))[0]).toBe('rare');
  });

  it('leaves one arm alone in its order', () => {
    fc.assert(
      fc.property(candidates, (list) => {
        const dense = make(list.map((one, i) => ({ ...one, dense: i / 100, lexical: undefined })));
        expect(ids(fuse(dense, undefined))).toEqual(dense.map((one) => one.id).reverse());
      }),
    );
  });

  it('never puts a candidate before one that beats it in both arms', () => {
    fc.assert(
      fc.property(candidates, (list) => {
        const fused = fuse(make(list), undefined);
        fused.forEach((lower, i) => {
          for (const higher of fused.slice(0, i)) {
            const dense = (lower.candidate.dense ?? -Infinity) - (higher.candidate.dense ?? Infinity);
            const lexical = (lower.candidate.lexical ?? -Infinity) - (higher.candidate.lexical ?? Infinity);
            // Closer than rounding is a tie.
            expect(dense > 1e-6 && lexical > 1e-6).toBe(false);
          }
        });
      }),
    );
  });

  it('is monotone in each arm', () => {
    fc.assert(
      fc.property(candidates, fc.nat(), fc.constantFrom('dense', 'lexical'), (list, pick, arm) => {
        if (list.length < 2) return;
        const all = make(list.map((one) => ({ ...one, dense: one.dense ?? 0, lexical: one.lexical ?? 1 })));
        const chosen = all[pick % all.length] as Candidate;
        const raised = all.map((one) => (one === chosen ? { ...one, [arm]: (one[arm as 'dense'] ?? 0) + 0.5 } : one));
        const before = fuse(all, undefined).find((entry) => entry.candidate.id === chosen.id);
        const after = fuse(raised, undefined).find((entry) => entry.candidate.id === chosen.id);
        expect(after?.scores.fused).toBeGreaterThanOrEqual((before?.scores.fused ?? 0) - 1e-6);
      }),
    );
  });

  it('does not depend on the order of the candidates nor on the scale of an arm', () => {
    fc.assert(
      fc.property(candidates, (list) => {
        const all = make(list);
        const fused = fuse(all, undefined);
        expect(fuse([...all].reverse(), undefined)).toEqual(fused);
        const scaled = fuse(
          all.map((one) => (one.lexical === undefined ? one : { ...one, lexical: one.lexical * 4 })),
          undefined,
        );
        const scores = new Map(scaled.map((entry) => [entry.candidate.id, entry.scores.fused]));
        for (const entry of fused) expect(scores.get(entry.candidate.id)).toBeCloseTo(entry.scores.fused, 6);
      }),
    );
  });

  it('breaks ties by id', () => {
    const same = ['c', 'a', 'b'].map((id) => ({ id, dense: 0.5, lexical: 1 }));
    expect(ids(fuse(make(same), undefined))).toEqual(['a', 'b', 'c']);
    expect(fuse([], undefined)).toEqual([]);
  });
});
