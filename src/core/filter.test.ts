import { describe, expect, it } from 'vitest';
import { FootnoteError } from './errors.js';
import { fieldsOf, FilterSchema, matches, parseFilter, type Filter, type FilterFields } from './filter.js';

const fields: FilterFields = {
  source: 'wiki',
  key: 'a.md',
  documentId: 'd1',
  mime: 'text/markdown',
  kind: 'text',
  page: 3,
  observedAt: '2026-03-01T00:00:00Z',
  metadata: {
    year: 2024,
    tags: ['draft', 7, null, ['deep']],
    name: 'Müller 😀',
    flag: false,
    none: null,
    empty: [],
    nested: { a: { b: 'c' } },
    'dotted.name': 1,
  },
};
const is = (filter: Filter) => matches(filter, fields);

describe('matches', () => {
  it.each<[Filter, boolean]>([
    [{ eq: ['source', 'wiki'] }, true],
    [{ eq: ['metadata.year', 2024] }, true],
    [{ eq: ['metadata.year', '2024'] }, false],
    [{ ne: ['metadata.year', '2024'] }, true],
    [{ eq: ['metadata.flag', false] }, true],
    [{ gt: ['metadata.flag', false] }, false],
    [{ gte: ['metadata.flag', false] }, false],
    [{ eq: ['metadata.nested.a.b', 'c'] }, true],
    [{ exists: ['metadata.nested.a'] }, true],
    [{ exists: ['metadata.nested.b'] }, false],
    [{ exists: ['metadata.dotted.name'] }, false],
    [{ exists: ['metadata.toString'] }, false],
    [{ exists: ['metadata.__proto__'] }, false],
    [{ exists: ['metadata.tags.length'] }, false],
    [{ exists: ['metadata.empty'] }, true],
    [{ exists: ['language'] }, false],
    [{ in: ['page', [1, 3]] }, true],
    [{ in: ['page', ['3']] }, false],
    [{ in: ['page', []] }, false],
    [{ gt: ['page', 3] }, false],
    [{ gte: ['page', 3] }, true],
    [{ lt: ['page', 3] }, false],
    [{ lte: ['page', 3] }, true],
    [{ gte: ['observedAt', '2026-01-01'] }, true],
    [{ lt: ['observedAt', '2026-01-01'] }, false],
    [{ gt: ['metadata.year', '1'] }, false],
    [{ contains: ['metadata.tags', 'draft'] }, true],
    [{ contains: ['metadata.tags', 7] }, true],
    [{ contains: ['metadata.tags', '7'] }, false],
    [{ contains: ['metadata.tags', 'deep'] }, false],
    [{ contains: ['metadata.name', 'üll'] }, true],
    [{ contains: ['metadata.year', 2] }, false],
    [{ contains: ['mime', 'text/'] }, true],
    [{ eq: ['metadata.tags', 'draft'] }, false],
    [{ ne: ['metadata.tags', 'draft'] }, true],
    [{ and: [] }, true],
    [{ or: [] }, false],
    [{ not: { or: [] } }, true],
  ])('%j is %s', (filter, expected) => expect(is(filter)).toBe(expected));

  it.each(['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'contains'])(
    '%s of a missing field or null is false, not of it true',
    (name) => {
      for (const path of ['language', 'metadata.none', 'metadata.absent', 'metadata.year.deeper']) {
        const filter = { [name]: [path, 'x'] } as unknown as Filter;
        expect(is(filter)).toBe(false);
        expect(is({ not: filter })).toBe(true);
      }
    },
  );

  it('orders strings by code units', () => {
    const at = (title: string) => ({ ...fields, title });
    // U+1F600 is D83D DE00, below U+FF5E, although its code point is above.
    expect(matches({ lt: ['title', '\uff5e'] }, at('😀'))).toBe(true);
  });

  it('takes fields from a point', () => {
    expect(fieldsOf({ ...fields, text: 'not a field' } as FilterFields)).not.toHaveProperty('text');
  });
});

describe('parseFilter', () => {
  const refusal = (input: unknown) => {
    try {
      parseFilter(input);
    } catch (error) {
      expect(error).toBeInstanceOf(FootnoteError);
      expect((error as FootnoteError).code).toBe('invalid_filter');
      return (error as FootnoteError).message;
    }
    throw new Error('it was accepted');
  };

  it('takes the example of the documentation', () => {
    const filter = {
      and: [
        { eq: ['metadata.year', 2024] },
        { in: ['source', ['wiki']] },
        { gte: ['observedAt', '2026-01-01'] },
        { not: { contains: ['metadata.tags', 'draft'] } },
      ],
    };
    expect(parseFilter(filter)).toEqual(filter);
  });

  it.each<[unknown, RegExp]>([
    [null, /^filter must be an object/],
    [[], /^filter must be an object/],
    [{}, /exactly one operator of: and, or/],
    [{ eq: ['source', 'a'], ne: ['source', 'b'] }, /exactly one operator/],
    [{ and: [{ equals: ['source', 'a'] }] }, /^filter\.and\.0\.equals is no operator; use one of/],
    [{ and: { eq: ['source', 'a'] } }, /^filter\.and must be an array/],
    [{ eq: ['source'] }, /^filter\.eq must be \[path, value\]/],
    [{ eq: ['tenant', 'a'] }, /^filter\.eq\.0 is no field; use one of: source, key/],
    [{ eq: ['principals', 'a'] }, /is no field/],
    [{ eq: ['metadata', 'a'] }, /is no field/],
    [{ eq: ['metadata.', 'a'] }, /is no field/],
    [{ eq: ['metadata.a..b', 'a'] }, /is no field/],
    [{ eq: [1, 'a'] }, /must be a field's name/],
    [{ eq: ['source', null] }, /^filter\.eq\.1 must be a string, number or boolean/],
    [{ eq: ['page', Number.NaN] }, /finite/],
    [{ eq: ['source', 'x'.repeat(5000)] }, /longer than/],
    [{ in: ['source', 'a'] }, /must be an array of values/],
    [{ in: ['source', Array.from({ length: 1001 }, String)] }, /more than 1000 values/],
    [{ or: Array.from({ length: 5 }, () => ({ in: ['source', Array.from({ length: 1000 }, String)] })) }, /4000/],
    [{ and: Array.from({ length: 256 }, () => ({ exists: ['key'] })) }, /more than 256 operators/],
    [{ exists: 'source' }, /must be \[path\]/],
  ])('refuses %j', (input, message) => expect(refusal(input)).toMatch(message));

  it('refuses deep nesting without overflowing the stack', () => {
    let filter: unknown = { exists: ['key'] };
    for (let i = 0; i < 15; i++) filter = { not: filter };
    expect(() => parseFilter(filter)).not.toThrow();
    for (let i = 0; i < 100_000; i++) filter = { not: filter };
    expect(refusal(filter)).toMatch(/deeper than 16/);
  });

  it('gives zod issues with a path, for request bodies', () => {
    const result = FilterSchema.safeParse({ not: { gt: ['page', {}] } });
    expect(result.error?.issues[0]?.path).toEqual(['not', 'gt', 1]);
  });
});
