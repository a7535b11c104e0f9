import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileBlobs } from '../../src/adapters/blobs/files/index.js';
import { openSqliteVectorCache } from '../../src/adapters/cache/sqlite/index.js';
import { openSqliteCatalog } from '../../src/adapters/catalog/sqlite/index.js';
import { openSqliteLog } from '../../src/adapters/log/sqlite/index.js';
import { lockDataDirectory } from '../../src/runtime/data-lock.js';
import { makeEvent } from '../support/fixtures.js';
import type { SmallDisk } from '../support/mounts.js';
import { canMount, readOnlyView, smallDisk } from '../support/mounts.js';

const OWNER = { tenant: 't', collection: 'c', documentId: 'd', kind: 'original' } as const;

describe.skipIf(!(await canMount()))('a real disk that is full or read-only (needs the right to mount)', () => {
  let disk: SmallDisk;
  let path: string;
  beforeEach(async () => {
    disk = await smallDisk(2);
    path = disk.path;
  });
  afterEach(() => disk.remove());

  /** Fills the disk, expects the typed error, frees it, expects work to go on. */
  async function filled(work: () => Promise<unknown>): Promise<void> {
    disk.fill();
    const until = async () => {
      for (let i = 0; i < 500; i += 1) await work();
    };
    await expect(until()).rejects.toMatchObject({ code: 'disk_full', permanence: 'transient' });
    disk.free();
    await work();
  }

  it('the log', async () => {
    const log = openSqliteLog(join(path, 'log.db'));
    let n = 0;
    const metadata = { text: 'x'.repeat(4000) };
    const good = async () => (n += (await log.append('s', [makeEvent('k', { metadata })])).length);
    await good();
    await filled(good);
    const end = (await log.end('s')).reduce((sum, each) => sum + Number(each.offset), 0);
    expect(end).toBe(n);
    await log.close();
  });

  it('the catalog', async () => {
    const catalog = await openSqliteCatalog(join(path, 'catalog.db'));
    let n = 0;
    const good = () => catalog.meta.set(`name${(n += 1)}`, 'x'.repeat(4000));
    await filled(good);
    expect(await catalog.meta.get(`name${n}`)).toBeDefined();
    await catalog.close();
  });

  it('the blobs', async () => {
    const blobs = await openFileBlobs(join(path, 'blobs'));
    const bytes = Buffer.alloc(100_000);
    const first = await blobs.put(OWNER, bytes);
    await filled(() => blobs.put({ ...OWNER, collection: 'fill' }, bytes));
    expect((await blobs.read(first)).byteLength).toBe(100_000);
  });

  it('the vector cache', async () => {
    const cache = openSqliteVectorCache(join(path, 'vectors.db'));
    let n = 0;
    await filled(() => cache.put('b', [{ input: `i${(n += 1)}`, vector: new Float32Array(1000) }], 'd'));
    await cache.close();
  });

  it('is told by its name when it is read-only', async () => {
    const log = openSqliteLog(join(path, 'log.db'));
    await log.append('s', [makeEvent('k')]);
    await log.close();
    const catalog = await openSqliteCatalog(join(path, 'catalog.db'));
    await openFileBlobs(join(path, 'blobs'));
    await catalog.close();
    // The first can't become read-only while files may be open.
    const { path: view, ...mounted } = await readOnlyView(path);
    const readOnly = { code: 'read_only' };
    try {
      await expect(openFileBlobs(join(view, 'blobs'))).rejects.toMatchObject(readOnly);
      expect(() => openSqliteLog(join(view, 'log.db'))).toThrow(expect.objectContaining(readOnly) as Error);
      await expect(openSqliteCatalog(join(view, 'catalog.db'))).rejects.toMatchObject(readOnly);
      await expect(lockDataDirectory(view)).rejects.toMatchObject(readOnly);
      await expect(lockDataDirectory(join(view, 'new'))).rejects.toMatchObject(readOnly);
    } finally {
      await mounted.remove();
    }
  });
});
