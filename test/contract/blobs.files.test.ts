import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileError } from '../../src/adapters/blobs/files/errors.js';
import { openFileBlobs } from '../../src/adapters/blobs/files/index.js';
import type { BlobStore } from '../../src/core/ports/blobs.js';
import { temporaryFolder } from '../support/fixtures.js';
import { describeBlobsContract } from './blobs.js';
import type { Made } from './catalog/maker.js';

async function make(): Promise<Made<BlobStore>> {
  const folder = await temporaryFolder();
  const open = async (): Promise<Made<BlobStore>> => ({
    port: await openFileBlobs(join(folder.path, 'blobs')),
    close: () => folder.remove(),
    reopen: open,
  });
  return open();
}

describeBlobsContract('files', make);

describe('blob files', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  it('sweeps what a crash left half written, and nothing else', async () => {
    const blobs = await openFileBlobs(folder.path);
    const owner = { tenant: 't', collection: 'c', documentId: 'd', kind: 'original' } as const;
    const ref = await blobs.put(owner, Buffer.from('x'));
    await writeFile(join(folder.path, '.tmp', 'half'), 'half');
    const again = await openFileBlobs(folder.path);
    expect(await readdir(join(folder.path, '.tmp'))).toEqual([]);
    expect(Buffer.from(await again.read(ref)).toString()).toBe('x');
    expect(again.path(ref)).toBe(join(folder.path, ref.blob));
  });

  it('leaves no empty folders', async () => {
    const blobs = await openFileBlobs(folder.path);
    const owner = { tenant: 't', collection: 'c', documentId: 'd', kind: 'original' } as const;
    const refs = [await blobs.put(owner, Buffer.from('x')), await blobs.put(owner, Buffer.from('y'))];
    await blobs.delete(refs[0]!);
    expect(await readdir(folder.path)).toEqual(['.tmp', 'format.json', 't']);
    await blobs.delete(refs[1]!);
    expect(await readdir(folder.path)).toEqual(['.tmp', 'format.json']);
    await blobs.put(owner, Buffer.from('x'));
    await blobs.deleteDocument(owner);
    expect(await readdir(folder.path)).toEqual(['.tmp', 'format.json']);
  });

  it('stores beside deletions that take the empty folders away', async () => {
    const blobs = await openFileBlobs(folder.path);
    const owner = { tenant: 't', collection: 'c', documentId: 'd', kind: 'original' } as const;
    const again = async (): Promise<void> => {
      for (let i = 0; i < 500; i += 1) await blobs.delete(await blobs.put(owner, Buffer.from('x')));
    };
    await Promise.all(Array.from({ length: 4 }, again));
    expect(await readdir(folder.path)).toEqual(['.tmp', 'format.json']);
  });

  it('names a full and a read-only disk', async () => {
    const of = (code: string) => fileError(Object.assign(new Error(code), { code }), '/data');
    expect(of('ENOSPC')).toMatchObject({ code: 'disk_full', permanence: 'transient' });
    expect(of('EROFS')).toMatchObject({ code: 'read_only' });
    expect(of('EIO')).toMatchObject({ code: 'EIO' });
    await mkdir(join(folder.path, 'file'), { recursive: true });
    await writeFile(join(folder.path, 'file', 'blobs'), '');
    await expect(openFileBlobs(join(folder.path, 'file', 'blobs'))).rejects.toThrow();
  });
});
