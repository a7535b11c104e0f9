import type { Filter, FilterField } from '../../../core/filter.js';
import type { SearchFilter } from '../../../core/ports/vectors.js';
import { boundsOf, exactly, isFaithful, type ConditionLanguage, type FieldConditions } from '../bounds.js';
import { COLUMN } from './schema.js';

const TRUE = 'TRUE';
const FALSE = 'FALSE';
const NEVER = exactly(FALSE);

/** SQL `where` that lets every point through that has one of the principals and meets the filter; maybe more. */
export function compileSearchFilter({ principals, filter }: SearchFilter): string {
  const readable = principals.length === 0 ? FALSE : hasAny(COLUMN.principals, principals);
  return filter === undefined ? readable : and([readable, compileFilter(filter)]);
}

/** @param filter as `parseFilter` returned it */
export function compileFilter(filter: Filter): string {
  return boundsOf(filter, SQL).over;
}

const SQL: ConditionLanguage<string> = {
  and,
  or,
  not: (sql) => (sql === TRUE ? FALSE : sql === FALSE ? TRUE : `(NOT ${sql})`),
  hasLabel: (labels) => hasAny(COLUMN.labels, labels),
  field: (name) => (name === 'page' ? pageField : textField(TEXT_COLUMNS[name])),
};

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

function textField(column: string): FieldConditions<string> {
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

const pageField: FieldConditions<string> = {
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
