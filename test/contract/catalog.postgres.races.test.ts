import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPostgresCatalog } from '../../src/adapters/catalog/postgres/index.js';
import type { Catalog } from '../../src/core/ports/catalog.js';
import { contentRef, idOf, version } from '../support/fixtures.js';
import { describeWith } from '../support/needs.js';
import { dropSchema, newSchema } from '../support/postgres.js';
import { AT, makeGeneration, makeHead, makeRow } from './catalog/rows.js';

const NAME = { tenant: 't', collection: 'c', source: 's' };
const LONG_AGO = '2020-01-01T00:00:00.000Z';
/** Enough for the first four tests to fail when the isolation is read committed. */
const ROUNDS = Array.from({ length: 40 }, (_, round) => round);

/** What two processes on one database could do to each other, and one process on SQLite cannot. */
describeWith('POSTGRES_URL', 'Catalog: PostgreSQL, two processes', (url) => {
  describe('Catalog: PostgreSQL, two processes', () => {
    let schema: string;
    let a: Catalog;
    let b: Catalog;
    beforeEach(async () => {
      schema = newSchema();
      [a, b] = await Promise.all([openPostgresCatalog({ url, schema }), openPostgresCatalog({ url, schema })]);
    });
    afterEach(async () => {
      await Promise.all([a.close(), b.close()]);
      await dropSchema(url, schema);
    });

    it('release a generation or drop it, never both', async () => {
      for (const round of ROUNDS) {
        const collection = `c${round}`;
        const id = `g-${round}`;
        await a.generations.create({ ...makeGeneration(id), collection });
        const release = { tenant: 't', collection, number: 1, generation: id, spaces: {}, retrieval: {}, at: AT };
        const done = await Promise.all([a.releases.switch(release, 0), b.generations.move(id, 'draft', 'dropped', AT)]);
        expect(done.filter(Boolean)).toHaveLength(1);
        expect((await a.generations.get(id))!.state).toBe(done[0] ? 'live' : 'dropped');
      }
    });

    it('take no text from under a row that came to show it', async () => {
      for (const round of ROUNDS) {
        const key = `k${round}`;
        const documentId = idOf(key);
        const add = (n: number, revision: string) =>
          a.revisions.add({
            ...{ documentId, revision, version: version(n), createdAt: AT, replacedAt: LONG_AGO },
            parsed: contentRef(`${key}-${revision}`),
          });
        await Promise.all([add(1, 'r1'), add(1, 'r2')]);
        const show = async (revision: string, generation: string) => {
          await b.documents.compareAndSet(makeRow(key, 1, { revision, generation }), undefined);
          // What a worker asks after it wrote its row: when the text is gone, it stores it again.
          return b.revisions.get(documentId, revision);
        };
        const [, , kept1, kept2] = await Promise.all([
          a.revisions.takeExpired(AT, 1),
          a.revisions.takeFreeable(documentId, version(2)),
          show('r1', 'g-1'),
          show('r2', 'g-2'),
        ]);
        const left = (await a.revisions.list(documentId)).map(({ revision }) => revision);
        if (kept1) expect(left).toContain('r1');
        if (kept2) expect(left).toContain('r2');
      }
    });

    it('forget a document with its rows, or neither', async () => {
      for (const round of ROUNDS) {
        const key = `k${round}`;
        const head = makeHead(key, 2, { op: 'delete' });
        await a.heads.raise(head);
        await a.documents.compareAndSet(makeRow(key, 2, { state: 'deleted', visible: null }), undefined);
        const [, inserted] = await Promise.all([
          a.heads.forget([head]),
          // A generation that lags comes to the version before.
          b.documents.compareAndSet(makeRow(key, 1, { generation: 'g-2' }), undefined),
        ]);
        expect(inserted).toBe(true);
        const rows = (await a.documents.everywhere(head.documentId)).map(({ generation }) => generation);
        const headIsLeft = (await a.heads.get([head.documentId])).size === 1;
        expect(rows).toEqual(headIsLeft ? ['g-1', 'g-2'] : ['g-2']);
      }
    });

    it('give no fence twice, whatever is removed and claimed meanwhile', async () => {
      let highest = 0;
      for (const round of ROUNDS) {
        await a.sources.claim(NAME, 'api');
        const taken = await Promise.all([
          ...[a, b, a, b].map((each) => each.sources.nextFence(NAME).catch(() => 0)),
          (round % 2 ? a : b).sources.delete(NAME).then(() => 0),
          b.sources.claim(NAME, 'api').then(() => 0),
          ...[a, b].map((each) => each.sources.nextFence(NAME).catch(() => 0)),
        ]);
        const given = taken.filter((fence) => fence > 0).sort((x, y) => x - y);
        expect(new Set(given).size).toBe(given.length);
        if (given.length > 0) expect(given[0]).toBeGreaterThan(highest);
        highest = Math.max(highest, ...given);
      }
    });

    it('give each lease to one of 50 and each fence once', async () => {
      const each = Array.from({ length: 50 }, (_, i) => (i % 2 ? a : b));
      await a.sources.claim(NAME, 'api');
      const leases = await Promise.all(each.map((of, i) => of.leases.acquire('l', `h${i}`, 1000, 0, NAME)));
      expect(leases.filter(Boolean)).toHaveLength(1);
      const fences = await Promise.all(each.map((of) => of.sources.nextFence(NAME)));
      expect(new Set(fences).size).toBe(50);
      expect(Math.min(...fences)).toBeGreaterThan(leases.find(Boolean)!.fence);
    });

    it('keep one item a key in an inventory', async () => {
      for (const round of ROUNDS) {
        const items = Array.from({ length: 20 }, (_, i) => ({ key: `k${round}-${i}`, scope: '', state: { i } }));
        const put = (of: Catalog) => of.cursors.updateInventory(NAME, 1, items, []);
        expect(await Promise.all([put(a), put(b), put(a)])).toEqual([true, true, true]);
      }
      const keys = (await a.cursors.inventory(NAME, { limit: 10_000 })).map(({ key }) => key);
      expect(keys).toHaveLength(20 * ROUNDS.length);
      expect(new Set(keys).size).toBe(keys.length);
    });

    it('drop a generation to its last row, though another drops it too', async () => {
      const ids = Array.from({ length: 1100 }, (_, i) => i);
      for (let from = 0; from < ids.length; from += 100) {
        await Promise.all(
          ids.slice(from, from + 100).map((i) => a.documents.compareAndSet(makeRow(`k${i}`, 1), undefined)),
        );
      }
      const left = async (of: Catalog) => {
        await of.documents.dropGeneration('g-1');
        return of.documents.list('g-1', { limit: 10 });
      };
      expect(await Promise.all([left(a), left(b)])).toEqual([[], []]);
    });

    it('write a history without gaps or doubles', async () => {
      await a.generations.create(makeGeneration('g-1'));
      const states = ['draft', 'building', 'shadow'] as const;
      const turn = async (of: Catalog) => {
        let moved = 0;
        for (const round of ROUNDS) {
          for (const from of states) {
            const to = states[(states.indexOf(from) + 1) % states.length]!;
            if (await of.generations.move('g-1', from, to, AT, String(round))) moved += 1;
          }
        }
        return moved;
      };
      const moved = await Promise.all([turn(a), turn(b)]);
      const { history, state } = (await a.generations.get('g-1'))!;
      expect(history).toHaveLength(1 + moved[0] + moved[1]);
      history.slice(1).forEach((move, i) => {
        const before = states.indexOf(history[i]!.state as (typeof states)[number]);
        expect(move.state).toBe(states[(before + 1) % states.length]);
      });
      expect(history.at(-1)!.state).toBe(state);
    });

    it('decide and publish a document in one order, all of it', async () => {
      const last = 60;
      const decide = async (of: Catalog) => {
        for (;;) {
          const now = (await of.heads.get([idOf('k')])).get(idOf('k'));
          const n = Number(now?.event.sequence ?? 0n) + 1;
          if (n > last) return;
          await of.heads.decide(makeHead('k', n, { sequence: BigInt(n) }), now?.version, 'st');
          // Another document, whose entries are numbered in between and committed in any order.
          await of.heads.decide(makeHead(`other${n}`, 1), undefined, 'st');
        }
      };
      let deciding = true;
      const published: bigint[] = [];
      const publish = async () => {
        for (let more = true; more || deciding;) {
          const entries = await b.heads.outbox(7);
          more = entries.length > 0;
          published.push(...entries.flatMap(({ event }) => (event.key === 'k' ? [event.sequence!] : [])));
          await b.heads.published(entries.map(({ id }) => id));
        }
      };
      const publishing = publish();
      await Promise.all([decide(a), decide(b), decide(a)]);
      deciding = false;
      await publishing;
      expect(published).toEqual(Array.from({ length: last }, (_, i) => BigInt(i + 1)));
    });
  });
});
