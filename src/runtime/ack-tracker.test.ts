import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AckTracker } from './ack-tracker.js';

describe('AckTracker', () => {
  it('commits A and B when C and E are open: a restart redelivers C, D and E', () => {
    const tracker = new AckTracker(0n);
    const [a, b, c, d, e] = [0n, 1n, 2n, 3n, 4n] as const;
    for (const offset of [a, b, c, d, e]) tracker.delivered(offset);
    expect(tracker.ack(a)).toBe(true);
    expect(tracker.ack(b)).toBe(true);
    expect(tracker.ack(d)).toBe(false);
    expect(tracker.position).toBe(c);
    expect(tracker.outstanding).toBe(2);
    // After the restart C comes first: nothing was committed at or above it.
    expect(tracker.ack(c)).toBe(true);
    expect(tracker.position).toBe(e);
  });

  it('steps over holes, ignores what it does not know, and refuses falling offsets', () => {
    const tracker = new AckTracker(5n);
    expect(tracker.ack(5n)).toBe(false);
    tracker.delivered(7n);
    tracker.delivered(7n);
    tracker.delivered(20n);
    expect(() => tracker.delivered(10n)).toThrow(RangeError);
    expect(() => tracker.delivered(4n)).toThrow(RangeError);
    expect(tracker.position).toBe(5n);
    expect(tracker.ack(7n)).toBe(true);
    expect(tracker.position).toBe(8n);
    expect(tracker.ack(7n)).toBe(false);
    expect(tracker.ack(20n)).toBe(true);
    expect(tracker.position).toBe(21n);
    expect(tracker.outstanding).toBe(0);
  });

  it('never covers an open offset and always covers a done prefix (against a model)', () => {
    const steps = fc.array(fc.oneof(fc.constant('deliver'), fc.nat({ max: 3000 })), { maxLength: 3000 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 3 }), (script, gap) => {
        const tracker = new AckTracker(0n);
        const delivered: bigint[] = [];
        const acked = new Set<bigint>();
        let next = 0n;
        for (const step of script) {
          if (step === 'deliver') {
            tracker.delivered(next);
            delivered.push(next);
            next += BigInt(gap);
          } else if (typeof step === 'number' && delivered.length > 0) {
            const offset = delivered[step % delivered.length]!;
            const before = tracker.position;
            const moved = tracker.ack(offset);
            acked.add(offset);
            expect(moved).toBe(tracker.position !== before);
          }
          const open = delivered.find((offset) => !acked.has(offset));
          const last = delivered.filter((offset) => open === undefined || offset < open).pop();
          expect(tracker.position).toBe(last === undefined ? 0n : last + 1n);
          expect(tracker.outstanding).toBe(delivered.length - acked.size);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('stays correct through many thousands', () => {
    const tracker = new AckTracker(0n);
    for (let i = 0n; i < 20_000n; i += 1n) {
      tracker.delivered(i);
      if (i % 7n === 6n) for (let j = i; j > i - 7n; j -= 1n) tracker.ack(j);
    }
    expect(tracker.position).toBe(19_999n);
    expect(tracker.outstanding).toBe(1);
  });
});
