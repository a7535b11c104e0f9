import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SourceChange } from '../../src/core/ports/connector.js';
import { CONNECT_FAULT_POINTS, LISTING_FAULT_POINTS } from '../../src/services/listing.js';
import type { MakeSource, TestSource } from './connector/harness.js';
import type { World } from './connector/world.js';
import { cutAfter, openWorld } from './connector/world.js';

/** More than a lease lasts. */
const LEASE_OVER_MS = 60_000;
const NAMES = ['a.md', 'guide/b.md', 'guide/c.md', 'guide/deep/d.md', 'e.md', 'f.md'];
const textOf = (name: string, version = 1): string => `# Title of ${name}\n\nVersion ${version} of ${name}.\n`;

/** What every connector owes (docs/connectors.md). `make` gives an empty source that the suite may change. */
export function describeConnectorContract(name: string, make: MakeSource): void {
  describe(`connector contract: ${name}`, () => {
    let source: TestSource;
    let world: World;
    /** What the source holds, by name. */
    let there: Map<string, string>;

    const put = async (name: string, text: string): Promise<void> => {
      await source.put(name, text);
      there.set(name, text);
    };
    const remove = async (name: string): Promise<void> => {
      await source.remove(name);
      there.delete(name);
    };
    const rename = async (from: string, to: string): Promise<void> => {
      await source.rename(from, to);
      there.set(to, there.get(from)!);
      there.delete(from);
    };
    const key = (name: string): string => source.keyOf(name);
    const expected = (): Record<string, string> =>
      Object.fromEntries([...there].map(([name, text]) => [key(name), source.textOf?.(text) ?? text]));
    /** The log's documents are the source's, and nothing that is there was ever deleted. */
    const expectTold = async (everDeleted: readonly string[] = []): Promise<void> => {
      const { documents, deleted } = await world.told();
      expect(Object.fromEntries([...documents].map(([key, { text }]) => [key, text]))).toEqual(expected());
      expect([...deleted].filter((each) => !everDeleted.map(key).includes(each))).toEqual([]);
    };
    const outcomes = (items: Awaited<ReturnType<World['run']>>) =>
      Object.fromEntries([...items].map(([key, { outcome }]) => [key, outcome]));

    beforeEach(async () => {
      source = await make();
      world = await openWorld(source);
      there = new Map();
      for (const each of NAMES) await put(each, textOf(each));
    });
    afterEach(async () => {
      await world.close();
      await source.close();
    });

    it('has an example that its strict schema takes, and describes every option', () => {
      const { config, example } = source.connector;
      expect(config.safeParse(example).error).toBeUndefined();
      expect(config.safeParse({ ...example, noSuchOption: 1 }).success).toBe(false);
    });

    it('brings everything once, and opens nothing that looks the same', async () => {
      const first = await world.run();
      expect(outcomes(first)).toEqual(Object.fromEntries(NAMES.map((name) => [key(name), 'sent'])));
      await expectTold();
      const [events, opened] = [await world.events(), world.opened()];
      const second = await world.run();
      expect([...second.values()].filter(({ outcome }) => outcome !== 'unchanged')).toEqual([]);
      expect([await world.events(), world.opened()]).toEqual([events, opened]);
    });

    it('brings a change, an addition and a removal, and nothing else', async () => {
      await world.run();
      const before = await world.events();
      await put('guide/b.md', textOf('guide/b.md', 2));
      await put('new.md', textOf('new.md'));
      await remove('e.md');
      await world.run();
      await expectTold(['e.md']);
      expect((await world.events()) - before).toBe(3n);
    });

    it('renames by removal and addition', async () => {
      await world.run();
      await rename('guide/c.md', 'moved/c.md');
      await world.run();
      await expectTold(['guide/c.md']);
    });

    it('forgets nothing when an item comes back', async () => {
      await world.run();
      await remove('a.md');
      await world.run();
      await put('a.md', textOf('a.md'));
      await world.run();
      await expectTold(['a.md']);
    });

    it.each([0, 1, 2, 3, 5])('deletes nothing when a read breaks off after %i changes, and catches up', async (cut) => {
      await world.run();
      await remove('a.md');
      await remove('guide/b.md');
      await put('f.md', textOf('f.md', 2));
      const changes: SourceChange[] = [];
      const broken = world.run({
        through: (all) =>
          (async function* () {
            for await (const change of cutAfter(cut)(all)) {
              changes.push(change);
              yield change;
            }
          })(),
      });
      // A read with fewer changes than that comes to its end.
      const ended = await broken.then(
        () => true,
        () => false,
      );
      if (!ended) expect((await world.told()).deleted).toEqual(new Set());
      await world.run();
      await expectTold(['a.md', 'guide/b.md']);
    });

    it('deletes nothing when it is aborted, and catches up', async () => {
      await world.run();
      await remove('a.md');
      const stop = new AbortController();
      const aborted = world.run({
        signal: stop.signal,
        through: (all) =>
          (async function* () {
            stop.abort();
            yield* all;
          })(),
      });
      await expect(aborted).rejects.toMatchObject({ code: 'cancelled' });
      expect((await world.told()).deleted).toEqual(new Set());
      await world.run();
      await expectTold(['a.md']);
    });

    it('deletes nothing when the source itself breaks off, and catches up', async () => {
      await world.run();
      await remove('e.md');
      const mend = await source.breakOff();
      await world.run().catch(() => undefined);
      expect((await world.told()).deleted).toEqual(new Set());
      await mend();
      await world.run();
      await expectTold(['e.md']);
    });

    it('goes on from any cursor that it ever gave', async () => {
      const cursors = [await world.run().then(world.cursor)];
      const steps = [
        () => put('a.md', textOf('a.md', 2)),
        () => rename('guide/b.md', 'guide/b2.md'),
        () => remove('f.md'),
        () => put('g.md', textOf('g.md')),
        () => put('a.md', textOf('a.md', 1)),
      ];
      for (const step of steps) {
        await step();
        cursors.push(await world.run().then(world.cursor));
      }
      const gone = ['guide/b.md', 'f.md'];
      for (const [at, cursor] of cursors.entries()) {
        if (cursor === undefined) continue;
        // Something new each time, lest a connector that always says "nothing" passes.
        await put('last.md', textOf('last.md', at));
        await world.setCursor(cursor);
        await world.run();
        await expectTold(gone);
      }
    });

    it.each([[null], [17], ['x'], [[]], [{}], [{ v: 99 }], [{ commit: 'f'.repeat(40) }]])(
      'reads everything when it does not understand the cursor %j',
      async (cursor) => {
        await world.run();
        const stored = await world.cursor();
        await remove('a.md');
        await put('e.md', textOf('e.md', 2));
        if (stored !== undefined) await world.setCursor({ ...(stored as Record<string, never>), at: cursor });
        await world.run();
        await expectTold(['a.md']);
      },
    );

    it('sends items again under the policy that they get', async () => {
      await world.run({ policy: { principals: ['staff'] } });
      const before = await world.events();
      await world.run({ policy: { principals: ['staff'] } });
      expect(await world.events()).toBe(before);
      await world.run({ policy: { principals: ['board'] } });
      await expectTold();
      const policies = [...(await world.told()).documents.values()].map(({ policy }) => policy.principals);
      expect(policies).toEqual(NAMES.map(() => ['board']));
    });

    it('brings a policy of the item itself when it changes', async () => {
      const withPolicy = (principals: string[]) => ({
        through: (all: AsyncIterable<SourceChange>) =>
          (async function* () {
            for await (const change of all) {
              yield change.kind === 'item' && change.key === key('a.md')
                ? { ...change, policy: { principals } }
                : change;
            }
          })(),
      });
      const principalsOf = async () => (await world.told()).documents.get(key('a.md'))?.policy.principals;
      await world.run(withPolicy(['ann']));
      expect(await principalsOf()).toEqual(['ann']);
      await put('a.md', textOf('a.md', 2));
      await world.run(withPolicy(['bob']));
      expect(await principalsOf()).toEqual(['bob']);
      await expectTold();
    });

    it('lets a stalled former owner change nothing', async () => {
      await world.run();
      await put('a.md', textOf('a.md', 2));
      await remove('e.md');
      let goOn = (): void => undefined;
      const stall = new Promise<void>((resolve) => (goOn = resolve));
      let stalled = (): void => undefined;
      const isStalled = new Promise<void>((resolve) => (stalled = resolve));
      const former = world.run({
        through: (all) =>
          (async function* () {
            for await (const change of all) {
              if (change.kind === 'item') {
                // What it saw of the first item is of that time.
                stalled();
                await stall;
              }
              yield change;
            }
          })(),
      });
      former.catch(() => undefined);
      await isStalled;
      world.jump(LEASE_OVER_MS);
      await put('e.md', textOf('e.md', 2));
      await put('a.md', textOf('a.md', 3));
      await remove('f.md');
      await world.run();
      await expectTold(['f.md']);
      const [events, inventory, cursor] = [await world.events(), await world.inventory(), await world.cursor()];
      goOn();
      await expect(former).rejects.toMatchObject({ code: 'conflict' });
      // One event may get out before the fence is met: it carries the older fence, and no reader takes it.
      expect((await world.events()) - events).toBeLessThanOrEqual(4n);
      expect([await world.inventory(), await world.cursor()]).toEqual([inventory, cursor]);
      await world.run();
      await expectTold(['e.md', 'f.md']);
    });

    it('stops before it deletes more than the brake allows, and goes on when that is confirmed', async () => {
      const brake = { share: 0.3, least: 2 };
      await world.run({ brake });
      for (const each of ['a.md', 'guide/b.md', 'guide/c.md']) await remove(each);
      await put('e.md', textOf('e.md', 2));
      await expect(world.run({ brake })).rejects.toMatchObject({
        code: 'deletion_stopped',
        details: { gone: 3, total: 6 },
      });
      const { documents, deleted } = await world.told();
      expect(deleted).toEqual(new Set());
      expect(documents.get(key('e.md'))?.text).toContain('Version 2');
      await expect(world.run({ brake: { ...brake, confirmed: 2 } })).rejects.toMatchObject({
        code: 'deletion_stopped',
      });
      await world.run({ brake: { ...brake, confirmed: 3 } });
      await expectTold(['a.md', 'guide/b.md', 'guide/c.md']);
      // Below the bound it never asks.
      await remove('e.md');
      await world.run({ brake });
      await expectTold(['a.md', 'guide/b.md', 'guide/c.md', 'e.md']);
    });

    it.each([...LISTING_FAULT_POINTS, ...CONNECT_FAULT_POINTS])('survives a crash at %s', async (point) => {
      await world.run();
      await remove('a.md');
      await put('guide/b.md', textOf('guide/b.md', 2));
      await put('new.md', textOf('new.md'));
      for (let count = 1; count <= 4; count += 1) {
        let seen = 0;
        const faults = {
          reach: async (name: string) => {
            if (name === point && ++seen === count) throw new Error(`crashed at ${point}`);
          },
        };
        const crashed = await world.run({ faults, brake: { share: 1, least: 1 } }).then(
          () => false,
          () => true,
        );
        // Its lease died with it.
        world.jump(LEASE_OVER_MS);
        if (!crashed) break;
      }
      await world.run();
      await expectTold(['a.md']);
    });

    it('tells beforehand what it would do, and does nothing', async () => {
      await world.run();
      const before = [await world.events(), await world.inventory(), await world.cursor()];
      await put('a.md', textOf('a.md', 2));
      await put('new.md', textOf('new.md'));
      await remove('e.md');
      const { summary, items } = await world.preview({ brake: { share: 0, least: 1 } });
      expect(items.filter(({ action }) => action === 'read').map(({ key }) => key)).toEqual(
        expect.arrayContaining([key('a.md'), key('new.md')]),
      );
      expect(items.filter(({ action }) => action === 'delete')).toEqual([{ key: key('e.md'), action: 'delete' }]);
      expect(summary).toMatchObject({ read: 2, delete: 1, stopped: { code: 'deletion_stopped' } });
      expect([await world.events(), await world.inventory(), await world.cursor()]).toEqual(before);
    });

    it('notices a change while it watches, and stops when told', async () => {
      const { connector } = source;
      if (!connector.watch) return;
      const stop = new AbortController();
      const config = connector.config.parse(source.options);
      const watching = connector.watch(config, { signal: stop.signal, base: '.' })[Symbol.asyncIterator]();
      expect((await watching.next()).done).toBe(false);
      const noticed = watching.next();
      await put('a.md', textOf('a.md', 2));
      await source.publish?.();
      expect((await noticed).done).toBe(false);
      stop.abort();
      await expect(watching.return?.()).resolves.toMatchObject({ done: true });
    });
  });
}
