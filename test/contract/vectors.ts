import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Hit, Point, VectorStore } from '../../src/core/ports/vectors.js';
import { documentNamed, point, unitVector, versionAt } from '../support/points.js';

const DIMS = 8;
const SPEC = { generation: 'g-1', vectors: { text: DIMS, image: 4 } };
const LOCAL = { principals: ['local'] };

export interface VectorsUnderTest {
  readonly store: VectorStore;
  /** Closes the store and opens it again on the same data. */
  reopen(): Promise<VectorStore>;
  dispose(): Promise<void>;
}

/** What every vector store must do. `make` gives one that holds nothing. */
export function describeVectorsContract(name: string, make: () => Promise<VectorsUnderTest>): void {
  describe(`vector store on ${name}`, () => {
    let under: VectorsUnderTest;
    let store: VectorStore;

    beforeEach(async () => {
      under = await make();
      store = under.store;
      await store.create(SPEC);
    });
    afterEach(() => under.dispose());

    const all = async (generation = 'g-1', options?: { documentIds?: readonly string[] }) => {
      const points: Point[] = [];
      for await (const one of store.scroll(generation, options)) points.push(one);
      return points.sort((a, b) => (a.id < b.id ? -1 : 1));
    };
    const sorted = (points: readonly Point[]) => [...points].sort((a, b) => (a.id < b.id ? -1 : 1));
    const lexical = async (terms: string[], filter: Parameters<VectorStore['search']>[2] = LOCAL, k = 10) =>
      (await store.search('g-1', [{ kind: 'lexical', terms }], filter, k))[0]!;
    const dense = async (query: Float32Array, filter: Parameters<VectorStore['search']>[2] = LOCAL, k = 10) =>
      (await store.search('g-1', [{ kind: 'dense', vector: 'text', query }], filter, k))[0]!;
    const keys = (hits: readonly Hit[]) => hits.map((hit) => hit.point.key);

    const full = () =>
      point({
        doc: 'full.md',
        ordinal: 3,
        text: 'Ein Text\nüber 😀',
        context: 'Titel',
        kind: 'table',
        headings: ['A', 'B'],
        page: 2,
        title: 'Titel',
        uri: 'https://example.org/?a=1&b=%20',
        language: 'de',
        anchor: {
          codePointStart: 29,
          prefix: 'vor',
          suffix: 'nach',
          regions: [{ span: { start: 0, end: 3 }, page: 2, box: { x0: 1, y0: 2.5, x1: 3, y1: 4 } }],
        },
        principals: ['local', 'group:a'],
        metadata: { year: 2024, tags: ['x', 1, null], deep: { a: { b: true } }, none: null },
        terms: ['ein', 'text', 'text', 'über'],
        vectors: { text: unitVector(1, DIMS), image: unitVector(2, 4) },
      });

    describe('writing', () => {
      it('gives points back as they were, by every way of reading', async () => {
        const one = full();
        await store.write('g-1', [one]);
        expect(await all()).toEqual([one]);
        const [byVector, byTerm] = await store.search(
          'g-1',
          [
            { kind: 'dense', vector: 'text', query: unitVector(1, DIMS) },
            { kind: 'lexical', terms: ['text'] },
          ],
          LOCAL,
          5,
        );
        expect(byVector!.map((hit) => hit.point)).toEqual([one]);
        expect(byVector![0]!.score).toBeCloseTo(1, 5);
        expect(byTerm!.map((hit) => hit.point)).toEqual([one]);
        expect(byTerm![0]!.score).toBeGreaterThan(0);
        const { vectors: _, ...rest } = one;
        expect(await store.document('g-1', one.documentId, one.version)).toMatchObject([rest]);
      });

      it('is idempotent, and a later write of an id replaces the point', async () => {
        const points = [point({ ordinal: 0 }), point({ ordinal: 1 })];
        await store.write('g-1', points);
        await store.write('g-1', points);
        expect(await store.count('g-1')).toBe(2);
        await store.write('g-1', [{ ...points[0]!, text: 'new', terms: ['new'] }]);
        expect(await store.count('g-1')).toBe(2);
        expect(keys(await lexical(['new']))).toEqual(['a.md']);
        expect(await lexical(['0'])).toEqual([]);
      });

      it('takes duplicates in one call: the last one counts', async () => {
        const one = point();
        await store.write('g-1', [one, { ...one, text: 'second' }, { ...one, text: 'third' }]);
        expect((await all()).map((stored) => stored.text)).toEqual(['third']);
      });

      it('takes nothing', async () => {
        await store.write('g-1', []);
        expect(await store.count('g-1')).toBe(0);
      });

      it('takes many calls at once, each visible when it returns', async () => {
        await Promise.all(
          Array.from({ length: 40 }, async (_, i) => {
            const mine = point({ doc: `d${i}`, terms: [`only${i}`] });
            await store.write('g-1', [mine]);
            expect(keys(await lexical([`only${i}`]))).toEqual([`d${i}`]);
          }),
        );
        expect(await store.count('g-1')).toBe(40);
      });

      it('keeps hostile strings exactly, in every field', async () => {
        const hostile = [
          `'; DROP TABLE x; --`,
          `" \\ \\' '' %_*?[]{}`,
          '\u0000nul\u0001',
          'line\nbreak\r\ttab\u2028',
          '😀 e\u0301 \u202e \ufffd',
          '',
        ];
        const points = hostile.map((text, i) => {
          const solid = text.replace(/[\s\u2028]/g, '_') || 'empty';
          return point({
            doc: `${i}${text}`,
            source: `s${text}`,
            text: `t${text}`,
            context: text,
            title: text,
            uri: text,
            language: text,
            headings: [text],
            principals: [`p${i}${text}`],
            metadata: { [`k${text}`]: text, list: [text] },
            terms: [solid],
          });
        });
        await store.write('g-1', points);
        expect(await all()).toEqual(sorted(points));
        for (const [i, one] of points.entries()) {
          const principals = one.principals;
          expect((await lexical([...one.terms], { principals })).map((hit) => hit.point.id)).toEqual([one.id]);
          expect(await store.document('g-1', one.documentId, one.version)).toHaveLength(1);
          expect(await all('g-1', { documentIds: [one.documentId] })).toEqual([one]);
          const filter = { and: [{ eq: ['title', hostile[i]!] as const }, { eq: ['key', one.key] as const }] };
          expect((await lexical([...one.terms], { principals, filter })).map((hit) => hit.point.id)).toEqual([one.id]);
        }
        for (const one of points) await store.prune('g-1', one.documentId, versionAt(9));
        expect(await store.count('g-1')).toBe(0);
      });

      it('refuses vectors of other dimensions or names, and writes nothing of that call', async () => {
        const wrong = point({ doc: 'b', vectors: { text: unitVector(1, DIMS + 1) } });
        await expect(store.write('g-1', [point(), wrong])).rejects.toMatchObject({ code: 'dimension_mismatch' });
        const unknown = point({ vectors: { sound: unitVector(1, DIMS) } });
        await expect(store.write('g-1', [unknown])).rejects.toMatchObject({ code: 'dimension_mismatch' });
        expect(await store.count('g-1')).toBe(0);
      });
    });

    describe('pruning', () => {
      const versions = async () =>
        (await all()).map((one) => `${one.version.slice(-2)}/${one.revision[0]}/${one.key}`).sort();
      const at = (n: number, revision = '1', doc = 'a.md') =>
        point({ doc, version: versionAt(n), revision: revision.repeat(32) });

      it('removes what is below, of that document only', async () => {
        await store.write('g-1', [at(1), at(2), at(3), at(1, '1', 'b.md')]);
        await store.prune('g-1', documentNamed('a.md'), versionAt(3));
        expect(await versions()).toEqual(['01/1/b.md', '03/1/a.md']);
      });

      it('removes other revisions of the same version only when told which one stays', async () => {
        await store.write('g-1', [at(2, '1'), at(2, '2'), at(3, '1')]);
        await store.prune('g-1', documentNamed('a.md'), versionAt(2));
        expect(await versions()).toEqual(['02/1/a.md', '02/2/a.md', '03/1/a.md']);
        await store.prune('g-1', documentNamed('a.md'), versionAt(2), '2'.repeat(32));
        expect(await versions()).toEqual(['02/2/a.md', '03/1/a.md']);
      });

      it('goes by fence before number', async () => {
        const old = point({ version: versionAt(900, 1) });
        const now = point({ version: versionAt(1, 2) });
        await store.write('g-1', [old, now]);
        await store.prune('g-1', now.documentId, now.version);
        expect((await all()).map((one) => one.version)).toEqual([now.version]);
      });

      it('is harmless again, for unknown documents and for an older version', async () => {
        await store.write('g-1', [at(3)]);
        for (const below of [versionAt(3), versionAt(3), versionAt(1)]) {
          await store.prune('g-1', documentNamed('a.md'), below, '1'.repeat(32));
        }
        await store.prune('g-1', documentNamed('unknown'), versionAt(9));
        expect(await versions()).toEqual(['03/1/a.md']);
      });

      it('loses nothing while others write', async () => {
        const rounds = 12;
        await Promise.all(
          ['a.md', 'b.md', 'c.md'].map(async (doc) => {
            for (let n = 1; n <= rounds; n++) {
              await store.write('g-1', [at(n, '1', doc)]);
              await store.prune('g-1', documentNamed(doc), versionAt(n), '1'.repeat(32));
            }
          }),
        );
        expect(await versions()).toEqual(['0c/1/a.md', '0c/1/b.md', '0c/1/c.md']);
      });

      it('takes pruned points out of search at once', async () => {
        await store.write('g-1', [point({ terms: ['gone'], vectors: { text: unitVector(5, DIMS) } })]);
        await store.prune('g-1', documentNamed('a.md'), versionAt(2));
        expect(await lexical(['gone'])).toEqual([]);
        expect(await dense(unitVector(5, DIMS))).toEqual([]);
      });
    });

    describe('dense search', () => {
      it('orders by dot product and stops at k', async () => {
        const points = Array.from({ length: 30 }, (_, i) =>
          point({ doc: `d${i}`, vectors: { text: unitVector(i, DIMS) } }),
        );
        await store.write('g-1', points);
        const query = unitVector(100, DIMS);
        const dot = (a: Float32Array) => a.reduce((sum, value, i) => sum + value * query[i]!, 0);
        const expected = points
          .map((one) => ({ id: one.id, score: dot(one.vectors['text']!) }))
          .sort((a, b) => b.score - a.score)
          .slice(0, 7);
        const hits = await dense(query, LOCAL, 7);
        expect(hits.map((hit) => hit.point.id)).toEqual(expected.map((one) => one.id));
        hits.forEach((hit, i) => expect(hit.score).toBeCloseTo(expected[i]!.score, 5));
      });

      it('breaks ties by id, also at the last place', async () => {
        const points = Array.from({ length: 20 }, (_, i) =>
          point({ doc: `d${i}`, vectors: { text: unitVector(1, DIMS) } }),
        );
        await store.write('g-1', points);
        const expected = sorted(points).map((one) => one.id);
        const ids = async (k: number) => (await dense(unitVector(1, DIMS), LOCAL, k)).map((hit) => hit.point.id);
        expect(await ids(20)).toEqual(expected);
        expect(await ids(5)).toEqual(expected.slice(0, 5));
      });

      it('finds only points that have the vector', async () => {
        await store.write('g-1', [
          point({ doc: 'none' }),
          point({ doc: 'text', vectors: { text: unitVector(1, DIMS) } }),
          point({ doc: 'image', vectors: { image: unitVector(1, 4) } }),
          point({ doc: 'both', vectors: { text: unitVector(2, DIMS), image: unitVector(2, 4) } }),
        ]);
        expect(keys(await dense(unitVector(1, DIMS)))).toEqual(['text', 'both']);
        const [images] = await store.search(
          'g-1',
          [{ kind: 'dense', vector: 'image', query: unitVector(1, 4) }],
          LOCAL,
          10,
        );
        expect(keys(images!)).toEqual(['image', 'both']);
      });

      it('refuses queries of other dimensions or names', async () => {
        await expect(dense(unitVector(1, 7))).rejects.toMatchObject({ code: 'dimension_mismatch' });
        await expect(
          store.search('g-1', [{ kind: 'dense', vector: 'sound', query: unitVector(1, 8) }], LOCAL, 1),
        ).rejects.toMatchObject({ code: 'dimension_mismatch' });
      });
    });

    describe('lexical search', () => {
      it('ORs exact terms; unknown terms find nothing', async () => {
        await store.write('g-1', [
          point({ doc: 'a', terms: ['red', 'fox'] }),
          point({ doc: 'b', terms: ['blue', 'fox'] }),
          point({ doc: 'c', terms: ['Red', 'foxes', 'the'] }),
        ]);
        expect(keys(await lexical(['fox'])).sort()).toEqual(['a', 'b']);
        expect(keys(await lexical(['red', 'blue', 'nowhere'])).sort()).toEqual(['a', 'b']);
        expect(keys(await lexical(['the']))).toEqual(['c']);
        expect(await lexical(['nowhere'])).toEqual([]);
        expect(await lexical([])).toEqual([]);
      });

      it('ranks a rare term above a frequent one, more above fewer, short above long', async () => {
        const filler = (n: number) => Array.from({ length: n }, (_, i) => `filler${i}`);
        await store.write('g-1', [
          point({ doc: 'rare', terms: ['rare', 'x', 'y', 'z'] }),
          ...Array.from({ length: 9 }, (_, i) => point({ doc: `often${i}`, terms: ['often', 'x', 'y', 'z'] })),
          point({ doc: 'twice', terms: ['often', 'often', 'x', 'y'] }),
          point({ doc: 'long', terms: ['often', ...filler(40)] }),
        ]);
        const found = keys(await lexical(['rare', 'often'], LOCAL, 20));
        expect(found[0]).toBe('rare');
        expect(found[1]).toBe('twice');
        expect(found.at(-1)).toBe('long');
      });

      it('breaks ties by id, also at the last place', async () => {
        const points = Array.from({ length: 20 }, (_, i) => point({ doc: `d${i}`, terms: ['same'] }));
        await store.write('g-1', points);
        const expected = sorted(points).map((one) => one.id);
        expect((await lexical(['same'], LOCAL, 5)).map((hit) => hit.point.id)).toEqual(expected.slice(0, 5));
      });

      it('takes many and long terms, repeated ones and signs', async () => {
        const long = 'x'.repeat(3000);
        const signs = ['c++', '"quoted"', 'a:b', '(and)', '-not', '+must', 'wild*', 'naïve', '北京', "o'clock", '\\'];
        await store.write('g-1', [point({ doc: 'long', terms: [long] }), point({ doc: 'signs', terms: signs })]);
        expect(keys(await lexical([long]))).toEqual(['long']);
        for (const sign of signs) expect(keys(await lexical([sign, sign])), sign).toEqual(['signs']);
        const many = Array.from({ length: 200 }, (_, i) => `unknown${i}`);
        expect(keys(await lexical([...many, 'c++']))).toEqual(['signs']);
      });

      it('finds points of before and after an optimization alike', async () => {
        const batch = (from: number) =>
          Array.from({ length: 20 }, (_, i) => point({ doc: `d${from + i}`, terms: ['common', `t${from + i}`] }));
        await store.write('g-1', batch(0));
        await store.optimize('g-1');
        await store.write('g-1', batch(20));
        expect(await lexical(['common'], LOCAL, 100)).toHaveLength(40);
        for (const i of [0, 19, 20, 39]) expect(keys(await lexical([`t${i}`]))).toEqual([`d${i}`]);
        await store.optimize('g-1');
        const scores = new Set((await lexical(['common'], LOCAL, 100)).map((hit) => hit.score));
        expect(scores.size).toBe(1);
      });
    });

    describe('filters', () => {
      beforeEach(async () => {
        await store.write('g-1', [
          point({ doc: 'a', principals: ['ann'], metadata: { year: 2020, tags: ['x'] }, terms: ['t'] }),
          point({ doc: 'b', principals: ['bob', 'group'], metadata: { year: 2024, tags: ['x', 'y'] }, terms: ['t'] }),
          point({ doc: 'c', principals: [], metadata: { year: '2024' }, terms: ['t'] }),
        ]);
      });

      it('shows points only to those who share a principal', async () => {
        expect(keys(await lexical(['t'], { principals: ['ann'] }))).toEqual(['a']);
        expect(keys(await lexical(['t'], { principals: ['group', 'other'] }))).toEqual(['b']);
        expect(keys(await lexical(['t'], { principals: ['ann', 'bob'] })).sort()).toEqual(['a', 'b']);
        expect(await lexical(['t'], { principals: ['nobody'] })).toEqual([]);
        expect(await lexical(['t'], { principals: [] })).toEqual([]);
        expect(await lexical(['t'], { principals: [''] })).toEqual([]);
      });

      it('never leaves out what the filter allows', async () => {
        const principals = ['ann', 'bob'];
        const found = async (filter: NonNullable<Parameters<VectorStore['search']>[2]['filter']>) =>
          keys(await lexical(['t'], { principals, filter }));
        expect(await found({ eq: ['metadata.year', 2024] })).toContain('b');
        expect(await found({ gte: ['metadata.year', 2024] })).toContain('b');
        expect(await found({ not: { contains: ['metadata.tags', 'y'] } })).toContain('a');
        expect(await found({ not: { lt: ['metadata.year', 2024] } })).toContain('b');
        expect(await found({ not: { contains: ['key', 'b'] } })).toContain('a');
      });

      it('is applied before the best k are taken', async () => {
        const near = Array.from({ length: 50 }, (_, i) =>
          point({ doc: `near${i}`, source: 'near', vectors: { text: unitVector(1, DIMS) } }),
        );
        await store.write('g-1', [
          ...near,
          point({ doc: 'far', source: 'far', vectors: { text: unitVector(9, DIMS) } }),
        ]);
        expect(keys(await dense(unitVector(1, DIMS), { ...LOCAL, filter: { eq: ['source', 'far'] } }, 3))).toEqual([
          'far',
        ]);
      });
    });

    describe('generations', () => {
      it('are independent', async () => {
        await store.create({ generation: 'g-2', vectors: { text: 3 } });
        await store.write('g-1', [point({ vectors: { text: unitVector(1, DIMS) } })]);
        await store.write('g-2', [point({ vectors: { text: unitVector(1, 3) } }), point({ doc: 'b' })]);
        expect([await store.count('g-1'), await store.count('g-2')]).toEqual([1, 2]);
        await store.drop('g-2');
        expect(await store.count('g-1')).toBe(1);
      });

      it('are created once; another spec is refused', async () => {
        await store.write('g-1', [point()]);
        await Promise.all([store.create(SPEC), store.create(SPEC)]);
        expect(await store.count('g-1')).toBe(1);
        await expect(store.create({ ...SPEC, vectors: { text: 9, image: 4 } })).rejects.toMatchObject({
          code: 'dimension_mismatch',
        });
        await expect(store.create({ ...SPEC, vectors: { text: DIMS } })).rejects.toMatchObject({
          code: 'dimension_mismatch',
        });
      });

      it('are unknown before creation and after dropping', async () => {
        await expect(store.write('g-x', [point()])).rejects.toMatchObject({ code: 'not_found' });
        await expect(store.count('g-x')).rejects.toMatchObject({ code: 'not_found' });
        await store.write('g-1', [point()]);
        await store.drop('g-1');
        await store.drop('g-1');
        await expect(lexical(['text'])).rejects.toMatchObject({ code: 'not_found' });
        await store.create({ ...SPEC, vectors: { text: 5 } });
        expect(await store.count('g-1')).toBe(0);
      });

      it('have names that can be table names everywhere', async () => {
        for (const generation of ['', '../x', 'a/b', 'G', 'x'.repeat(65)]) {
          await expect(store.create({ ...SPEC, generation })).rejects.toMatchObject({ code: 'invalid_request' });
        }
      });
    });

    describe('reading all', () => {
      it('scrolls through every point while others write and prune', async () => {
        const before = Array.from({ length: 700 }, (_, i) => point({ doc: `d${i}` }));
        await store.write('g-1', before);
        const seen = new Set<string>();
        let writes = 0;
        for await (const one of store.scroll('g-1')) {
          expect(seen.has(one.id)).toBe(false);
          seen.add(one.id);
          if (seen.size % 200 !== 0) continue;
          await store.write('g-1', [point({ doc: `new${writes++}` })]);
          await store.optimize('g-1');
        }
        expect(before.every((one) => seen.has(one.id))).toBe(true);
      });

      it('scrolls through one document, and stops when told to', async () => {
        await store.write('g-1', [
          point({ doc: 'a', ordinal: 0 }),
          point({ doc: 'a', ordinal: 1 }),
          point({ doc: 'b' }),
        ]);
        const of = async (...names: string[]) =>
          (await all('g-1', { documentIds: names.map((name) => documentNamed(name)) })).map((one) => one.key).sort();
        expect(await of('a')).toEqual(['a', 'a']);
        expect(await of('a', 'b', 'no such')).toEqual((await all()).map((one) => one.key).sort());
        expect(await of()).toEqual([]);
        const abort = new AbortController();
        const read = async () => {
          for await (const one of store.scroll('g-1', { signal: abort.signal })) abort.abort(one.id);
        };
        await expect(read()).rejects.toMatchObject({ code: 'cancelled' });
        for await (const one of store.scroll('g-1')) {
          expect(one.key).toBeTruthy();
          break;
        }
      });

      it('gives one version of a document by ordinal', async () => {
        const points = Array.from({ length: 12 }, (_, i) => point({ ordinal: 11 - i }));
        await store.write('g-1', [...points, point({ version: versionAt(2) })]);
        const found = await store.document('g-1', documentNamed('a.md'), versionAt(1));
        expect(found.map((one) => one.ordinal)).toEqual(Array.from({ length: 12 }, (_, i) => i));
        expect(await store.document('g-1', documentNamed('a.md'), versionAt(7))).toEqual([]);
        const inputs = (version: string) => store.inputs('g-1', documentNamed('a.md'), version);
        expect(await Promise.all([versionAt(1), versionAt(7)].map(inputs))).toEqual([
          found.map((one) => one.inputSha256),
          [],
        ]);
      });
    });

    it('keeps everything over a restart', async () => {
      const points = Array.from({ length: 30 }, (_, i) =>
        point({ doc: `d${i}`, terms: ['t', `t${i}`], vectors: { text: unitVector(i, DIMS) } }),
      );
      await store.write('g-1', points.slice(0, 20));
      await store.optimize('g-1');
      await store.write('g-1', points.slice(20));
      await store.prune('g-1', points[0]!.documentId, versionAt(2));
      store = await under.reopen();
      expect(await all()).toEqual(sorted(points.slice(1)));
      await store.create(SPEC);
      expect(keys(await lexical(['t25']))).toEqual(['d25']);
      expect(keys(await dense(unitVector(7, DIMS), LOCAL, 1))).toEqual(['d7']);
      await store.write('g-1', [point({ doc: 'later' })]);
      expect(await store.count('g-1')).toBe(30);
    });

    it('refuses to search when already cancelled', async () => {
      const signal = AbortSignal.abort();
      await expect(store.search('g-1', [{ kind: 'lexical', terms: ['t'] }], LOCAL, 1, signal)).rejects.toMatchObject({
        code: 'cancelled',
      });
    });

    it('optimizes an empty generation and one that loses its points', async () => {
      await store.optimize('g-1');
      await store.write('g-1', [point({ terms: ['t'] })]);
      await store.prune('g-1', documentNamed('a.md'), versionAt(2));
      await store.optimize('g-1');
      expect(await lexical(['t'])).toEqual([]);
      await store.write('g-1', [point({ terms: ['t'] })]);
      expect(await lexical(['t'])).toHaveLength(1);
    });
  });
}
