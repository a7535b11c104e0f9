import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labelsOf } from '../../src/adapters/vectors/labels.js';
import { fieldsOf, FILTER_LIMITS, matches, parseFilter, type Filter } from '../../src/core/filter.js';
import type { Json, JsonObject } from '../../src/core/json.js';
import type { Point, VectorStore } from '../../src/core/ports/vectors.js';
import { point } from '../support/points.js';

/** Few values, so that filters hit documents; odd ones, so that they hit hard. */
const TEXTS = [
  '',
  'a',
  'ab',
  'b',
  "it's",
  '"',
  '\u0000',
  'é',
  'e\u0301',
  '😀',
  '\uffee',
  '\ufffd',
  '\ud83d',
  '\\',
  '%',
];
const LONG = ['x'.repeat(100), `${'x'.repeat(100)}y`];
const text = fc.constantFrom(...TEXTS, ...LONG);
const number = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 2, 2.5, 1999, 2024, 1e9, 1e9 + 1, 1.7e12, 1.7e12 + 1, 1e300, -1e300, 5e-324),
  fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE, 0.1, 0.1 + 1e-12, 2 ** 53),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const scalar = fc.oneof(text, number, fc.boolean());
const name = fc.constantFrom('a', 'b', 'c', 'a=s:a', "q'uote", '😀', '\ud83d');
const { json } = fc.letrec<{ json: Json; object: JsonObject }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    scalar,
    fc.constant(null),
    fc.array(fc.oneof(scalar, fc.constant(null), tie('object')), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.oneof(name, fc.constantFrom('d.d', '')), tie('json'), {
    maxKeys: 3,
  }),
}));
const metadata = fc.dictionary(name, json, { maxKeys: 4 }) as fc.Arbitrary<JsonObject>;

const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const fields = fc
  .record({
    source: text,
    key: text,
    mime: fc.constantFrom('text/plain', 'text/html'),
    kind: fc.constantFrom('text' as const, 'table' as const),
    language: optional(fc.constantFrom('en', 'de', '')),
    title: optional(text),
    uri: optional(text),
    page: optional(fc.integer({ min: 1, max: 4 })),
    observedAt: fc.constantFrom('2025-12-31T23:59:59Z', '2026-01-01T00:00:00Z', '2026-02-01'),
    metadata,
  })
  .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)));

const path = fc.oneof(
  fc.constantFrom('source', 'key', 'documentId', 'mime', 'language', 'kind', 'title', 'uri', 'page', 'observedAt'),
  {
    weight: 3,
    arbitrary: fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `metadata.${names.join('.')}`),
  },
);
const operand = fc.oneof(
  scalar,
  fc.constantFrom('text/html', 'table', 'en', '2026-01-01', 'text'),
  fc.integer({ min: 0, max: 5 }),
);
const leaf: fc.Arbitrary<Filter> = fc.oneof(
  ...(['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'contains'] as const).map((operator) =>
    fc.tuple(path, operand).map((pair) => ({ [operator]: pair }) as unknown as Filter),
  ),
  fc.tuple(path, fc.array(operand, { maxLength: 4 })).map((pair) => ({ in: pair })),
  path.map((one) => ({ exists: [one] as const })),
);
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 5, depthSize: 'small', withCrossShrink: true },
    leaf,
    tie('filter').map((not) => ({ not })),
    fc.array(tie('filter'), { maxLength: 3 }).map((and) => ({ and })),
    fc.array(tie('filter'), { maxLength: 3 }).map((or) => ({ or })),
  ),
}));

/**
 * What filters must do in every vector store: let through whatever the in-memory evaluator allows, and little more.
 *
 * @param surplusShare how many points that do not match may come through, in proportion to those that do
 */
export function describeFiltersContract(
  name: string,
  make: () => Promise<{ readonly store: VectorStore; dispose(): Promise<void> }>,
  surplusShare: number,
): void {
  describe(`filters on ${name}`, () => {
    let store: VectorStore;
    let dispose: () => Promise<void>;
    beforeAll(async () => {
      const made = await make();
      store = made.store;
      dispose = () => made.dispose();
    });
    afterAll(() => dispose());

    let generations = 0;
    async function holding(points: readonly Point[]): Promise<(of: Filter) => Promise<Point[]>> {
      const generation = `g-${generations++}`;
      await store.create({ generation, vectors: {} });
      // Half of them indexed, half not.
      await store.write(generation, points.slice(0, points.length / 2));
      await store.optimize(generation);
      await store.write(generation, points.slice(points.length / 2));
      return async (of) => {
        const found = await store.search(
          generation,
          [{ kind: 'lexical', terms: ['all'] }],
          { principals: ['local'], filter: parseFilter(of) },
          points.length,
        );
        return found[0]!.map((hit) => hit.point);
      };
    }
    const ids = (points: readonly Point[]) => points.map((one) => one.id).sort();

    it('let every matching point through, and with the exact check just those', async () => {
      let surplus = 0;
      let matching = 0;
      for (let round = 0; round < 4; round++) {
        const made = fc.sample(fields, { numRuns: 100, seed: 1000 + round });
        const points = made.map((given, i) => point({ ...given, doc: `d${i}`, terms: ['all'] }));
        const search = await holding(points);
        await fc.assert(
          fc.asyncProperty(filter, async (of) => {
            const exact = ids(points.filter((one) => matches(of, fieldsOf(one))));
            const found = await search(of);
            expect(ids(found.filter((one) => matches(of, fieldsOf(one))))).toEqual(exact);
            surplus += found.length - exact.length;
            matching += exact.length;
          }),
          { numRuns: 150, seed: 5000 + round },
        );
      }
      // A filter that lets all through would be a superset too.
      expect(surplus).toBeLessThan(matching * surplusShare);
    });

    it('are exact for what is asked most', async () => {
      const points = Array.from({ length: 60 }, (_, i) =>
        point({
          doc: `d${i}`,
          terms: ['all'],
          metadata: { year: 1990 + i, price: i / 7, name: `n${i % 5}`, tags: [`t${i % 3}`], at: 1.7e9 + 60 * i },
        }),
      );
      const search = await holding(points);
      const cases: Filter[] = [
        { gte: ['metadata.year', 2024] },
        { and: [{ gt: ['metadata.year', 2000] }, { lt: ['metadata.year', 2010] }] },
        { not: { lte: ['metadata.year', 2020] } },
        { lt: ['metadata.price', 3] },
        { gt: ['metadata.at', 1.7e9 + 600] },
        { in: ['metadata.name', ['n1', 'n2']] },
        { ne: ['metadata.name', 'n1'] },
        { not: { contains: ['metadata.tags', 't1'] } },
        { exists: ['metadata.missing'] },
        { contains: ['key', '7'] },
        { gte: ['observedAt', '2026-01-01'] },
      ];
      for (const one of cases) {
        const exact = points.filter((candidate) => matches(one, fieldsOf(candidate)));
        expect(ids(await search(one)), JSON.stringify(one)).toEqual(ids(exact));
      }
    });

    it('at their bounds are still answered', async () => {
      const search = await holding([point({ terms: ['all'], metadata: { n: 5, s: 'v7' } })]);
      let deep: Filter = { gt: ['metadata.n', 1] };
      for (let i = 0; i < FILTER_LIMITS.depth - 2; i++)
        deep = i % 2 ? { not: deep } : { and: [deep, { exists: ['key'] }] };
      await search(deep);
      const wide: Filter = { or: Array.from({ length: 254 }, (_, i) => ({ eq: ['metadata.s', `v${i}`] as const })) };
      expect(await search(wide)).toHaveLength(1);
      const ranges: Filter = {
        and: Array.from({ length: 254 }, (_, i) => ({ gt: ['metadata.n', -i - 0.1] as const })),
      };
      expect(await search(ranges)).toHaveLength(1);
      const long = Array.from({ length: FILTER_LIMITS.inValues }, (_, i) => `v${i}${"'".repeat(1000)}`);
      expect(await search({ in: ['metadata.s', [...long, 'v7'].slice(1)] })).toHaveLength(1);
    });

    it('pass points with more labels than are kept', async () => {
      const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`k${i}`, i]));
      const search = await holding([point({ terms: ['all'], metadata: many })]);
      expect(await search({ eq: ['metadata.k2999', 2999] })).toHaveLength(1);
      expect(await search({ not: { eq: ['metadata.k2999', 1] } })).toHaveLength(1);
      expect(labelsOf(many).length).toBeLessThan(2100);
    });
  });
}
