import { describe, expect, it } from 'vitest';
import type { EngineProcess, Job } from '../../../src/core/ports/catalog.js';
import { idOf } from '../../support/fixtures.js';
import { fresh, race, type MakeCatalog } from './maker.js';
import { AT, makeGeneration, makeHead, makeRow } from './rows.js';

const process = (id: string, expiresAt: number): EngineProcess => ({
  id,
  role: 'worker',
  startedAt: AT,
  expiresAt,
  detail: { host: 'h' },
});
const job = (id: string, change: Partial<Job> = {}): Job => ({
  id,
  tenant: 't',
  kind: 'reindex',
  state: 'queued',
  progress: { done: 0, total: 0 },
  detail: {},
  createdAt: AT,
  updatedAt: AT,
  ...change,
});

/** What several processes on one catalog need to know of each other. */
export function describeProcesses(make: MakeCatalog): void {
  describe('processes', () => {
    const store = fresh(make);
    const { processes, jobs } = {
      processes: () => store.port.processes,
      jobs: () => store.port.jobs,
    };

    it('live as long as they said, are what they said last, and leave', async () => {
      await processes().beat(process('a', 100));
      await processes().beat(process('b', 200));
      await processes().beat({ ...process('a', 150), detail: { host: 'x' } });
      expect(await processes().list(149)).toEqual([{ ...process('a', 150), detail: { host: 'x' } }, process('b', 200)]);
      expect((await processes().list(150)).map(({ id }) => id)).toEqual(['b']);
      await processes().forget(151);
      expect((await processes().list(0)).map(({ id }) => id)).toEqual(['b']);
      await processes().leave('b');
      await processes().leave('b');
      expect(await processes().list(0)).toEqual([]);
    });

    it('adopt jobs of nobody and of the dead, of their kinds, each job by one', async () => {
      await processes().beat(process('alive', 1000));
      await processes().beat(process('dead', 10));
      await jobs().create(job('j1'));
      await jobs().create(job('j2', { state: 'running' }), 'dead');
      await jobs().create(job('j3', { state: 'paused' }), 'alive');
      await jobs().create(job('j4', { kind: 'other' }));
      await jobs().create(job('j5', { state: 'succeeded' }), 'dead');
      const contenders = Array.from({ length: 20 }, (_, n) => `p${n}`);
      for (const id of contenders) await processes().beat(process(id, 1000));
      const taken = await Promise.all(contenders.map((id) => jobs().adopt(id, ['reindex'], 500, 10)));
      expect(taken.flat().map(({ id }) => id)).toHaveLength(2);
      expect(new Set(taken.flat().map(({ id }) => id))).toEqual(new Set(['j1', 'j2']));
      expect(await jobs().adopt('p', [], 500, 10)).toEqual([]);
      // Whose time is over loses them again, and so does who leaves.
      await processes().beat(process('alive', 3000));
      await processes().beat(process('q', 3000));
      expect((await jobs().adopt('q', ['reindex', 'other'], 2000, 2)).map(({ id }) => id)).toEqual(['j1', 'j2']);
      await processes().leave('alive');
      expect((await jobs().adopt('r', ['reindex', 'other'], 2000, 10)).map(({ id }) => id)).toEqual(['j3', 'j4']);
    });

    it('look at many jobs at once', async () => {
      for (const id of ['a', 'b']) await jobs().create(job(id));
      expect((await jobs().many(['b', 'none', 'a'])).map(({ id }) => id).sort()).toEqual(['a', 'b']);
      expect(await jobs().many([])).toEqual([]);
    });

    it('change a value only where nobody has changed it', async () => {
      const { meta } = store.port;
      expect(await race((n) => meta.swap('m', undefined, `${n}`))).toBe(1);
      const first = (await meta.get('m'))!;
      expect(await race((n) => meta.swap('m', first, `next ${n}`))).toBe(1);
      expect(await meta.swap('m', first, 'late')).toBe(false);
      expect(await meta.swap('none', 'x', 'y')).toBe(false);
      expect(await meta.get('none')).toBeUndefined();
    });

    it('find the generations of all tenants that follow their logs', async () => {
      const { generations } = store.port;
      for (const tenant of ['t', 'u']) {
        for (const state of ['draft', 'building', 'shadow', 'live', 'retired', 'dropped'] as const)
          await generations.create({ ...makeGeneration(`g-${tenant}-${state}`), tenant, state });
      }
      expect((await generations.consuming()).map(({ id }) => id)).toEqual(
        ['live', 'retired', 'shadow']
          .flatMap((state) => [`g-t-${state}`])
          .concat(['g-u-live', 'g-u-retired', 'g-u-shadow']),
      );
      expect((await generations.consuming())[0]!.history).toHaveLength(1);
    });

    it('look at many rows at once', async () => {
      const { documents } = store.port;
      for (const key of ['a', 'b']) await documents.compareAndSet(makeRow(key, 1, { generation: 'g' }), undefined);
      const found = await documents.many('g', [idOf('a'), idOf('b'), idOf('none')]);
      expect(new Set(found.keys())).toEqual(new Set([idOf('a'), idOf('b')]));
      expect(found.get(idOf('a'))).toEqual(await documents.get('g', idOf('a')));
      expect(await documents.many('other', [idOf('a')])).toEqual(new Map());
      expect(await documents.many('g', [])).toEqual(new Map());
    });

    it('hear of deletions in the order in which they came, page by page', async () => {
      const { heads } = store.port;
      const at = (n: number): string => `2026-01-0${n}T00:00:00.000Z`;
      const raised = async (key: string, n: number, deleted: boolean): Promise<string> => {
        await heads.raise({ ...makeHead(key, 1, { op: deleted ? 'delete' : 'upsert' }), updatedAt: at(n) });
        return idOf(key);
      };
      const early = await raised('early', 1, true);
      await raised('live', 3, false);
      const same = (await Promise.all(['x', 'y', 'z'].map((key) => raised(key, 3, true)))).sort();
      const late = await raised('late', 4, true);
      const all = async (since: string, limit: number): Promise<string[]> => {
        const found: string[] = [];
        let after: { updatedAt: string; documentId: string } | undefined;
        for (;;) {
          const page = await heads.deletedSince(since, { limit, ...(after ? { after } : {}) });
          found.push(...page.map(({ documentId }) => documentId));
          after = page.at(-1) ?? after;
          if (page.length < limit) return found;
        }
      };
      expect(await all(at(1), 2)).toEqual([early, ...same, late]);
      expect(await all(at(2), 1)).toEqual([...same, late]);
      expect(await all(at(5), 10)).toEqual([]);
    });
  });
}
