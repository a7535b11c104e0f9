import { describe, expect, it } from 'vitest';
import { contentRef, idOf, version } from '../../support/fixtures.js';
import { fresh, type MakeCatalog } from './maker.js';
import { AT, makeHead, makeRow } from './rows.js';

const LATER = '2026-02-01T00:00:00.000Z';
/** More than share a statement where calls do. */
const KEYS = Array.from({ length: 300 }, (_, n) => `k${n}`);
const even = (_: unknown, n: number): boolean => n % 2 === 0;

/** A worker asks for many documents at once: each call has its own answer, whatever it shares with others. */
export function describeMany(make: MakeCatalog): void {
  describe('many calls at once', () => {
    const store = fresh(make);
    const together = <T>(call: (key: string, n: number) => Promise<T>): Promise<T[]> => Promise.all(KEYS.map(call));

    it('write and read rows, each by its own token', async () => {
      const { documents } = store.port;
      const generation = (n: number): string => `g-${n % 3}`;
      const row = (key: string, n: number, at: number) => makeRow(key, at, { generation: generation(n) });
      await Promise.all(KEYS.filter(even).map((key, n) => documents.compareAndSet(row(key, 2 * n, 1), undefined)));
      expect(await together((key, n) => documents.compareAndSet(row(key, n, 2), undefined))).toEqual(
        KEYS.map((_, n) => n % 2 === 1),
      );
      const read = await together((key, n) => documents.get(generation(n), idOf(key)));
      expect(read.map((each) => each?.seen.version)).toEqual(KEYS.map((_, n) => version(n % 2 === 0 ? 1 : 2)));
      expect(await together((key, n) => documents.get(generation(n + 1), idOf(key)))).toEqual(
        KEYS.map(() => undefined),
      );
      const written = await together((key, n) => documents.compareAndSet(row(key, n, 3), read[n]!.token - (n % 2)));
      expect(written).toEqual(KEYS.map((_, n) => n % 2 === 0));
      const everywhere = await together((key) => documents.everywhere(idOf(key)));
      expect(everywhere.map((rows) => rows.map(({ generation, seen }) => [generation, seen.version]))).toEqual(
        KEYS.map((_, n) => [[generation(n), version(n % 2 === 0 ? 3 : 2)]]),
      );
    });

    it('keep what is arbitrary as it is', async () => {
      const odd = ['{"a","b"}', '\\N', 'NULL', '', "it's", 'a,b', '"', '\\"', '\u{1f600}', ' x ', 'e\u0301'];
      const of = (key: string) => makeRow(key, 1, { error: { code: 'internal', message: key } });
      await Promise.all(odd.map((key) => store.port.documents.compareAndSet(of(key), undefined)));
      const read = await Promise.all(odd.map((key) => store.port.documents.get('g-1', idOf(key))));
      expect(read.map((row) => [row?.seen.event.key, row?.error?.message])).toEqual(odd.map((key) => [key, key]));
    });

    it('fail alone where one holds what no database keeps', async () => {
      const keys = ['a', 'b\0', 'c'];
      const done = await Promise.allSettled(
        keys.map((key) => store.port.documents.compareAndSet(makeRow(key, 1), undefined)),
      );
      expect(done.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    });

    it('raise heads', async () => {
      const { heads } = store.port;
      await together((key, n) => heads.raise(makeHead(key, n % 3)));
      const raised = await together((key) => heads.raise(makeHead(key, 1, { title: 'one' })));
      expect(raised.map((each) => [each.raised, each.head.version])).toEqual(
        KEYS.map((_, n) => [n % 3 === 0, version(n % 3 === 2 ? 2 : 1)]),
      );
    });

    it('record, free and forget originals', async () => {
      const { contents, documents } = store.port;
      const blobs = (key: string): string[] => [`${key}-1`, `${key}-2`];
      await together((key) => contents.record(idOf(key), version(1), contentRef(`${key}-1`)));
      await together((key) =>
        contents.record(idOf(key), version(2), contentRef(`${key}-2`), { tenant: 't', collection: 'c' }),
      );
      await together((key, n) => documents.compareAndSet(makeRow(key, 1 + (n % 3)), undefined));
      const free = async () =>
        (await together((key) => contents.freeable(idOf(key)))).map((all) => all.map((ref) => ref.blob));
      expect(await free()).toEqual(KEYS.map((key, n) => blobs(key).slice(0, n % 3)));
      await together((key, n) => contents.forget(idOf(key), n % 3 === 2 ? [`${key}-1`] : []));
      expect(await free()).toEqual(KEYS.map((key, n) => (n % 3 === 2 ? [`${key}-2`] : blobs(key).slice(0, n % 3))));
      expect((await contents.list(idOf('k0'))).map(({ ref }) => ref)).toEqual(blobs('k0').map(contentRef));
    });

    it('use, add and mark revisions', async () => {
      const { documents, revisions } = store.port;
      const of = (key: string, revision: string, n: number) => ({
        ...{ documentId: idOf(key), revision, version: version(n) },
        ...{ parsed: contentRef(`${key}-${revision}`), createdAt: AT },
      });
      await together((key, n) => revisions.add(of(key, n % 2 === 0 ? 'r1' : 'r2', 1)));
      const used = await together((key) => revisions.use(idOf(key), 'r1', version(3)));
      expect(used.map((each) => each?.version)).toEqual(KEYS.map((_, n) => (n % 2 === 0 ? version(3) : undefined)));
      const added = await together((key) => revisions.add({ ...of(key, 'r1', 2), createdAt: LATER }));
      expect(added.map((each) => [each.version, each.createdAt])).toEqual(
        KEYS.map((_, n) => (n % 2 === 0 ? [version(3), AT] : [version(2), LATER])),
      );
      await together((key, n) => documents.compareAndSet(makeRow(key, 1, { revision: `r${1 + (n % 3)}` }), undefined));
      await together((key) => revisions.mark(idOf(key), LATER));
      const read = await together((key) => revisions.get(idOf(key), 'r1'));
      expect(read.map((each) => each?.replacedAt)).toEqual(KEYS.map((_, n) => (n % 3 === 0 ? undefined : LATER)));
      const others = await together((key) => revisions.get(idOf(key), 'r2'));
      expect(others.map((each) => each?.replacedAt)).toEqual(
        KEYS.map((_, n) => (n % 2 === 0 || n % 3 === 1 ? undefined : LATER)),
      );
    });
  });
}
