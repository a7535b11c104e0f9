import fc from 'fast-check';
import { expect, it } from 'vitest';
import { timeOrder } from './time-order.js';

const timeLike = fc
  .array(fc.constantFrom('2', '0', '26', '-', 'T', ':', 'Z', '.', '2026-01-01T00:00:00', '2026', '', '/', '😀', 'a'), {
    maxLength: 6,
  })
  .map((parts) => parts.join(''));

it('never goes down where texts go up', () => {
  fc.assert(
    fc.property(timeLike, timeLike, (a, b) => {
      const [low, high] = a < b ? [a, b] : [b, a];
      expect(timeOrder(low)).toBeLessThanOrEqual(timeOrder(high));
    }),
    { numRuns: 5000 },
  );
});

it('tells times apart to the second', () => {
  expect(timeOrder('2026-01-02T03:04:05.678Z')).toBe(20_260_102_030_405);
  expect(timeOrder('2026-01-02')).toBe(20_260_102_000_000);
  expect(timeOrder('2026-01-02T03:04:05Z')).toBeLessThan(timeOrder('2026-01-02T03:04:06Z'));
});
