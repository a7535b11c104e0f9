import { describe, expect, it } from 'vitest';
import type { RevisionRecord } from '../../../src/core/ports/catalog.js';
import { contentRef, idOf, version } from '../../support/fixtures.js';
import { makeRow } from './rows.js';
import { fresh, type MakeCatalog } from './maker.js';

const T1 = '2026-01-01T00:00:00.000Z';
const T2 = '2026-02-01T00:00:00.000Z';
const T3 = '2026-03-01T00:00:00.000Z';

function record(revision: string, n: number, key = 'k'): RevisionRecord {
  return {
    documentId: idOf(key),
    revision,
    version: version(n),
    parsed: contentRef(`${key}-${revision}-${n}`),
    createdAt: T1,
  };
}

export function describeRevisions(make: MakeCatalog): void {
  describe('revisions', () => {
    const store = fresh(make);
    const revisions = () => store.port.revisions;

    it('keeps the record of the twin that came first, with the newer version of both', async () => {
      expect(await revisions().add(record('r1', 2))).toEqual(record('r1', 2));
      expect(await revisions().add(record('r1', 5))).toEqual({ ...record('r1', 2), version: version(5) });
      expect(await revisions().add(record('r1', 3))).toEqual({ ...record('r1', 2), version: version(5) });
      expect(await revisions().get(idOf('k'), 'r1')).toEqual({ ...record('r1', 2), version: version(5) });
    });

    it('gives 50 twins at once one record', async () => {
      const results = await Promise.all(Array.from({ length: 50 }, (_, i) => revisions().add(record('r1', i))));
      expect(new Set(results.map((each) => each.parsed.blob)).size).toBe(1);
      expect((await revisions().get(idOf('k'), 'r1'))!.version).toBe(version(49));
      expect(await revisions().list(idOf('k'))).toHaveLength(1);
    });

    it('using raises the version, never lowers it, and finds nothing where nothing is', async () => {
      expect(await revisions().use(idOf('k'), 'r1', version(1))).toBeUndefined();
      await revisions().add(record('r1', 4));
      expect((await revisions().use(idOf('k'), 'r1', version(9)))!.version).toBe(version(9));
      expect((await revisions().use(idOf('k'), 'r1', version(2)))!.version).toBe(version(9));
    });

    it('marks what no row shows, once, and clears the mark when a row shows it again', async () => {
      const { documents } = store.port;
      await revisions().add(record('r1', 1));
      await revisions().add(record('r2', 2));
      await documents.compareAndSet(makeRow('k', 2, { revision: 'r2' }), undefined);
      const marks = async () =>
        Object.fromEntries((await revisions().list(idOf('k'))).map((each) => [each.revision, each.replacedAt]));
      await revisions().mark(idOf('k'), T1);
      expect(await marks()).toEqual({ r1: T1, r2: undefined });
      await revisions().mark(idOf('k'), T2);
      expect(await marks()).toEqual({ r1: T1, r2: undefined });
      const { token } = (await documents.get('g-1', idOf('k')))!;
      await documents.compareAndSet(makeRow('k', 3, { revision: 'r1' }), token);
      await revisions().mark(idOf('k'), T3);
      expect(await marks()).toEqual({ r1: undefined, r2: T3 });
    });

    it('using or adding again clears the mark, so that retention leaves it alone', async () => {
      await revisions().add(record('r1', 1));
      await revisions().add(record('r2', 1));
      await revisions().mark(idOf('k'), T1);
      expect((await revisions().use(idOf('k'), 'r1', version(2)))!.replacedAt).toBeUndefined();
      expect((await revisions().add(record('r2', 2))).replacedAt).toBeUndefined();
      expect(await revisions().takeExpired(T3, 10)).toEqual([]);
    });

    it('takes below a tombstone only what is older and shown by no row, and each once', async () => {
      await revisions().add(record('old', 1));
      await revisions().add(record('shown', 1));
      await revisions().add(record('new', 7));
      await revisions().add(record('old', 1, 'another'));
      await store.port.documents.compareAndSet(makeRow('k', 3, { revision: 'shown' }), undefined);
      const taken = await Promise.all([1, 2, 3].map(() => revisions().takeFreeable(idOf('k'), version(5))));
      expect(taken.flat().map((each) => each.revision)).toEqual(['old']);
      expect((await revisions().list(idOf('k'))).map((each) => each.revision).sort()).toEqual(['new', 'shown']);
      expect(await revisions().list(idOf('another'))).toHaveLength(1);
    });

    it('takes expired ones in bounded numbers, never one that a row shows', async () => {
      for (let i = 0; i < 7; i += 1) {
        await revisions().add(record('r', i, `k${i}`));
        await revisions().mark(idOf(`k${i}`), i < 5 ? T1 : T3);
      }
      await store.port.documents.compareAndSet(makeRow('k0', 1, { revision: 'r' }), undefined);
      expect(await revisions().takeExpired(T2, 3)).toHaveLength(3);
      expect(await revisions().takeExpired(T2, 3)).toHaveLength(1);
      expect(await revisions().takeExpired(T2, 3)).toEqual([]);
      expect(await revisions().get(idOf('k0'), 'r')).toBeDefined();
    });

    it('forgets and knows blobs', async () => {
      await revisions().add(record('r1', 1));
      await revisions().add(record('r2', 1));
      expect(await revisions().known(['k-r1-1', 'k-r2-1', 'x'])).toEqual(new Set(['k-r1-1', 'k-r2-1']));
      await revisions().forget(idOf('k'), 'r1', 'k-r1-1');
      await revisions().forget(idOf('k'), 'r9', 'x');
      // A twin's text, stored meanwhile.
      await revisions().forget(idOf('k'), 'r2', 'x');
      expect(await revisions().known(['k-r1-1', 'k-r2-1'])).toEqual(new Set(['k-r2-1']));
    });
  });
}
