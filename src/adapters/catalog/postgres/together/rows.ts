import { sql, type RawBuilder } from 'kysely';

/** Calls of one statement at most. */
export const MOST = 256;

type Value = string | number | bigint | null;

/**
 * Rows as a table `w` of a statement, one parameter a column: the statement's text is the same for any number of them.
 * @param columns their types; text is compared by code point, as it is in the catalog's tables
 */
export function asTable<Columns extends Readonly<Record<string, 'text' | 'bigint'>>>(
  columns: Columns,
  rows: readonly Readonly<Record<keyof Columns, Value>>[],
): RawBuilder<unknown> {
  const all = Object.entries(columns);
  const arrays = all.map(([name, type]) => sql`${rows.map((row) => row[name]!)}::${sql.raw(type)}[]`);
  const names = all.map(([name]) => sql.ref(name));
  const read = all.map(([name, type]) =>
    type === 'text' ? sql`${sql.ref(name)} collate "C" as ${sql.ref(name)}` : sql.ref(name),
  );
  return sql`(select ${sql.join(read)} from unnest(${sql.join(arrays)}) as u(${sql.join(names)})) as w`;
}

/** The columns by their names, for `insert into … (…) select …`. */
export function namesOf(columns: Readonly<Record<string, unknown>>): RawBuilder<unknown> {
  return sql.join(Object.keys(columns).map((name) => sql.ref(name)));
}

/** `a = w.a, b = w.b`, for `update … set`. */
export function assignments(names: readonly string[], table: string): RawBuilder<unknown> {
  return sql.join(names.map((name) => sql`${sql.ref(name)} = ${sql.ref(`${table}.${name}`)}`));
}
