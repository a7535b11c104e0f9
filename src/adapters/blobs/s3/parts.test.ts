import fc from 'fast-check';
import { expect, it } from 'vitest';
import { partsOf } from './parts.js';

it('gathers any pieces into parts of one size, the last one excepted, in one buffer', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 300 })),
      fc.integer({ min: 1, max: 200 }),
      async (pieces, size) => {
        const parts: Buffer[] = [];
        const lasts: boolean[] = [];
        const memory = new Set<number>();
        for await (const { bytes, last } of partsOf(pieces, size)) {
          parts.push(Buffer.from(bytes));
          lasts.push(last);
          memory.add(bytes.buffer.byteLength);
        }
        expect(Buffer.concat(parts).equals(Buffer.concat(pieces))).toBe(true);
        expect(lasts).toEqual([...parts.slice(1).map(() => false), true]);
        expect(parts.slice(0, -1).every((part) => part.byteLength === size)).toBe(true);
        expect(parts.at(-1)!.byteLength > 0 || parts.length === 1).toBe(true);
        expect(Math.max(...memory)).toBeLessThanOrEqual(size);
      },
    ),
  );
});

it('holds no more than a part, however much comes', async () => {
  const size = 1 << 20;
  const buffers = new Set<ArrayBufferLike>();
  function* endless(): Iterable<Uint8Array> {
    for (let i = 0; i < 1000; i += 1) yield Buffer.alloc(50_000, i);
  }
  for await (const { bytes } of partsOf(endless(), size)) buffers.add(bytes.buffer);
  expect(buffers.size).toBe(1);
});
