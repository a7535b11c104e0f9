import { describe, expect, it } from 'vitest';
import { Yielding } from './yielding.js';

describe('background work that gives way to searches', () => {
  const make = () => {
    let now = 0;
    const yielding = new Yielding(1.3, () => now);
    const search = (ms: number, times: number): void => {
      for (let i = 0; i < times; i += 1) {
        now += 50;
        yielding.searched(ms);
      }
    };
    return { yielding, search, later: (ms: number) => (now += ms) };
  };

  it('pauses for longer while searches are slower than allowed, and for shorter when they are not', () => {
    const { yielding, search } = make();
    search(10, 50);
    yielding.begin();
    search(20, 60);
    const slow = yielding.pauseAfter(100);
    expect(slow).toBeGreaterThan(50);
    search(20, 1000);
    expect(yielding.pauseAfter(100)).toBe(150);
    search(11, 2000);
    expect(yielding.pauseAfter(100)).toBeLessThan(20);
  });

  it('does not pause when nobody searches', () => {
    const { yielding, search, later } = make();
    yielding.begin();
    expect(yielding.pauseAfter(100)).toBe(0);
    search(10, 1);
    expect(yielding.pauseAfter(100)).toBe(50);
    later(3000);
    expect(yielding.pauseAfter(100)).toBe(0);
  });
});
