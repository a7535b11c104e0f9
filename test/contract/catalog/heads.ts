import { describe, expect, it } from 'vitest';
import { contentRef, idOf, version } from '../../support/fixtures.js';
import { AT, makeGeneration, makeHead, makeRow } from './rows.js';
import { fresh, race, type MakeCatalog } from './maker.js';

export function describeHeads(make: MakeCatalog): void {
  describe('heads', () => {
    const store = fresh(make);
    const heads = () => store.port.heads;

    it('gives back what was raised, a bigint sequence and odd names included', async () => {
      const head = makeHead('ключ/😀 %00', 3, {
        sequence: 2n ** 60n,
        metadata: { a: [1, 'ü'], nul: 'x\u0000y' },
        content: contentRef('b1'),
        title: "it's",
      });
      expect(await heads().raise(head)).toEqual({ raised: true, head });
      expect((await heads().get([head.documentId, 'nobody'])).get(head.documentId)).toEqual(head);
    });

    it('answers for many ids and for none', async () => {
      const all = Array.from({ length: 520 }, (_, i) => makeHead(`k${i}`, 1));
      for (const head of all) await heads().raise(head);
      const found = await heads().get([...all.map((head) => head.documentId), 'absent']);
      expect(found.size).toBe(520);
      expect((await heads().get([])).size).toBe(0);
    });

    it('only ever raises: an older or equal version leaves it and is told what is there', async () => {
      const newer = makeHead('k', 5, { title: 'new' });
      await heads().raise(newer);
      for (const n of [1, 4, 5]) {
        expect(await heads().raise(makeHead('k', n, { title: 'old' }))).toEqual({ raised: false, head: newer });
      }
      const fenced = { ...makeHead('k', 1), version: version(0, 2) };
      expect((await heads().raise(fenced)).raised).toBe(true);
    });

    it('ends at the highest version whatever the order of contenders', async () => {
      const order = Array.from({ length: 50 }, (_, i) => (i * 17) % 50);
      const raised = await Promise.all(order.map((n) => heads().raise(makeHead('k', n))));
      expect(raised.filter((result) => result.raised).length).toBeGreaterThan(0);
      expect((await heads().get([idOf('k')])).get(idOf('k'))?.version).toBe(version(49));
    });

    it('decides once: of 50 contenders with one expectation exactly one wins', async () => {
      expect(await race((i) => heads().decide(makeHead('k', i + 1), undefined, 'st'))).toBe(1);
      const now = (await heads().get([idOf('k')])).get(idOf('k'))!;
      expect(await race((i) => heads().decide(makeHead('k', 100 + i), now.version, 'st'))).toBe(1);
      expect(await heads().outbox(100)).toHaveLength(2);
    });

    it('refuses a decision that is not newer, and leaves no trace of it', async () => {
      await heads().decide(makeHead('k', 5), undefined, 'st');
      expect(await heads().decide(makeHead('k', 5, { content: contentRef('b') }), version(5), 'st')).toBe(false);
      expect(await heads().decide(makeHead('k', 4, { content: contentRef('b') }), version(5), 'st')).toBe(false);
      expect(await heads().decide(makeHead('k', 6, { content: contentRef('b') }), version(4), 'st')).toBe(false);
      expect(await heads().decide(makeHead('k', 6, { content: contentRef('b') }), undefined, 'st')).toBe(false);
      expect(await heads().outbox(10)).toHaveLength(1);
      expect(await store.port.contents.known(['b'])).toEqual(new Set());
    });

    it('puts head, content and outbox entry down together, entries in the order decided', async () => {
      for (let n = 1; n <= 5; n += 1) {
        const head = makeHead('k', n, { content: contentRef(`b${n}`), sequence: BigInt(n) });
        expect(await heads().decide(head, n === 1 ? undefined : version(n - 1), 'stream')).toBe(true);
      }
      const entries = await heads().outbox(3);
      expect(entries.map((entry) => [entry.stream, entry.event.sequence])).toEqual([
        ['stream', 1n],
        ['stream', 2n],
        ['stream', 3n],
      ]);
      expect(await store.port.contents.known(['b1', 'b5', 'b6'])).toEqual(new Set(['b1', 'b5']));
      await heads().published(entries.map((entry) => entry.id));
      expect((await heads().outbox(10)).map((entry) => entry.event.sequence)).toEqual([4n, 5n]);
      await heads().published([]);
    });

    it('keeps the outbox over a restart and gives no id twice', async () => {
      await heads().decide(makeHead('a', 1), undefined, 'st');
      const [first] = await heads().outbox(1);
      await heads().published([first!.id]);
      if (store.reopens) await store.reopen();
      await heads().decide(makeHead('b', 1), undefined, 'st');
      expect((await heads().outbox(1))[0]!.id).toBeGreaterThan(first!.id);
    });

    it('lists in stable pages, by source and key, deleted ones on request', async () => {
      for (let i = 0; i < 25; i += 1) {
        await heads().raise(makeHead(`k${i}`, 1, { source: i % 2 ? 'odd' : 'even', op: i < 5 ? 'delete' : 'upsert' }));
      }
      await heads().raise(makeHead('other', 1, { collection: 'x' }));
      await heads().raise(makeHead('other', 1, { tenant: 'u' }));
      const seen: string[] = [];
      let after: string | undefined;
      for (;;) {
        const page = await heads().list('t', 'c', { limit: 4, includeDeleted: true, ...(after ? { after } : {}) });
        if (page.length === 0) break;
        seen.push(...page.map((head) => head.documentId));
        after = page[page.length - 1]!.documentId;
        // A document that comes meanwhile moves nobody.
        await heads().raise(makeHead(`late${seen.length}`, 1, { collection: 'y' }));
      }
      expect(new Set(seen).size).toBe(25);
      expect(seen).toHaveLength(25);
      expect(await heads().list('t', 'c', { limit: 100 })).toHaveLength(20);
      expect(await heads().list('t', 'c', { limit: 100, source: 'odd' })).toHaveLength(10);
      const one = await heads().list('t', 'c', { limit: 100, source: 'odd', key: 'k7' });
      expect(one.map((head) => head.event.key)).toEqual(['k7']);
    });

    it('lists old tombstones and forgets them with their rows, but none that has moved or has something to be freed', async () => {
      const { documents, contents } = store.port;
      const dead = (key: string, n: number, at = AT) => ({ ...makeHead(key, n, { op: 'delete' }), updatedAt: at });
      const tombstoneRow = (key: string, n: number, generation = 'g-1') =>
        documents.compareAndSet(makeRow(key, n, { generation, state: 'deleted', visible: null }), undefined);
      for (let i = 0; i < 5; i += 1) await heads().raise(dead(`k${i}`, 2));
      await heads().raise(dead('young', 2, '2026-02-01T00:00:00.000Z'));
      await heads().raise(makeHead('live', 2));
      await heads().raise({ ...makeHead('elsewhere', 2, { op: 'delete', collection: 'x' }) });
      const before = '2026-01-02T00:00:00.000Z';
      const first = await heads().tombstones('t', 'c', { before, limit: 3 });
      const rest = await heads().tombstones('t', 'c', { before, limit: 3, after: first[2]!.documentId });
      expect(new Set([...first, ...rest].map(({ event }) => event.key))).toEqual(
        new Set(['k0', 'k1', 'k2', 'k3', 'k4']),
      );
      for (const generation of ['g-1', 'g-2']) await tombstoneRow('k0', 2, generation);
      await tombstoneRow('k1', 1);
      await documents.compareAndSet(makeRow('k2', 2), undefined);
      await contents.record(idOf('k3'), version(1), contentRef('b'));
      const moved = dead('k4', 2);
      await heads().raise(makeHead('k4', 3));
      const all = [...first, ...rest].filter(({ event }) => event.key !== 'k4');
      await store.port.generations.create({ ...makeGeneration('g-3'), state: 'building' });
      expect(await heads().forget(all)).toBe(0);
      await store.port.generations.move('g-3', 'building', 'dropped', AT);
      expect(await heads().forget([...all, moved, makeHead('live', 2), makeHead('nobody', 2)])).toBe(1);
      const left = await heads().get(['k0', 'k1', 'k2', 'k3', 'k4', 'live'].map((key) => idOf(key)));
      expect([...left.keys()].sort()).toEqual(['k1', 'k2', 'k3', 'k4', 'live'].map((key) => idOf(key)).sort());
      expect(await documents.everywhere(idOf('k0'))).toEqual([]);
      expect(await documents.everywhere(idOf('k1'))).toHaveLength(1);
      expect(await heads().forget([])).toBe(0);
    });
  });
}
