import pg from 'pg';
import type { PostgresConfig } from './config.js';
import type { Incremental, Shape } from './shape.js';

/** Contents up to this many bytes come with their rows, at most INLINE_BATCH of them at once; larger ones are asked for alone. */
const INLINE = 64 * 1024;
const INLINE_BATCH = 32 * 1024 * 1024;
/** Beyond what Node holds as one string, and the server makes of a value, nothing is asked for. */
export const MAX_CONTENT = 256 * 1024 * 1024;
const MAX_LABEL = 4096;
export const MAX_METADATA = 16 * 1024;
const MAX_PERMISSIONS = 256 * 1024;

/** Read by position: what a row's columns are called in the answers. */
export const named = {
  key: (i: number) => `k${i}`,
  content: (i: number) => `c${i}`,
  sign: (i: number) => `s${i}`,
  label: (i: number) => `l${i}`,
  metadata: (i: number) => `m${i}`,
  at: 'at',
  bytes: 'bytes',
  permissions: 'permissions',
  observedAt: 'observed',
} as const;

type Source = Pick<PostgresConfig, 'schema' | 'table' | 'query'>;

const column = (name: string): string => `q.${pg.escapeIdentifier(name)}`;

function from({ schema, table, query }: Source): string {
  if (query !== undefined) return `from (${query}\n) as q`;
  const names = schema === undefined ? [table!] : [schema, table!];
  return `from ${names.map((name) => pg.escapeIdentifier(name)).join('.')} as q`;
}

/** No rows, but their columns and types. */
export function describeRows(source: Source, columns: readonly string[]): string {
  return `select ${columns.map(column).join(', ')} ${from(source)} limit 0`;
}

/** Whether there are rows that no key names. */
export function unnamedRows(config: PostgresConfig): string {
  const nulls = config.key.map((name) => `${column(name)} is null`).join(' or ');
  return `select 1 as found ${from(config)} where ${nulls} limit 1`;
}

/**
 * Where the source stands, by one snapshot: `xmin`, below which every transaction has ended, `next`, which no transaction
 * has taken yet, the highest value, and where a read that goes on behind $1 begins. The snapshot itself knows no more than
 * the last transaction that ended; who runs beyond it is told by the locks that each holds on its own number.
 */
export function momentOf(config: PostgresConfig, incremental: Incremental): string {
  const at = column(incremental.column);
  const { reached, back, quiet } = arithmetic(incremental);
  // Locks have the lower 32 bits of a number: how far is it ahead?
  const ahead = `((l.transactionid::text::bigint - (s.xmax & 4294967295) + 2147483648) & 4294967295) - 2147483648`;
  return `select s.xmin::text as xmin, h.high::text as high, (${quiet})::text as quiet, (${back})::text as start,
    (s.xmax + greatest(0, 1 + (select max(${ahead}) from pg_locks as l where l.locktype = 'transactionid')))::text as next
    from (select txid_snapshot_xmin(txid_current_snapshot()) as xmin, txid_snapshot_xmax(txid_current_snapshot()) as xmax) as s
    left join lateral (select ${at} as high ${from(config)}
      where ${at} is not null and ${reached(at)} order by ${at} desc limit 1) as h on true`;
}

/** $1: the value so far; $2: the overlap. */
function arithmetic({ growth, least }: Incremental): {
  /** Leaves out what would be the highest value for ever, such as a time in the future. */
  readonly reached: (at: string) => string;
  readonly back: string;
  /** Whether the highest value is older than the overlap: by a clock that it can be compared with. */
  readonly quiet: string;
} {
  const seconds = 'make_interval(secs => $2::text::float8)';
  const asText = (back: string) => ({ back, quiet: 'false' });
  switch (growth) {
    case 'instant':
      return {
        reached: (at) => `${at} <= statement_timestamp()`,
        back: `$1::text::timestamptz - ${seconds}`,
        quiet: `h.high < statement_timestamp() - ${seconds}`,
      };
    case 'local':
      // Of an unknown zone: a day's difference is no future.
      return {
        reached: (at) => `${at} <= (statement_timestamp() at time zone 'UTC') + interval '1 day'`,
        ...asText(`$1::text::timestamp - ${seconds}`),
      };
    case 'date':
      return {
        reached: (at) => `${at} <= (statement_timestamp() at time zone 'UTC')::date + 1`,
        ...asText('$1::text::date - ceil($2::text::float8 / 86400)::int'),
      };
    case 'integer':
      return {
        reached: () => 'true',
        ...asText(`greatest($1::text::numeric - floor($2::text::numeric), ${least ?? '0'})`),
      };
    case 'decimal':
      return { reached: (at) => `${at} < 'NaN'::numeric`, ...asText('$1::text::numeric - $2::text::numeric') };
    case 'float':
      return { reached: (at) => `${at} < 'Infinity'::float8`, ...asText('$1::text::float8 - $2::text::float8') };
    case 'other':
      return { reached: () => 'true', ...asText(`case when $2::text is not null then $1::text end`) };
  }
}

/** The columns of an answer. @param whole with contents and their signs; else all but those */
function selected(config: PostgresConfig, shape: Shape, whole: boolean): string {
  const bounded = (json: string, most: number, otherwise: string) =>
    `case when octet_length(${json}::text) <= ${most} then ${json}::text when ${json} is not null then '${otherwise}' end`;
  const list = [
    ...config.key.map((name, i) => `${column(name)}::text as ${named.key(i)}`),
    ...shape.labels.map((name, i) => `left(${column(name)}::text, ${MAX_LABEL}) as ${named.label(i)}`),
    ...config.metadata.map(
      (name, i) => `${bounded(`to_json(${column(name)})`, MAX_METADATA, '')} as ${named.metadata(i)}`,
    ),
  ];
  const { permissions } = config;
  // What is too much to be read is none that anybody could have.
  if (permissions !== undefined) {
    list.push(`${bounded(`to_json(${column(permissions)})`, MAX_PERMISSIONS, '{}')} as ${named.permissions}`);
  }
  if (shape.observedAt !== undefined) list.push(`to_json(${column(shape.observedAt)})::text as ${named.observedAt}`);
  if (shape.incremental) list.push(`${column(shape.incremental.column)}::text as ${named.at}`);
  if (whole) {
    list.push(...valuesOf(shape, Math.min(INLINE, Math.floor(INLINE_BATCH / config.batchRows))), ...signsOf(shape));
  }
  return list.join(', ');
}

/** Beside each row its contents, made once: the texts of JSON, say, are dear. */
function besides({ contents, binary }: Shape): string {
  const list = contents.map((name, i) => `${column(name)}${binary ? '' : '::text'} as ${named.content(i)}`);
  return `cross join lateral (select ${list.join(', ')} offset 0) as v`;
}

function lengthOf({ contents }: Shape): string {
  return contents.map((_, i) => `coalesce(octet_length(v.${named.content(i)}), 0)::bigint`).join(' + ');
}

const upTo = (shape: Shape, most: number, value: string): string =>
  `case when ${lengthOf(shape)} <= ${most} then ${value} end`;

/** The number of bytes in all, and the values where these are not more than `most`. */
function valuesOf(shape: Shape, most: number): string[] {
  const sent = (name: string) => (shape.binary ? `encode(v.${name}, 'base64')` : `v.${name}`);
  return [
    `(${lengthOf(shape)})::text as ${named.bytes}`,
    ...shape.contents.map((_, i) => `${upTo(shape, most, sent(named.content(i)))} as ${named.content(i)}`),
  ];
}

/** A sign of each value by which a change is seen. */
function signsOf(shape: Shape): string[] {
  const bytes = (name: string) => (shape.binary ? `v.${name}` : `convert_to(v.${name}, 'UTF8')`);
  return shape.contents.map((_, i) => {
    const sign = `encode(sha256(${bytes(named.content(i))}), 'hex')`;
    return `${upTo(shape, MAX_CONTENT, sign)} as ${named.sign(i)}`;
  });
}

/** From where to where rows are read. */
export type Range =
  | { readonly order: 'key' }
  /** `above`: rows of that very value are known. */
  | { readonly order: 'incremental'; readonly start: string; readonly above: boolean; readonly high: string };

/** Where the next page begins: behind this row. */
export interface Place {
  readonly at: string | null;
  readonly keys: readonly string[];
}

export interface Statement {
  readonly text: string;
  readonly values: readonly (string | null)[];
}

/** One page, in order, and one row more, which tells whether there is another page. */
export function pageOf(
  config: PostgresConfig,
  shape: Shape,
  { range, after, whole }: { readonly range: Range; readonly after: Place | undefined; readonly whole: boolean },
): Statement {
  const values: (string | null)[] = [];
  const parameter = (value: string | null): string => `$${values.push(value)}`;
  const keys = config.key.map(column);
  const conditions = keys.map((key) => `${key} is not null`);
  const order = [...keys];
  if (range.order === 'incremental' && shape.incremental) {
    const at = column(shape.incremental.column);
    order.unshift(at);
    conditions.push(`${at} ${range.above ? '>' : '>='} ${parameter(range.start)}`, `${at} <= ${parameter(range.high)}`);
  }
  if (after) {
    const place = range.order === 'incremental' ? [after.at, ...after.keys] : after.keys;
    conditions.push(`(${order.join(', ')}) > (${place.map(parameter).join(', ')})`);
  }
  const text = `select ${selected(config, shape, whole)} ${from(config)} ${whole ? besides(shape) : ''}
    where ${conditions.join(' and ')}
    order by ${order.join(', ')} limit ${config.batchRows + 1}`;
  return { text, values };
}

/** The rows of these keys, whole. */
export function rowsOf(config: PostgresConfig, shape: Shape, keys: readonly (readonly string[])[]): Statement {
  return statementOf(config, shape, selected(config, shape, true), keys);
}

/** The contents of one row, unless they are too large even alone. */
export function contentOf(config: PostgresConfig, shape: Shape, keys: readonly string[]): Statement {
  return statementOf(config, shape, valuesOf(shape, MAX_CONTENT).join(', '), [keys]);
}

function statementOf(
  config: PostgresConfig,
  shape: Shape,
  list: string,
  keys: readonly (readonly string[])[],
): Statement {
  const text = `select ${list} ${from(config)} ${besides(shape)} where ${anyOf(config, keys)}`;
  return { text, values: keys.flat() };
}

function anyOf(config: PostgresConfig, keys: readonly (readonly string[])[]): string {
  let at = 0;
  const lists = keys.map((parts) => `(${parts.map(() => `$${(at += 1)}`).join(', ')})`);
  return `(${config.key.map(column).join(', ')}) in (${lists.join(', ')})`;
}
