import { describe, expect, it } from 'vitest';
import { KeyedQueue } from './keyed-queue.js';

function gate(): { open: () => void; opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe('KeyedQueue', () => {
  it('keeps the order within a key and lets other keys pass', async () => {
    const queue = new KeyedQueue();
    const slow = gate();
    const seen: string[] = [];
    const first = queue.run('a', async () => {
      await slow.opened;
      seen.push('a1');
    });
    const second = queue.run('a', async () => {
      seen.push('a2');
    });
    await queue.run('b', async () => {
      seen.push('b1');
    });
    expect(seen).toEqual(['b1']);
    expect(queue.size).toBe(2);
    slow.open();
    await Promise.all([first, second]);
    expect(seen).toEqual(['b1', 'a1', 'a2']);
  });

  it('goes on after a failure and tells its caller', async () => {
    const queue = new KeyedQueue();
    const failed = queue.run('a', () => Promise.reject(new Error('no')));
    const after = queue.run('a', () => Promise.resolve('yes'));
    await expect(failed).rejects.toThrow('no');
    await expect(after).resolves.toBe('yes');
  });

  it('is idle when all have ended, and forgets its keys', async () => {
    const queue = new KeyedQueue();
    const slow = gate();
    let ended = false;
    const task = queue.run('a', async () => {
      await slow.opened;
      ended = true;
    });
    const idle = queue.idle();
    slow.open();
    await idle;
    expect(ended).toBe(true);
    await task;
    await queue.idle();
    expect(queue.size).toBe(0);
  });
});
