import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign } from './assign.js';

const members = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}$/), { minLength: 1, maxLength: 9 });

describe('assign', () => {
  it('gives every partition to one member, evenly, whatever they claim', () => {
    const claims = members.chain((ids) =>
      fc.tuple(
        ...ids.map((memberId) =>
          fc.record({
            memberId: fc.constant(memberId),
            owned: fc.array(fc.integer({ min: -2, max: 20 }), { maxLength: 12 }),
            generation: fc.integer({ min: -1, max: 5 }),
          }),
        ),
      ),
    );
    fc.assert(
      fc.property(claims, fc.integer({ min: 1, max: 16 }), (list, partitions) => {
        const shares = [...assign(list, partitions).values()];
        expect(shares.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: partitions }, (_, i) => i));
        const counts = shares.map((share) => share.length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('moves only what an even share takes', () => {
    fc.assert(
      fc.property(members, members, fc.integer({ min: 1, max: 16 }), (before, after, partitions) => {
        const first = assign(
          before.map((memberId) => ({ memberId, owned: [], generation: -1 })),
          partitions,
        );
        const claims = after.map((memberId) => ({ memberId, owned: first.get(memberId) ?? [], generation: 1 }));
        const second = assign(claims, partitions);
        const least = Math.floor(partitions / after.length);
        for (const { memberId, owned } of claims) {
          const kept = second.get(memberId)!.filter((partition) => owned.includes(partition)).length;
          expect(kept).toBeGreaterThanOrEqual(Math.min(owned.length, least));
        }
        expect(assign(claims.reverse(), partitions)).toEqual(second);
      }),
    );
  });

  it('believes the newer of two claims', () => {
    const shares = assign(
      [
        { memberId: 'a', owned: [0, 1], generation: 3 },
        { memberId: 'b', owned: [1], generation: 4 },
      ],
      2,
    );
    expect([...shares]).toEqual([
      ['a', [0]],
      ['b', [1]],
    ]);
  });
});
