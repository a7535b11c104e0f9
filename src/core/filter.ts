import { z } from 'zod';
import { FootnoteError } from './errors.js';
import type { Json, JsonObject } from './json.js';

/** Scalars that a filter compares with. */
export type FilterValue = string | number | boolean;

/**
 * The one filter language (design section 6). Paths: `source`, `key`, `documentId`, `mime`, `language`, `kind`, `title`,
 * `uri`, `page`, `observedAt` and `metadata.<name>[.<name>…]`.
 */
export type Filter =
  | { readonly and: readonly Filter[] }
  | { readonly or: readonly Filter[] }
  | { readonly not: Filter }
  | { readonly eq: readonly [string, FilterValue] }
  | { readonly ne: readonly [string, FilterValue] }
  | { readonly in: readonly [string, readonly FilterValue[]] }
  | { readonly gt: readonly [string, FilterValue] }
  | { readonly gte: readonly [string, FilterValue] }
  | { readonly lt: readonly [string, FilterValue] }
  | { readonly lte: readonly [string, FilterValue] }
  | { readonly contains: readonly [string, FilterValue] }
  | { readonly exists: readonly [string] };

/** Fields beside `metadata` that a filter may name. `page` is a number, all others are strings. */
export const FILTER_FIELDS = [
  'source',
  'key',
  'documentId',
  'mime',
  'language',
  'kind',
  'title',
  'uri',
  'page',
  'observedAt',
] as const;

export type FilterField = (typeof FILTER_FIELDS)[number];

/** What a filter looks at. */
export interface FilterFields {
  readonly source: string;
  readonly key: string;
  readonly documentId: string;
  readonly mime: string;
  readonly language?: string | undefined;
  readonly kind: string;
  readonly title?: string | undefined;
  readonly uri?: string | undefined;
  /** 1-based. */
  readonly page?: number | undefined;
  /** ISO 8601; compared as text, so both sides should be in the same form (UTC with `Z`). */
  readonly observedAt: string;
  readonly metadata: JsonObject;
}

/** Bounds on one filter (law 10). */
export const FILTER_LIMITS = {
  depth: 16,
  nodes: 256,
  /** Values of one `in`. */
  inValues: 1000,
  /** Values of the whole filter. */
  values: 4000,
  /** UTF-16 code units of a value. */
  valueLength: 4096,
  pathLength: 512,
  /** Names in a metadata path. */
  pathSegments: 16,
} as const;

const COMPARISONS = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'contains'] as const;
type Comparison = (typeof COMPARISONS)[number];
const OPERATORS = ['and', 'or', 'not', ...COMPARISONS, 'in', 'exists'] as const;
const FIELDS_HELP = `${FILTER_FIELDS.join(', ')} and metadata.<name>`;

class Refused extends Error {
  constructor(
    readonly at: readonly (string | number)[],
    message: string,
  ) {
    super(message);
  }
}

/** Walks a filter once; throws `Refused` at the first thing that is wrong. Never recurses deeper than the limit. */
function check(
  filter: unknown,
  at: readonly (string | number)[],
  depth: number,
  seen: { nodes: number; values: number },
): void {
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter)) {
    throw new Refused(at, `must be an object with one operator of: ${OPERATORS.join(', ')}`);
  }
  if (depth > FILTER_LIMITS.depth) throw new Refused(at, `is nested deeper than ${FILTER_LIMITS.depth}`);
  seen.nodes += 1;
  if (seen.nodes > FILTER_LIMITS.nodes) throw new Refused(at, `has more than ${FILTER_LIMITS.nodes} operators`);
  const entries = Object.entries(filter);
  const [operator, operand] = entries[0] ?? [];
  if (entries.length !== 1 || operator === undefined) {
    throw new Refused(at, `must hold exactly one operator of: ${OPERATORS.join(', ')}`);
  }
  const here = [...at, operator];
  switch (operator) {
    case 'and':
    case 'or':
      if (!Array.isArray(operand)) throw new Refused(here, 'must be an array of filters');
      operand.forEach((part, i) => check(part, [...here, i], depth + 1, seen));
      return;
    case 'not':
      check(operand, here, depth + 1, seen);
      return;
    case 'exists':
      checkPath(checkTuple(operand, here, 1, 'must be [path]')[0], [...here, 0]);
      return;
    case 'in': {
      const [path, values] = checkTuple(operand, here, 2, 'must be [path, [value, …]]');
      checkPath(path, [...here, 0]);
      if (!Array.isArray(values)) throw new Refused([...here, 1], 'must be an array of values');
      if (values.length > FILTER_LIMITS.inValues) {
        throw new Refused([...here, 1], `has more than ${FILTER_LIMITS.inValues} values`);
      }
      values.forEach((value, i) => checkValue(value, [...here, 1, i], seen));
      return;
    }
    default: {
      if (!(COMPARISONS as readonly string[]).includes(operator)) {
        throw new Refused(here, `is no operator; use one of: ${OPERATORS.join(', ')}`);
      }
      const [path, value] = checkTuple(operand, here, 2, 'must be [path, value]');
      checkPath(path, [...here, 0]);
      checkValue(value, [...here, 1], seen);
    }
  }
}

function checkTuple(operand: unknown, at: readonly (string | number)[], length: number, shape: string): unknown[] {
  if (!Array.isArray(operand) || operand.length !== length) throw new Refused(at, shape);
  return operand;
}

function checkPath(path: unknown, at: readonly (string | number)[]): void {
  if (typeof path !== 'string') throw new Refused(at, `must be a field's name: ${FIELDS_HELP}`);
  if (path.length > FILTER_LIMITS.pathLength) throw new Refused(at, 'is too long for a path');
  if ((FILTER_FIELDS as readonly string[]).includes(path)) return;
  const [root, ...names] = path.split('.');
  if (root !== 'metadata' || names.length === 0 || names.includes('')) {
    throw new Refused(at, `is no field; use one of: ${FIELDS_HELP}`);
  }
  if (names.length > FILTER_LIMITS.pathSegments) throw new Refused(at, 'has too many names');
}

function checkValue(value: unknown, at: readonly (string | number)[], seen: { values: number }): void {
  seen.values += 1;
  if (seen.values > FILTER_LIMITS.values) throw new Refused(at, `is one value more than the ${FILTER_LIMITS.values}`);
  if (typeof value === 'string') {
    if (value.length > FILTER_LIMITS.valueLength) {
      throw new Refused(at, `is longer than ${FILTER_LIMITS.valueLength} characters`);
    }
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Refused(at, 'must be a finite number');
  } else if (typeof value !== 'boolean') throw new Refused(at, 'must be a string, number or boolean');
}

/** A filter within its bounds. For JSON bodies; issues carry the path inside the filter. */
export const FilterSchema = z.custom<Filter>().superRefine((value, context) => {
  try {
    check(value, [], 1, { nodes: 0, values: 0 });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    context.addIssue({ code: 'custom', path: [...error.at], message: error.message });
  }
});

/** @throws invalid_filter that names the place inside the filter and what may stand there */
export function parseFilter(input: unknown): Filter {
  const result = FilterSchema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = ['filter', ...(issue?.path ?? [])].map(String).join('.');
  throw new FootnoteError('invalid_filter', `${path} ${issue?.message ?? 'is not valid'}.`, {
    details: { path, operators: OPERATORS, fields: [...FILTER_FIELDS, 'metadata.<name>'] },
  });
}

/** The fields of a point (or anything that carries them). */
export function fieldsOf(point: FilterFields): FilterFields {
  const { source, key, documentId, mime, language, kind, title, uri, page, observedAt, metadata } = point;
  return { source, key, documentId, mime, language, kind, title, uri, page, observedAt, metadata };
}

/**
 * The definition of what a filter means; every store's own way must agree with it.
 *
 * - A missing field (and JSON null) makes every comparison false, `ne` too; so `not` of it is true.
 * - Types are never coerced: `eq` of 1 and "1" is false.
 * - `eq`, `in`: equal scalars. An array or object equals nothing. `ne`: the field exists and `eq` is false.
 * - `gt`, `gte`, `lt`, `lte`: number with number, string with string in the order of UTF-16 code units; else false.
 * - `contains`: an array that has the value (a scalar of the same type), or a string that has the string as a part.
 * - `exists`: there is a value other than null; an empty array, object or string is one.
 * - `and` of nothing is true, `or` and `in` of nothing are false.
 * - A metadata path walks objects by own names; a name with a dot in it can't be reached, nor can array elements.
 *
 * @param filter as `parseFilter` returned it
 */
export function matches(filter: Filter, fields: FilterFields): boolean {
  if ('and' in filter) return filter.and.every((part) => matches(part, fields));
  if ('or' in filter) return filter.or.some((part) => matches(part, fields));
  if ('not' in filter) return !matches(filter.not, fields);
  if ('exists' in filter) return valueAt(filter.exists[0], fields) !== undefined;
  if ('in' in filter) {
    const value = valueAt(filter.in[0], fields);
    return value !== undefined && (filter.in[1] as readonly Json[]).includes(value);
  }
  const [operator, [path, operand]] = Object.entries(filter)[0] as [Comparison, readonly [string, FilterValue]];
  const value = valueAt(path, fields);
  if (value === undefined) return false;
  switch (operator) {
    case 'eq':
      return value === operand;
    case 'ne':
      return value !== operand;
    case 'contains':
      if (Array.isArray(value)) return value.includes(operand);
      return typeof value === 'string' && typeof operand === 'string' && value.includes(operand);
    case 'gt':
      return comparable(value, operand) && value > operand;
    case 'gte':
      return comparable(value, operand) && value >= operand;
    case 'lt':
      return comparable(value, operand) && value < operand;
    case 'lte':
      return comparable(value, operand) && value <= operand;
  }
}

function comparable(value: Json, operand: FilterValue): value is string | number {
  return typeof value === typeof operand && (typeof value === 'number' || typeof value === 'string');
}

/** The value at a path, or undefined where there is none (or null). */
function valueAt(path: string, fields: FilterFields): Exclude<Json, null> | undefined {
  if (!path.startsWith('metadata.')) {
    return (FILTER_FIELDS as readonly string[]).includes(path) ? fields[path as FilterField] : undefined;
  }
  let value: Json | undefined = fields.metadata;
  for (const name of path.slice('metadata.'.length).split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) {
      return undefined;
    }
    value = (value as JsonObject)[name];
  }
  return value ?? undefined;
}
