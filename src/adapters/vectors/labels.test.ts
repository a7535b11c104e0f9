import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rangePrefixes, sortableDigits } from './labels.js';

const number = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 2, 2.5, 1999, 2024, 1e9, 1e9 + 1, 1.7e12, 1.7e12 + 1, 1e300, -1e300, 5e-324),
  fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE, 0.1, 0.1 + 1e-12, 2 ** 53),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

describe('numbers as digits', () => {
  it('are in numeric order', () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [x, y] = [sortableDigits(a), sortableDigits(b)];
        expect(x < y).toBe(a < b);
        expect(x === y).toBe(a === b);
      }),
    );
  });

  it('cover a range with few prefixes', () => {
    fc.assert(
      fc.property(number, number, number, (a, b, c) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        const { inside, edges } = rangePrefixes(low, high);
        expect(inside.length + edges.length).toBeLessThanOrEqual(300);
        const digits = sortableDigits(c);
        const within = inside.some((prefix) => digits.startsWith(prefix));
        const touched = within || edges.some((prefix) => digits.startsWith(prefix));
        if (c >= low && c <= high) expect(touched).toBe(true);
        else expect(within).toBe(false);
      }),
    );
  });
});
