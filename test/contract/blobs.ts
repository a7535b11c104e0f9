import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { BlobOwner, BlobStore } from '../../src/core/ports/blobs.js';
import { contentRef } from '../support/fixtures.js';
import { fresh, type Made } from './catalog/maker.js';

const OWNER: BlobOwner = { tenant: 't', collection: 'c', documentId: 'd1', kind: 'original' };

/** Names that try to leave their place, or to be another's. */
const HOSTILE = [
  '..',
  '.',
  '/etc',
  'a/b',
  'a\\b',
  'A',
  'a',
  '',
  'ü',
  'con',
  'a b',
  '_',
  '=x',
  '.tmp',
  'x'.repeat(400),
  '%2e',
];

function owner(documentId: string, change: Partial<BlobOwner> = {}): BlobOwner {
  return { ...OWNER, documentId, ...change };
}

async function* chunked(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

async function listed(store: BlobStore, of: Pick<BlobOwner, 'tenant' | 'collection'> = OWNER) {
  const all: { blob: string; bytes: number; documentId: string }[] = [];
  for await (const each of store.list(of)) all.push({ ...each.ref, documentId: each.documentId });
  return all;
}

/** What every blob store owes (src/core/ports/blobs.ts). */
export function describeBlobsContract(name: string, make: () => Promise<Made<BlobStore>>): void {
  describe(`BlobStore: ${name}`, () => {
    const store = fresh(make);
    const blobs = () => store.port;

    it('gives back what was put, from memory and from streams, empty and large', async () => {
      for (const size of [0, 1, 1000, 3_000_000]) {
        const bytes = randomBytes(size);
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        for (const data of [bytes, Readable.from(chunked(bytes, 70_000))]) {
          const ref = await blobs().put(OWNER, data);
          expect(ref).toMatchObject({ bytes: size, sha256 });
          expect(Buffer.compare(await blobs().read(ref), bytes)).toBe(0);
          expect(Buffer.compare(await buffer(await blobs().get(ref)), bytes)).toBe(0);
        }
      }
      const text = await blobs().put(OWNER, Readable.from(['zwei ', 'Wörter']));
      expect(Buffer.from(await blobs().read(text)).toString()).toBe('zwei Wörter');
    });

    it('takes over a blob of another store under its name, again too, and nothing that is not what it says', async () => {
      const bytes = randomBytes(200_000);
      const ref = await blobs().put(OWNER, bytes);
      await blobs().delete(ref);
      for (let time = 0; time < 2; time += 1) await blobs().putAs(ref, Readable.from(chunked(bytes, 70_000)));
      expect(Buffer.compare(await blobs().read(ref), bytes)).toBe(0);
      expect(await listed(blobs())).toMatchObject([{ blob: ref.blob, documentId: 'd1' }]);
      await blobs().delete(ref);
      for (const other of [bytes.subarray(1), Buffer.concat([bytes, bytes]), randomBytes(200_000)]) {
        const put = blobs().putAs(ref, Readable.from([other]));
        await expect(put).rejects.toMatchObject({ code: 'data_corrupt' });
        await expect(blobs().read(ref)).rejects.toMatchObject({ code: 'content_missing' });
      }
      for (const blob of ['../x', 'a/b/c', `${ref.blob}/../../x`]) {
        const put = blobs().putAs({ ...ref, blob }, Readable.from([bytes]));
        await expect(put).rejects.toMatchObject({ code: 'invalid_request' });
      }
    });

    it('never shares: the same bytes twice are two blobs', async () => {
      const bytes = Buffer.from('same');
      const [one, two] = await Promise.all([blobs().put(OWNER, bytes), blobs().put(OWNER, bytes)]);
      expect(one.blob).not.toBe(two.blob);
      await blobs().delete(one);
      expect(Buffer.from(await blobs().read(two)).toString()).toBe('same');
    });

    it('reads ranges', async () => {
      const ref = await blobs().put(OWNER, Buffer.from('0123456789'));
      const read = async (start: number, end: number) =>
        (await buffer(await blobs().get(ref, { start, end }))).toString();
      expect(await read(0, 10)).toBe('0123456789');
      expect(await read(3, 5)).toBe('34');
      expect(await read(8, 100)).toBe('89');
      expect(await read(4, 4)).toBe('');
      await expect(blobs().get(ref, { start: 5, end: 4 })).rejects.toMatchObject({ code: 'invalid_request' });
    });

    it('refuses more than the bound and leaves nothing behind', async () => {
      const bytes = randomBytes(200_000);
      expect((await blobs().put(OWNER, bytes, { maxBytes: 200_000 })).bytes).toBe(200_000);
      let produced = 0;
      const endless = Readable.from(
        (async function* () {
          for (;;) {
            produced += 1;
            yield randomBytes(10_000);
          }
        })(),
      );
      for (const data of [bytes, endless]) {
        await expect(blobs().put(owner('d2'), data, { maxBytes: 100_000 })).rejects.toMatchObject({
          code: 'document_too_large',
        });
      }
      expect(produced).toBeLessThan(100);
      expect(endless.destroyed).toBe(true);
      expect((await listed(blobs())).map((each) => each.documentId)).toEqual(['d1']);
    });

    it('stops when cancelled, also while the source waits, and leaves nothing behind', async () => {
      const stop = new AbortController();
      const waiting = new Readable({ read: () => undefined });
      waiting.push('begun');
      const put = blobs().put(OWNER, waiting, { signal: stop.signal });
      stop.abort();
      await expect(put).rejects.toMatchObject({ code: 'cancelled' });
      await expect(blobs().put(OWNER, Buffer.from('x'), { signal: stop.signal })).rejects.toMatchObject({
        code: 'cancelled',
      });
      expect(await listed(blobs())).toEqual([]);
    });

    it('passes on what the source throws, unchanged, and leaves nothing behind', async () => {
      const failure = Object.assign(new Error('source failed'), { code: 'EACCES' });
      const source = Readable.from(
        (async function* () {
          yield Buffer.from('begun');
          throw failure;
        })(),
      );
      await expect(blobs().put(OWNER, source)).rejects.toBe(failure);
      expect(await listed(blobs())).toEqual([]);
    });

    it('says so when content is gone, and deletes what is gone without complaint', async () => {
      const ref = await blobs().put(OWNER, Buffer.from('x'));
      await blobs().delete(ref);
      await blobs().delete(ref);
      await expect(blobs().get(ref)).rejects.toMatchObject({ code: 'content_missing' });
      await expect(blobs().read(ref)).rejects.toMatchObject({ code: 'content_missing' });
      await blobs().deleteDocument(owner('never'));
      await blobs().deleteCollection({ tenant: 'no', collection: 'body' });
    });

    it('opens nothing but its own blobs, whatever a reference says', async () => {
      const good = await blobs().put(OWNER, Buffer.from('x'));
      for (const blob of [
        '',
        '/etc/passwd',
        '../secret',
        `${good.blob}/../x`,
        `./${good.blob}`,
        'a/b/00/d/original-x',
      ]) {
        const ref = contentRef(blob);
        await expect(blobs().read(ref)).rejects.toMatchObject({ code: 'content_missing' });
        await blobs().delete(ref);
      }
      expect(await listed(blobs())).toHaveLength(1);
    });

    it('keeps hostile names of tenants, collections and documents apart and inside', async () => {
      const made = new Map<string, string>();
      for (const tenant of HOSTILE) {
        for (const collection of HOSTILE.slice(0, 6)) {
          const ref = await blobs().put({ ...OWNER, tenant, collection }, Buffer.from(`${tenant}|${collection}`));
          expect(made.has(ref.blob.toLowerCase())).toBe(false);
          made.set(ref.blob.toLowerCase(), tenant);
          expect(Buffer.from(await blobs().read(ref)).toString()).toBe(`${tenant}|${collection}`);
          expect(await listed(blobs(), { tenant, collection })).toHaveLength(1);
        }
      }
      for (const documentId of HOSTILE.filter((each) => each.length < 100)) {
        await blobs().put(owner(documentId, { collection: 'docs' }), Buffer.from('x'));
      }
      const ids = (await listed(blobs(), { tenant: 't', collection: 'docs' })).map((each) => each.documentId);
      expect(new Set(ids)).toEqual(new Set(HOSTILE.filter((each) => each.length < 100)));
      await blobs().deleteCollection({ tenant: '..', collection: '..' });
      expect(await listed(blobs(), { tenant: 'a', collection: 'A' })).toHaveLength(1);
    });

    it('lists a collection with sizes, owners and ages', async () => {
      const before = Date.now() - 2000;
      for (let i = 0; i < 30; i += 1) await blobs().put(owner(`d${i % 10}`), Buffer.alloc(i));
      await blobs().put(owner('x', { collection: 'other' }), Buffer.from('x'));
      const all = await listed(blobs());
      expect(all).toHaveLength(30);
      expect(new Set(all.map((each) => each.blob)).size).toBe(30);
      expect(all.map((each) => each.bytes).sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i));
      for await (const each of blobs().list(OWNER)) expect(each.modifiedAt.getTime()).toBeGreaterThan(before);
      expect(await listed(blobs(), { tenant: 'x', collection: 'y' })).toEqual([]);
    });

    it('deletes a document and a collection and nothing of others', async () => {
      for (const documentId of ['a', 'b']) {
        for (const collection of ['c', 'c2']) {
          await blobs().put(owner(documentId, { collection }), Buffer.from('x'));
          await blobs().put(owner(documentId, { collection, kind: 'parsed' }), Buffer.from('y'));
        }
      }
      await blobs().deleteDocument(owner('a'));
      expect((await listed(blobs())).map((each) => each.documentId)).toEqual(['b', 'b']);
      expect(await listed(blobs(), { tenant: 't', collection: 'c2' })).toHaveLength(4);
      await blobs().deleteCollection({ tenant: 't', collection: 'c2' });
      expect(await listed(blobs(), { tenant: 't', collection: 'c2' })).toEqual([]);
      expect(await listed(blobs())).toHaveLength(2);
    });

    it('stays right while one document is written and deleted at once', async () => {
      const kept: string[] = [];
      await Promise.all(
        Array.from({ length: 40 }, async (_, i) => {
          const ref = await blobs().put(owner('d1'), Buffer.from(String(i)));
          if (i % 2) await blobs().delete(ref);
          else kept.push(ref.blob);
        }),
      );
      expect((await listed(blobs())).map((each) => each.blob).sort()).toEqual(kept.sort());
    });

    it('keeps everything over a restart', async () => {
      if (!store.reopens) return;
      const ref = await blobs().put(OWNER, Buffer.from('kept'));
      const port = await store.reopen();
      expect(Buffer.from(await port.read(ref)).toString()).toBe('kept');
    });
  });
}
