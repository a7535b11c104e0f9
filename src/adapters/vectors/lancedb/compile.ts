import type { Filter, FilterField, FilterValue } from '../../../core/filter.js';
import type { SearchFilter } from '../../../core/ports/vectors.js';
import { elementLabel, existsLabel, numberLabel, OVERFLOW, rangePrefixes, stringLabel, valueLabel } from './labels.js';
import { COLUMN } from './schema.js';

/**
 * A condition as two SQL texts around it: every row that meets the condition meets `over`, and every row that meets
 * `under` meets the condition. They are equal where SQL says it exactly. Negation swaps them, so the whole `over` is
 * always a superset, whatever is below a `not`.
 */
interface Bounds {
  readonly over: string;
  readonly under: string;
}

const TRUE = 'TRUE';
const FALSE = 'FALSE';
const exactly = (sql: string): Bounds => ({ over: sql, under: sql });
const ALWAYS = exactly(TRUE);
const NEVER = exactly(FALSE);

/** SQL `where` that lets every point through that has one of the principals and meets the filter; maybe more. */
export function compileSearchFilter({ principals, filter }: SearchFilter): string {
  const readable = principals.length === 0 ? FALSE : hasAny(COLUMN.principals, principals);
  return filter === undefined ? readable : and([readable, compileFilter(filter)]);
}

/** @param filter as `parseFilter` returned it */
export function compileFilter(filter: Filter): string {
  return compile(filter).over;
}

function compile(filter: Filter): Bounds {
  if ('and' in filter) return all(filter.and.map(compile));
  if ('or' in filter) return any(filter.or.map(compile));
  if ('not' in filter) return not(compile(filter.not));
  if ('exists' in filter) return field(filter.exists[0]).exists();
  if ('in' in filter) return field(filter.in[0]).isOneOf(filter.in[1]);
  if ('eq' in filter) return field(filter.eq[0]).isOneOf([filter.eq[1]]);
  if ('ne' in filter) {
    const of = field(filter.ne[0]);
    return all([of.exists(), not(of.isOneOf([filter.ne[1]]))]);
  }
  if ('contains' in filter) return field(filter.contains[0]).contains(filter.contains[1]);
  if ('gt' in filter) return field(filter.gt[0]).compares('>', filter.gt[1]);
  if ('gte' in filter) return field(filter.gte[0]).compares('>=', filter.gte[1]);
  if ('lt' in filter) return field(filter.lt[0]).compares('<', filter.lt[1]);
  return field(filter.lte[0]).compares('<=', filter.lte[1]);
}

type Operator = '>' | '>=' | '<' | '<=';

/** The conditions that one field can be asked for. */
interface FieldConditions {
  exists(): Bounds;
  isOneOf(values: readonly FilterValue[]): Bounds;
  contains(value: FilterValue): Bounds;
  compares(operator: Operator, value: FilterValue): Bounds;
}

function field(path: string): FieldConditions {
  if (path.startsWith('metadata.')) return metadataField(path.slice('metadata.'.length));
  if (path === 'page') return pageField;
  return textField(TEXT_COLUMNS[path as Exclude<FilterField, 'page'>]);
}

const TEXT_COLUMNS: Readonly<Record<Exclude<FilterField, 'page'>, string>> = {
  source: COLUMN.source,
  key: COLUMN.key,
  documentId: COLUMN.documentId,
  mime: COLUMN.mime,
  language: COLUMN.language,
  kind: COLUMN.kind,
  title: COLUMN.title,
  uri: COLUMN.uri,
  observedAt: COLUMN.observedAt,
};

/** SQL's NULL must never come out of a condition: `NOT NULL` is not true. */
const present = (column: string, sql: string) => `(${column} IS NOT NULL AND ${sql})`;

function textField(column: string): FieldConditions {
  const exists = exactly(`(${column} IS NOT NULL)`);
  return {
    exists: () => exists,
    isOneOf(values) {
      const texts = values.filter((value) => typeof value === 'string');
      const within = (some: readonly string[]) =>
        some.length === 0 ? FALSE : present(column, `${column} IN (${some.map(quote).join(',')})`);
      return { over: within(texts), under: within(texts.filter(isFaithful)) };
    },
    contains(value) {
      if (typeof value !== 'string') return NEVER;
      if (value === '') return exists;
      if (!isFaithful(value)) return { over: exists.over, under: FALSE };
      return exactly(present(column, `strpos(${column}, ${quote(value)}) > 0`));
    },
    compares(operator, value) {
      if (typeof value !== 'string') return NEVER;
      // Lance orders by UTF-8 bytes. Both orders agree against a text that stays below the surrogates.
      if (!/^[\0-\ud7ff]*$/.test(value)) return { over: exists.over, under: FALSE };
      return exactly(present(column, `${column} ${operator} ${quote(value)}`));
    },
  };
}

const pageField: FieldConditions = {
  exists: () => exactly(`(${COLUMN.page} IS NOT NULL)`),
  isOneOf(values) {
    const pages = values.filter((value) => typeof value === 'number' && Number.isInteger(value) && fitsInt32(value));
    if (pages.length === 0) return NEVER;
    return exactly(present(COLUMN.page, `${COLUMN.page} IN (${pages.map((page) => Number(page) + 0).join(',')})`));
  },
  contains: () => NEVER,
  compares(operator, value) {
    if (typeof value !== 'number') return NEVER;
    // The nearest whole number on the side that keeps the meaning.
    const whole = operator === '>' || operator === '<=' ? Math.floor(value) : Math.ceil(value);
    if (!fitsInt32(whole)) {
      return exactly(operator.startsWith('>') === value < 0 ? `(${COLUMN.page} IS NOT NULL)` : FALSE);
    }
    return exactly(present(COLUMN.page, `${COLUMN.page} ${operator} ${whole + 0}`));
  },
};

const fitsInt32 = (value: number) => value >= -2_147_483_648 && value <= 2_147_483_647;

function metadataField(path: string): FieldConditions {
  // A point with too many labels lacks some: it must pass where a label is asked for.
  const labelled = (over: readonly string[], under: readonly string[] = over): Bounds => ({
    over: over.length === 0 ? FALSE : hasAny(COLUMN.labels, [...over, OVERFLOW]),
    under: under.length === 0 || !isFaithful(path) ? FALSE : hasAny(COLUMN.labels, under),
  });
  return {
    exists: () => labelled([existsLabel(path)]),
    isOneOf: (values) =>
      labelled(
        values.map((value) => valueLabel(path, value)),
        values.filter(isFaithful).map((value) => valueLabel(path, value)),
      ),
    contains(value) {
      const element = elementLabel(path, value);
      const under = isFaithful(value) ? [element] : [];
      // Whether a string has the part is not known here.
      return typeof value === 'string' ? labelled([element, stringLabel(path)], under) : labelled([element], under);
    },
    compares(operator, value) {
      if (typeof value === 'string') return labelled([stringLabel(path)], []);
      if (typeof value !== 'number') return NEVER;
      const upwards = operator.startsWith('>');
      const { inside, edges } = rangePrefixes(upwards ? value : -Number.MAX_VALUE, upwards ? Number.MAX_VALUE : value);
      // JSON numbers end at the largest double, so that edge is inside. The value's own edge is only in part.
      const open = upwards ? edges.at(-1) : edges[0];
      const whole = edges.length === 2 && open !== undefined ? [...inside, open] : inside;
      const near = labelled(
        [...inside, ...edges].map((prefix) => numberLabel(path, prefix)),
        whole.map((prefix) => numberLabel(path, prefix)),
      );
      // Equality is known exactly, which settles the edge for all but numbers of many digits.
      const equal = labelled([valueLabel(path, value)]);
      return operator.endsWith('=') ? any([near, equal]) : all([near, not(equal)]);
    },
  };
}

/** False for what UTF-8 can't hold exactly: lone surrogates become U+FFFD, so such texts are not told apart in the store. */
function isFaithful(value: FilterValue): boolean {
  return typeof value !== 'string' || (value.isWellFormed() && !value.includes('\ufffd'));
}

function hasAny(column: string, values: readonly string[]): string {
  return `array_has_any(${column}, [${values.map(quote).join(',')}])`;
}

/** A SQL string literal. Only the quote is special in Lance's SQL; there are no backslash escapes. */
export function quote(value: string): string {
  return `'${value.toWellFormed().replaceAll("'", "''")}'`;
}

function and(parts: readonly string[]): string {
  if (parts.includes(FALSE)) return FALSE;
  const rest = [...new Set(parts)].filter((part) => part !== TRUE);
  return rest.length === 0 ? TRUE : rest.length === 1 ? rest[0]! : `(${rest.join(' AND ')})`;
}

function or(parts: readonly string[]): string {
  if (parts.includes(TRUE)) return TRUE;
  const rest = [...new Set(parts)].filter((part) => part !== FALSE);
  return rest.length === 0 ? FALSE : rest.length === 1 ? rest[0]! : `(${rest.join(' OR ')})`;
}

function negate(sql: string): string {
  return sql === TRUE ? FALSE : sql === FALSE ? TRUE : `(NOT ${sql})`;
}

function all(parts: readonly Bounds[]): Bounds {
  if (parts.length === 0) return ALWAYS;
  return { over: and(parts.map((part) => part.over)), under: and(parts.map((part) => part.under)) };
}

function any(parts: readonly Bounds[]): Bounds {
  if (parts.length === 0) return NEVER;
  return { over: or(parts.map((part) => part.over)), under: or(parts.map((part) => part.under)) };
}

function not(part: Bounds): Bounds {
  return { over: negate(part.under), under: negate(part.over) };
}
