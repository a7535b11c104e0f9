import { describe, expect, it } from 'vitest';
import { forEachConcurrent } from './concurrency.js';

describe('forEachConcurrent', () => {
  it('keeps to its limit and does all', async () => {
    let now = 0;
    let most = 0;
    const done: number[] = [];
    await forEachConcurrent([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      done.push(item);
    });
    expect(most).toBe(3);
    expect(done.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('throws the first failure after what is under way has ended', async () => {
    const done: number[] = [];
    const run = forEachConcurrent([1, 2, 3, 4, 5, 6], 2, async (item) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (item === 2) throw new Error('two');
      done.push(item);
    });
    await expect(run).rejects.toThrow('two');
    expect(done).toContain(1);
    expect(done).not.toContain(6);
  });
});
