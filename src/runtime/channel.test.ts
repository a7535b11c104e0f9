import { describe, expect, it } from 'vitest';
import { channel } from './channel.js';

const never = new AbortController().signal;

describe('channel', () => {
  it('hands over everything in order, then ends', async () => {
    const got: number[] = [];
    const items = channel<number>(
      async (emit) => {
        for (let i = 0; i < 1000; i += 1) await emit(i);
      },
      never,
      3,
    );
    for await (const item of items) got.push(item);
    expect(got).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it('throws what the work throws, after what it emitted', async () => {
    const got: number[] = [];
    const items = channel<number>(async (emit) => {
      await emit(1);
      throw new Error('broken');
    }, never);
    await expect(async () => {
      for await (const item of items) got.push(item);
    }).rejects.toThrow('broken');
    expect(got).toEqual([1]);
  });

  it('stops the work when the reader leaves', async () => {
    let stopped = false;
    const items = channel<number>(
      async (emit, signal) => {
        for (let i = 0; !signal.aborted; i += 1) await emit(i);
        stopped = true;
      },
      never,
      2,
    );
    for await (const item of items) if (item === 5) break;
    expect(stopped).toBe(true);
  });
});
