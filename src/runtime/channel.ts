import { setMaxListeners } from 'node:events';

/**
 * Turns callbacks into an async iterable: `work` gets `emit` and runs while the consumer reads. `emit` resolves when there
 * is room again, so a slow reader slows the work down. Leaving the loop early aborts the signal given to `work`.
 */
export async function* channel<T>(
  work: (emit: (item: T) => Promise<void>, signal: AbortSignal) => Promise<void>,
  outer: AbortSignal,
  capacity = 256,
): AsyncGenerator<T> {
  const items: T[] = [];
  const left = new AbortController();
  const signal = AbortSignal.any([outer, left.signal]);
  // Many waiters at once are no leak here.
  setMaxListeners(0, signal);
  let wakeReader: (() => void) | undefined;
  let wakeWriters: (() => void)[] = [];
  let ended = false;

  const emit = async (item: T): Promise<void> => {
    items.push(item);
    wakeReader?.();
    if (items.length < capacity) return;
    await new Promise<void>((resolve) => wakeWriters.push(resolve));
  };
  const done = work(emit, signal).finally(() => {
    ended = true;
    wakeReader?.();
  });
  // Awaited below; this keeps an early failure from being unhandled meanwhile.
  const settled = done.then(
    () => undefined,
    () => undefined,
  );
  try {
    for (;;) {
      while (items.length > 0) {
        yield items.shift()!;
        if (items.length < capacity) {
          const writers = wakeWriters;
          wakeWriters = [];
          for (const wake of writers) wake();
        }
      }
      if (ended) break;
      await new Promise<void>((resolve) => {
        wakeReader = resolve;
        if (ended || items.length > 0) resolve();
      });
      wakeReader = undefined;
    }
    await done;
  } finally {
    left.abort();
    for (const wake of wakeWriters) wake();
    await settled;
  }
}
