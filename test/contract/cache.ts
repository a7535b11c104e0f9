import { describe, expect, it } from 'vitest';
import type { VectorCache } from '../../src/core/ports/cache.js';
import { fresh, type Made } from './catalog/maker.js';

/** Odd bit patterns included: what comes back is bit-equal. */
function vector(seed: number, dims = 16): Float32Array {
  return Float32Array.from({ length: dims }, (_, i) => (i === 0 ? -0 : i === 1 ? 1e-40 : Math.sin(seed * 100 + i)));
}

function entries(count: number, from = 0) {
  return Array.from({ length: count }, (_, i) => ({ input: `in${from + i}`, vector: vector(from + i) }));
}

const inputs = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `in${from + i}`);
const bits = (each: Float32Array | undefined) => each && Buffer.from(each.buffer, each.byteOffset, each.byteLength);

/** What every vector cache owes (src/core/ports/cache.ts). `make` is told a bound in bytes where a test needs one. */
export function describeCacheContract(
  name: string,
  make: (options?: { maxBytes?: number }) => Promise<Made<VectorCache>>,
): void {
  describe(`VectorCache: ${name}`, () => {
    const store = fresh(() => make());
    const cache = () => store.port;

    it('gives back bit-equal vectors in the order asked, undefined where absent', async () => {
      await cache().put('b', entries(3), 'd');
      const found = await cache().get('b', ['in2', 'none', 'in0', 'in2'], 'd');
      expect(found.map((each) => each?.length)).toEqual([16, undefined, 16, 16]);
      expect(bits(found[0])).toEqual(bits(vector(2)));
      expect(bits(found[2])).toEqual(bits(vector(0)));
      expect(await cache().get('other', ['in0'], 'd')).toEqual([undefined]);
      expect(await cache().get('b', [], 'd')).toEqual([]);
    });

    it('stores a view of a larger buffer as what it shows', async () => {
      const large = Float32Array.from({ length: 64 }, (_, i) => i);
      await cache().put('b', [{ input: 'view', vector: large.subarray(5, 9) }], 'd');
      expect([...(await cache().get('b', ['view'], 'd'))[0]!]).toEqual([5, 6, 7, 8]);
    });

    it('takes many at once and the same again', async () => {
      await cache().put('b', entries(700), 'd');
      await cache().put('b', [...entries(10), ...entries(10)], 'd');
      expect((await cache().stats()).entries).toBe(700);
      const found = await cache().get('b', inputs(710), 'd');
      expect(found.filter(Boolean)).toHaveLength(700);
      expect(bits(found[699])).toEqual(bits(vector(699)));
    });

    it('forgets what only this document used, but for what is kept', async () => {
      await cache().put('b', entries(5), 'd1');
      await cache().put('b', entries(2), 'd2');
      // Reading counts as using.
      await cache().get('b', ['in2'], 'd3');
      await cache().forget('d1', new Set(['in4']));
      const there = async () => (await cache().get('b', inputs(5), 'x')).map((each) => each !== undefined);
      expect(await there()).toEqual([true, true, true, false, true]);
      await cache().forget('x');
      await cache().forget('d2');
      await cache().forget('d3');
      expect(await there()).toEqual([false, false, false, false, true]);
      await cache().forget('x');
      await cache().forget('d1');
      expect(await there()).toEqual([false, false, false, false, false]);
      expect(await cache().stats()).toEqual({ entries: 0, bytes: 0 });
      await cache().forget('never');
    });

    it('names the documents that use something, page by page', async () => {
      for (const id of ['d2', 'd1', 'd3']) await cache().put('b', entries(3), id);
      await cache().get('b', ['in1'], 'd4');
      await cache().get('b', ['none'], 'd5');
      expect(await cache().documents({ limit: 10 })).toEqual(['d1', 'd2', 'd3', 'd4']);
      expect(await cache().documents({ limit: 2, after: 'd1' })).toEqual(['d2', 'd3']);
      await cache().forget('d2');
      expect(await cache().documents({ limit: 10 })).toEqual(['d1', 'd3', 'd4']);
    });

    it('forgets a large document whole', async () => {
      await cache().put('b', entries(650), 'd');
      await cache().put('c', entries(3), 'd');
      await cache().forget('d', new Set(['in600']));
      expect((await cache().stats()).entries).toBe(1);
    });

    it('keeps its entries over a restart', async () => {
      if (!store.reopens) return;
      await cache().put('b', entries(3), 'd');
      const before = await cache().stats();
      const port = await store.reopen();
      expect(await port.stats()).toEqual(before);
      expect(bits((await port.get('b', ['in1'], 'd'))[0])).toEqual(bits(vector(1)));
      await port.forget('d');
      expect(await port.stats()).toEqual({ entries: 0, bytes: 0 });
    });
  });

  describe(`VectorCache: ${name}, bounded`, () => {
    const store = fresh(() => make({ maxBytes: 20_000 }));

    it('stays below its bound', async () => {
      for (let i = 0; i < 20; i += 1) {
        await store.port.put('b', entries(50, i * 50), `d${i}`);
        expect((await store.port.stats()).bytes).toBeLessThanOrEqual(20_000);
      }
      const { entries: count } = await store.port.stats();
      expect(count).toBeGreaterThan(10);
      // What came last is there, what came first is not.
      expect((await store.port.get('b', ['in999'], 'x'))[0]).toBeDefined();
      expect((await store.port.get('b', ['in0'], 'x'))[0]).toBeUndefined();
      for (let i = 0; i < 20; i += 1) await store.port.forget(`d${i}`);
      await store.port.forget('x');
      expect(await store.port.stats()).toEqual({ entries: 0, bytes: 0 });
    });
  });
}
