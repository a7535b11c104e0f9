import { describe, expect, it } from 'vitest';
import { contentRef, idOf, version } from '../../support/fixtures.js';
import { makeGeneration, makeHead, makeRow } from './rows.js';
import { fresh, race, type MakeCatalog } from './maker.js';

export function describeDocuments(make: MakeCatalog): void {
  describe('documents', () => {
    const store = fresh(make);
    const documents = () => store.port.documents;

    it('gives back the row as written, offsets beyond 2^53 included', async () => {
      const row = makeRow('k', 1, { state: 'failed', error: { code: 'corrupt_document', message: 'm' } });
      const big = { ...row, seen: { ...row.seen, position: { epoch: 2, partition: 7, offset: 2n ** 62n } } };
      expect(await documents().compareAndSet(big, undefined)).toBe(true);
      const { token, ...read } = (await documents().get('g-1', row.documentId))!;
      expect(read).toEqual(big);
      expect(Number.isSafeInteger(token)).toBe(true);
      expect(await documents().get('g-2', row.documentId)).toBeUndefined();
    });

    it('writes only over the token it was told, and each write changes it', async () => {
      const id = idOf('k');
      expect(await documents().compareAndSet(makeRow('k', 1), 5)).toBe(false);
      expect(await documents().compareAndSet(makeRow('k', 1), undefined)).toBe(true);
      expect(await documents().compareAndSet(makeRow('k', 9), undefined)).toBe(false);
      const first = (await documents().get('g-1', id))!.token;
      expect(await documents().compareAndSet(makeRow('k', 2), first)).toBe(true);
      expect(await documents().compareAndSet(makeRow('k', 3), first)).toBe(false);
      const second = (await documents().get('g-1', id))!;
      expect(second.token).not.toBe(first);
      expect(second.seen.version).toBe(version(2));
      // The same content again is a write too.
      expect(await documents().compareAndSet(makeRow('k', 2), second.token)).toBe(true);
      expect(await documents().compareAndSet(makeRow('k', 2), second.token)).toBe(false);
    });

    it('lets exactly one of 50 contenders win, inserting and updating', async () => {
      expect(await race((i) => documents().compareAndSet(makeRow('k', i + 1), undefined))).toBe(1);
      for (let round = 0; round < 3; round += 1) {
        const { token } = (await documents().get('g-1', idOf('k')))!;
        expect(await race((i) => documents().compareAndSet(makeRow('k', i + 1), token))).toBe(1);
      }
    });

    it('never takes a token of a row that was dropped since for one of the row that took its place', async () => {
      const held: number[] = [];
      for (let round = 0; round < 20; round += 1) {
        await documents().compareAndSet(makeRow('k', 1), undefined);
        for (let i = 0; i < 3; i += 1) {
          const { token } = (await documents().get('g-1', idOf('k')))!;
          held.push(token);
          expect(await documents().compareAndSet(makeRow('k', 2), token)).toBe(true);
        }
        await documents().dropGeneration('g-1');
        expect(await documents().get('g-1', idOf('k'))).toBeUndefined();
      }
      await documents().compareAndSet(makeRow('k', 1), undefined);
      for (const token of held) expect(await documents().compareAndSet(makeRow('k', 9), token)).toBe(false);
    });

    it('shows what the row shows, under the policy and deletion of the head', async () => {
      const policy = { principals: ['a', 'b'], region: 'eu' };
      await store.port.heads.raise(makeHead('live', 1, { policy }));
      await documents().compareAndSet(makeRow('live', 1, { revision: 'rx' }), undefined);
      await store.port.heads.raise(makeHead('stale', 2));
      await documents().compareAndSet(makeRow('stale', 1), undefined);
      await store.port.heads.raise(makeHead('dead', 2, { op: 'delete' }));
      await documents().compareAndSet(makeRow('dead', 1), undefined);
      await store.port.heads.raise(makeHead('rowless', 1));
      await store.port.heads.raise(makeHead('failed', 1));
      await documents().compareAndSet(makeRow('failed', 1, { state: 'failed', visible: null }), undefined);
      await documents().compareAndSet(makeRow('headless', 1), undefined);
      await documents().compareAndSet(makeRow('rowless', 1, { generation: 'g-2' }), undefined);

      const keys = ['live', 'stale', 'dead', 'rowless', 'failed', 'headless', 'unknown'];
      const seen = await documents().visibility(
        'g-1',
        keys.map((key) => idOf(key)),
      );
      const shown = { tenant: 't', policy: { principals: ['local'] }, deleted: false, stale: false };
      const of = (key: string) => seen.get(idOf(key));
      expect(of('live')).toEqual({ ...shown, policy, visible: { version: version(1), revision: 'rx' } });
      expect(of('stale')).toEqual({ ...shown, stale: true, visible: { version: version(1), revision: 'r1' } });
      expect(of('dead')).toMatchObject({ deleted: true, stale: true });
      expect(of('rowless')).toEqual(shown);
      expect(of('failed')).toEqual(shown);
      expect(of('headless')).toBeUndefined();
      expect(of('unknown')).toBeUndefined();
    });

    it('answers visibility for any number of ids, doubles included', async () => {
      for (let i = 0; i < 700; i += 1) {
        await store.port.heads.raise(makeHead(`k${i}`, 1));
        if (i % 2) await documents().compareAndSet(makeRow(`k${i}`, 1), undefined);
      }
      for (const count of [0, 1, 3, 200, 700]) {
        const ids = Array.from({ length: count }, (_, i) => idOf(`k${i}`));
        const seen = await documents().visibility('g-1', [...ids, ...ids]);
        expect(seen.size).toBe(count);
        expect([...seen.values()].filter((each) => each.visible).length).toBe(Math.floor(count / 2));
      }
    });

    it('counts states and chunks, and as pending the heads it has not caught up with', async () => {
      const { heads } = store.port;
      await documents().compareAndSet(makeRow('a', 1), undefined);
      await documents().compareAndSet(makeRow('b', 2, { visible: 1 }), undefined);
      await documents().compareAndSet(makeRow('c', 1, { state: 'failed', visible: null }), undefined);
      await documents().compareAndSet(makeRow('d', 1, { state: 'deleted', visible: null }), undefined);
      await documents().compareAndSet(makeRow('e', 1, { generation: 'g-2' }), undefined);
      await heads.raise(makeHead('a', 1));
      await heads.raise(makeHead('b', 3));
      await heads.raise(makeHead('c', 1));
      await heads.raise(makeHead('d', 2, { op: 'delete' }));
      await heads.raise(makeHead('e', 1));
      await heads.raise(makeHead('f', 1, { collection: 'other' }));
      expect(await documents().counts('t', 'c', 'g-1')).toEqual({
        live: 2,
        pending: 3,
        failed: 1,
        deleted: 1,
        chunks: 6,
      });
      expect(await documents().counts('t', 'c', 'g-0')).toEqual({
        live: 0,
        pending: 5,
        failed: 0,
        deleted: 0,
        chunks: 0,
      });
    });

    it('lists in stable pages, by state, source and key', async () => {
      for (let i = 0; i < 23; i += 1) {
        const state = i % 3 === 0 ? 'failed' : 'live';
        await documents().compareAndSet(
          makeRow(`k${i}`, 1, { state, event: { source: i % 2 ? 'x' : 'y' } }),
          undefined,
        );
      }
      const seen: string[] = [];
      for (let after: string | undefined; ;) {
        const page = await documents().list('g-1', { limit: 5, ...(after ? { after } : {}) });
        if (page.length === 0) break;
        seen.push(...page.map((row) => row.documentId));
        after = page[page.length - 1]!.documentId;
      }
      expect(seen).toHaveLength(23);
      expect(new Set(seen).size).toBe(23);
      expect(await documents().list('g-1', { state: 'failed', limit: 100 })).toHaveLength(8);
      expect(await documents().list('g-1', { state: 'failed', source: 'x', limit: 100 })).toHaveLength(4);
      expect(await documents().list('g-1', { source: 'x', key: 'k3', limit: 100 })).toHaveLength(1);
      expect(await documents().list('g-2', { limit: 100 })).toEqual([]);
    });

    it('knows the highest position seen, one a partition and epoch', async () => {
      await documents().compareAndSet(makeRow('a', 9, { partition: 1 }), undefined);
      await documents().compareAndSet(makeRow('b', 10, { partition: 1 }), undefined);
      await documents().compareAndSet(makeRow('c', 255, { partition: 2 }), undefined);
      await documents().compareAndSet(makeRow('d', 300, { partition: 2, generation: 'g-2' }), undefined);
      expect(await documents().positions('g-1')).toEqual([
        { epoch: 1, partition: 1, offset: 10n },
        { epoch: 1, partition: 2, offset: 255n },
      ]);
      expect(await documents().positions('g-0')).toEqual([]);
    });

    it('tells the languages of what is shown, the commonest first', async () => {
      await documents().compareAndSet(makeRow('a', 1, { language: 'de' }), undefined);
      await documents().compareAndSet(makeRow('b', 1, { language: 'en' }), undefined);
      await documents().compareAndSet(makeRow('c', 1, { language: 'en' }), undefined);
      await documents().compareAndSet(makeRow('d', 1), undefined);
      await documents().compareAndSet(makeRow('e', 1, { language: 'fr', visible: null }), undefined);
      await documents().compareAndSet(makeRow('f', 1, { language: 'fr', generation: 'g-2' }), undefined);
      const languages = await documents().languages('g-1');
      expect(languages[0]).toBe('en');
      expect(new Set(languages)).toEqual(new Set(['en', 'de', 'und']));
    });

    it('finds a document everywhere and drops one generation alone, however large', async () => {
      for (let i = 0; i < 503; i += 1) await documents().compareAndSet(makeRow(`k${i}`, 1), undefined);
      await documents().compareAndSet(makeRow('k1', 1, { generation: 'g-2' }), undefined);
      expect((await documents().everywhere(idOf('k1'))).map((row) => row.generation)).toEqual(['g-1', 'g-2']);
      await documents().dropGeneration('g-1');
      expect(await documents().list('g-1', { limit: 10 })).toEqual([]);
      expect((await documents().everywhere(idOf('k1'))).map((row) => row.generation)).toEqual(['g-2']);
    });
  });

  describe('contents', () => {
    const store = fresh(make);
    const contents = () => store.port.contents;
    const free = async (key: string) => (await contents().freeable(idOf(key))).map((ref) => ref.blob).sort();

    it('frees what every row has left behind and none shows, and nothing before some row is newer', async () => {
      const { documents } = store.port;
      for (const n of [1, 2, 3]) {
        await contents().record(idOf('k'), version(n), contentRef(`b${n}`));
        await contents().record(idOf('k'), version(n), contentRef(`b${n}`));
      }
      expect(await free('k')).toEqual([]);
      await documents.compareAndSet(makeRow('k', 1), undefined);
      expect(await free('k')).toEqual([]);
      const token = async (generation: string) => (await documents.get(generation, idOf('k')))!.token;
      // Another generation that is behind still needs the first.
      await documents.compareAndSet(makeRow('k', 1, { generation: 'g-2' }), undefined);
      await documents.compareAndSet(makeRow('k', 3), await token('g-1'));
      expect(await free('k')).toEqual([]);
      // It failed at 3 and shows 1: 2 can go, 1 can't.
      await documents.compareAndSet(
        makeRow('k', 3, { generation: 'g-2', state: 'failed', visible: 1 }),
        await token('g-2'),
      );
      expect(await free('k')).toEqual(['b2']);
      await documents.compareAndSet(makeRow('k', 3, { generation: 'g-2' }), await token('g-2'));
      expect(await free('k')).toEqual(['b1', 'b2']);
      expect(await contents().freeable(idOf('k'))).toContainEqual(contentRef('b1'));
      await contents().forget(idOf('k'), ['b1', 'b2']);
      await contents().forget(idOf('other'), ['b3']);
      expect(await free('k')).toEqual([]);
      expect(await contents().known(['b1', 'b2', 'b3', 'b4'])).toEqual(new Set(['b3']));
      expect(await contents().known([])).toEqual(new Set());
    });

    it('waits for generations that have not come to the document, unless it was deleted since', async () => {
      const { documents, generations, heads } = store.port;
      for (const [id, state] of Object.entries({ 'g-1': 'live', 'g-2': 'shadow', 'g-3': 'building' } as const)) {
        await generations.create({ ...makeGeneration(id), state });
      }
      await contents().record(idOf('k'), version(1), contentRef('b1'));
      await heads.raise(makeHead('k', 2));
      await documents.compareAndSet(makeRow('k', 2), undefined);
      expect(await free('k')).toEqual([]);
      await heads.raise(makeHead('k', 3, { op: 'delete' }));
      expect(await free('k')).toEqual(['b1']);
      await heads.raise(makeHead('k', 4));
      await contents().record(idOf('k'), version(3), contentRef('b3'));
      await documents.compareAndSet(makeRow('k', 4), (await documents.get('g-1', idOf('k')))!.token);
      expect(await free('k')).toEqual([]);
      await documents.compareAndSet(makeRow('k', 4, { generation: 'g-2' }), undefined);
      expect(await free('k')).toEqual(['b1', 'b3']);
    });

    it('frees everything below a tombstone', async () => {
      await contents().record(idOf('k'), version(1), contentRef('b1'));
      await store.port.documents.compareAndSet(makeRow('k', 2, { state: 'deleted', visible: null }), undefined);
      expect(await free('k')).toEqual(['b1']);
    });
  });
}
