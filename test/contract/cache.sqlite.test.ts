import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSqliteVectorCache } from '../../src/adapters/cache/sqlite/index.js';
import type { VectorCache } from '../../src/core/ports/cache.js';
import { temporaryFolder } from '../support/fixtures.js';
import { describeCacheContract } from './cache.js';
import type { Made } from './catalog/maker.js';

async function make(options: { maxBytes?: number } = {}): Promise<Made<VectorCache>> {
  const folder = await temporaryFolder();
  const open = (): Made<VectorCache> => {
    const port = openSqliteVectorCache(join(folder.path, 'vectors.db'), options);
    return {
      port,
      close: async () => {
        await port.close();
        await folder.remove();
      },
      reopen: async () => {
        await port.close();
        return open();
      },
    };
  };
  return open();
}

describeCacheContract('SQLite', make);

describe('SQLite vector cache file', () => {
  it('drops the longest unused first', async () => {
    const folder = await temporaryFolder();
    let now = 0;
    const clock = { now: () => now, sleep: () => Promise.resolve() };
    const cache = openSqliteVectorCache(join(folder.path, 'v.db'), { maxBytes: 2000, clock });
    const vector = new Float32Array(100);
    await cache.put(
      'b',
      ['old', 'used', 'new'].map((input) => ({ input, vector })),
      'd',
    );
    now += 120_000;
    await cache.get('b', ['used', 'new'], 'd');
    await cache.put('b', [{ input: 'more', vector }], 'd');
    const there = await cache.get('b', ['old', 'used', 'new', 'more'], 'd');
    expect(there.map(Boolean)).toEqual([false, true, true, true]);
    await cache.close();
    await folder.remove();
  });

  it('leaves no bytes of a forgotten vector in its files', async () => {
    const folder = await temporaryFolder();
    const file = join(folder.path, 'v.db');
    const cache = openSqliteVectorCache(file);
    const secret = Float32Array.from({ length: 64 }, (_, i) => 7.25 + i);
    await cache.put('b', [{ input: 'secret', vector: secret }], 'd');
    await cache.put('b', [{ input: 'kept', vector: new Float32Array(64) }], 'e');
    await cache.close();
    expect((await readFile(file)).includes(Buffer.from(secret.buffer))).toBe(true);
    const again = openSqliteVectorCache(file);
    await again.forget('d');
    await again.close();
    expect((await readFile(file)).includes(Buffer.from(secret.buffer))).toBe(false);
    await folder.remove();
  });
});
