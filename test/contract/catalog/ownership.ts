import { describe, expect, it } from 'vitest';
import { version } from '../../support/fixtures.js';
import { fresh, race, type MakeCatalog } from './maker.js';
import { makeHead } from './rows.js';

const NAME = { tenant: 't', collection: 'c', source: 's' };
const OTHER = { ...NAME, source: 'o' };

/** Sources, leases and cursors: who may write, and with which fence. */
export function describeOwnership(make: MakeCatalog): void {
  describe('sources', () => {
    const store = fresh(make);
    const sources = () => store.port.sources;

    it('belong to whom claimed them first', async () => {
      expect(await sources().claim(NAME, 'api')).toEqual({ ...NAME, owner: 'api', fence: 0 });
      expect(await sources().claim(NAME, 'api')).toEqual({ ...NAME, owner: 'api', fence: 0 });
      await expect(sources().claim(NAME, 'connector:files')).rejects.toMatchObject({ code: 'source_owned' });
      await sources().claim(OTHER, 'connector:files');
      expect((await sources().list('t', 'c')).map((each) => each.source)).toEqual(['o', 's']);
      expect(await sources().get({ ...NAME, tenant: 'x' })).toBeUndefined();
    });

    it('have one owner when 50 claim at once', async () => {
      const won = await race((i) =>
        sources()
          .claim(NAME, `connector:${i}`)
          .then(
            () => true,
            () => false,
          ),
      );
      expect(won).toBe(1);
    });

    it('give each fence once, rising', async () => {
      await expect(sources().nextFence(NAME)).rejects.toMatchObject({ code: 'not_found' });
      await sources().claim(NAME, 'api');
      const fences = await Promise.all(Array.from({ length: 50 }, () => sources().nextFence(NAME)));
      expect([...fences].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
      await sources().raiseFence(NAME, 100);
      await sources().raiseFence(NAME, 7);
      expect(await sources().nextFence(NAME)).toBe(101);
      expect((await sources().get(NAME))!.fence).toBe(101);
    });

    it('only raise their floor', async () => {
      await sources().claim(NAME, 'api');
      expect((await sources().get(NAME))!.floor).toBeUndefined();
      await sources().raiseFloor(NAME, version(5));
      await sources().raiseFloor(NAME, version(3));
      expect((await sources().get(NAME))!.floor).toBe(version(5));
    });

    it('begin above every earlier fence when they are made again', async () => {
      await sources().claim(NAME, 'api');
      for (let i = 0; i < 5; i += 1) await sources().nextFence(NAME);
      await sources().delete(NAME);
      expect(await sources().get(NAME)).toBeUndefined();
      await sources().claim(NAME, 'connector:x');
      expect(await sources().nextFence(NAME)).toBeGreaterThan(5);
    });
  });

  describe('leases', () => {
    const store = fresh(make);
    const leases = () => store.port.leases;

    it('go to one of 50 contenders', async () => {
      expect(await race(async (i) => (await leases().acquire('l', `h${i}`, 1000, 0)) !== undefined)).toBe(1);
    });

    it('all end at once for who knows their holders dead, and their fences go on rising', async () => {
      const dead = (await leases().acquire('l', 'a', 1000, 0))!;
      await leases().acquire('m', 'a', 1000, 0);
      await leases().endAll();
      expect(await leases().renew(dead, 1000, 1)).toBe(false);
      const next = (await leases().acquire('l', 'b', 1000, 1))!;
      expect(next.fence).toBeGreaterThan(dead.fence);
      expect(await leases().acquire('m', 'b', 1000, 1)).toBeDefined();
    });

    it('change hands only after expiry or release, with a higher fence each time', async () => {
      const a = (await leases().acquire('l', 'a', 1000, 0))!;
      expect(a).toMatchObject({ name: 'l', holder: 'a', expiresAt: 1000 });
      expect(await leases().acquire('l', 'b', 1000, 999)).toBeUndefined();
      const b = (await leases().acquire('l', 'b', 1000, 1000))!;
      expect(b.fence).toBeGreaterThan(a.fence);
      expect(await leases().renew(a, 1000, 1001)).toBe(false);
      await leases().release(a);
      expect(await leases().acquire('l', 'c', 1000, 1001)).toBeUndefined();
      await leases().release(b);
      const c = (await leases().acquire('l', 'c', 1000, 1002))!;
      expect(c.fence).toBeGreaterThan(b.fence);
    });

    it('raise the fence also when the same holder comes back after expiry, not while it holds', async () => {
      const first = (await leases().acquire('l', 'a', 1000, 0))!;
      const again = (await leases().acquire('l', 'a', 1000, 500))!;
      expect(again).toMatchObject({ fence: first.fence, expiresAt: 1500 });
      const after = (await leases().acquire('l', 'a', 1000, 1500))!;
      expect(after.fence).toBeGreaterThan(first.fence);
      expect(await leases().renew(first, 1000, 1600)).toBe(false);
    });

    it('are renewed while held and not after', async () => {
      const lease = (await leases().acquire('l', 'a', 1000, 0))!;
      expect(await leases().renew(lease, 1000, 900)).toBe(true);
      expect(await leases().acquire('l', 'b', 1000, 1500)).toBeUndefined();
      expect(await leases().renew(lease, 1000, 1900)).toBe(false);
    });

    it('tell whether somebody holds them', async () => {
      expect(await leases().held('l', 0)).toBe(false);
      const lease = (await leases().acquire('l', 'a', 1000, 0))!;
      expect([await leases().held('l', 999), await leases().held('l', 1000)]).toEqual([true, false]);
      await leases().release(lease);
      expect(await leases().held('l', 500)).toBe(false);
    });

    it('take their number from the source, together with everybody else who asks it', async () => {
      await store.port.sources.claim(NAME, 'connector:x');
      expect(await store.port.sources.nextFence(NAME)).toBe(1);
      const a = (await leases().acquire('task', 'a', 10, 0, NAME))!;
      expect(a.fence).toBe(2);
      expect(await store.port.sources.nextFence(NAME)).toBe(3);
      expect((await leases().acquire('task', 'b', 10, 10, NAME))!.fence).toBe(4);
      await expect(leases().acquire('x', 'a', 10, 0, OTHER)).rejects.toMatchObject({ code: 'not_found' });
      // The failed try holds nothing.
      expect(await leases().acquire('x', 'b', 10, 0)).toBeDefined();
    });

    it('keep their numbers over a restart', async () => {
      if (!store.reopens) return;
      const before = (await leases().acquire('l', 'a', 10, 0))!;
      await leases().release(before);
      await store.reopen();
      expect((await leases().acquire('l', 'a', 10, 0))!.fence).toBeGreaterThan(before.fence);
    });
  });

  describe('cursors', () => {
    const store = fresh(make);
    const cursors = () => store.port.cursors;

    it('keep what the newest fence wrote', async () => {
      expect(await cursors().load(NAME)).toBeUndefined();
      expect(await cursors().save(NAME, 2, { at: [1, null, 'x'] })).toBe(true);
      expect(await cursors().save(NAME, 1, 'zombie')).toBe(false);
      expect(await cursors().save(NAME, 2, 'again')).toBe(true);
      expect(await cursors().load(NAME)).toEqual({ fence: 2, cursor: 'again' });
      expect(await cursors().save(NAME, 3, null)).toBe(true);
      expect(await cursors().load(NAME)).toEqual({ fence: 3, cursor: null });
    });

    it('refuse an inventory from an older fence, whichever of both wrote first', async () => {
      const item = { key: 'k', scope: 'a', state: { size: 1 } };
      expect(await cursors().updateInventory(NAME, 5, [item], [])).toBe(true);
      expect(await cursors().load(NAME)).toBeUndefined();
      expect(await cursors().save(NAME, 4, 'zombie')).toBe(false);
      expect(await cursors().updateInventory(NAME, 4, [{ ...item, scope: 'z' }], ['k'])).toBe(false);
      expect(await cursors().item(NAME, 'k')).toEqual(item);
      await cursors().save(NAME, 6, 'c');
      expect(await cursors().updateInventory(NAME, 5, [], ['k'])).toBe(false);
      expect(await cursors().updateInventory(NAME, 6, [{ ...item, state: { size: 2 } }], [])).toBe(true);
      expect(await cursors().item(NAME, 'k')).toEqual({ ...item, state: { size: 2 } });
    });

    it('page through an inventory by scope', async () => {
      const items = Array.from({ length: 750 }, (_, i) => ({
        key: `k${String(i).padStart(4, '0')}`,
        scope: i % 3 ? 'a' : 'b',
        state: { i },
      }));
      expect(await cursors().updateInventory(NAME, 1, [...items, items[0]!], [])).toBe(true);
      expect(await cursors().updateInventory(OTHER, 1, [items[0]!], [])).toBe(true);
      const read = async (scope?: string) => {
        const seen: string[] = [];
        for (let after: string | undefined; ;) {
          const page = await cursors().inventory(NAME, {
            limit: 100,
            ...(scope ? { scope } : {}),
            ...(after ? { after } : {}),
          });
          if (page.length === 0) return seen;
          seen.push(...page.map((each) => each.key));
          after = page[page.length - 1]!.key;
        }
      };
      expect(await read()).toEqual(items.map((each) => each.key));
      expect(await read('b')).toHaveLength(250);
      await cursors().updateInventory(
        NAME,
        1,
        [],
        items.slice(0, 740).map((each) => each.key),
      );
      expect(await read()).toHaveLength(10);
      await cursors().delete(NAME);
      expect(await read()).toEqual([]);
      expect(await cursors().item(OTHER, 'k0000')).toBeDefined();
    });

    it('order an inventory by code point, after which a page goes on', async () => {
      // By UTF-16 unit the last two change places; by a language's order nearly all do.
      const keys = ['', ' b', '-a', 'B', 'a', 'a b', 'aB', 'ab', 'b', 'z', 'ß', 'é', 'ж', '\ufffd', '\u{1f600}'];
      const items = [...keys].reverse().map((key) => ({ key, scope: '', state: {} }));
      expect(await cursors().updateInventory(NAME, 1, items, [])).toBe(true);
      const after = async (key?: string) => {
        const page = await cursors().inventory(NAME, { limit: 99, ...(key === undefined ? {} : { after: key }) });
        return page.map((each) => each.key);
      };
      expect(await after()).toEqual(keys);
      for (const [i, key] of keys.entries()) expect(await after(key)).toEqual(keys.slice(i + 1));
    });

    it('keep keys and scopes of any length apart', async () => {
      // Nothing in them repeats: no store can shorten them.
      const long = Array.from({ length: 2040 }, (_, i) => String.fromCodePoint(0x4e00 + ((i * 7919) % 20_000))).join(
        '',
      );
      const keys = [`${long}a`, `${long}b`, `${long}c`, `${long}\u{1f600}`];
      const items = keys.map((key, i) => ({ key, scope: `${long}${i % 2}`, state: { i } }));
      expect(await cursors().updateInventory(NAME, 1, [...items].reverse(), [])).toBe(true);
      expect(await cursors().inventory(NAME, { limit: 9 })).toEqual(items);
      expect(await cursors().inventory(NAME, { limit: 9, after: keys[1]! })).toEqual(items.slice(2));
      const odd = await cursors().inventory(NAME, { limit: 9, scope: `${long}1` });
      expect(odd).toEqual([items[1], items[3]]);
      const second = { ...items[1]!, state: { new: true } };
      expect(await cursors().updateInventory(NAME, 1, [second], [keys[0]!])).toBe(true);
      expect(await cursors().item(NAME, keys[0]!)).toBeUndefined();
      expect(await cursors().inventory(NAME, { limit: 9 })).toEqual([second, items[2], items[3]]);
      const { heads } = store.port;
      for (const key of keys) await heads.raise(makeHead(key, 1));
      const found = await heads.list('t', 'c', { source: 's', key: keys[2]!, limit: 9 });
      expect(found.map(({ event }) => event.key)).toEqual([keys[2]]);
    });
  });
}
