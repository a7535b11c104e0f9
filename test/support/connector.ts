import type { ReadContext } from '../../src/core/ports/connector.js';
import { systemClock } from '../../src/runtime/clock.js';

/** For reading a connector directly, from its beginning unless told otherwise. */
export function readContext(change: Partial<ReadContext> = {}): ReadContext {
  return {
    from: undefined,
    signal: new AbortController().signal,
    known: async () => undefined,
    folder: '',
    base: process.cwd(),
    env: { PATH: process.env['PATH'] },
    clock: systemClock,
    ...change,
  };
}

export async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
