import { sql, type Expression, type RawBuilder, type SqlBool } from 'kysely';
import type { Dialect } from './dialect.js';

type Column = 'key' | 'scope';

/**
 * Keys of documents and scopes of inventories may be longer than some databases' indexes take: there the index holds
 * their beginnings, and whoever looks for one says its beginning, too.
 */
export class LongKeys {
  readonly #chars: number | undefined;

  constructor(dialect: Pick<Dialect, 'indexedChars'>) {
    this.#chars = dialect.indexedChars;
  }

  /** What an index takes of the column. */
  indexed(column: Column): RawBuilder<string> {
    const ref = sql.ref<string>(column);
    // The very text of the index's expression, so not a parameter: only then the index is used.
    return this.#chars === undefined ? ref : sql<string>`left(${ref}, ${sql.lit(this.#chars)})`;
  }

  /** The column equals one of these. */
  isOneOf(column: Column, values: readonly string[]): Expression<SqlBool> {
    const equal = sql<SqlBool>`${sql.ref(column)} in (${sql.join(values)})`;
    if (this.#chars === undefined) return equal;
    const beginnings = [...new Set(values.map((value) => this.#beginning(value)))];
    return sql<SqlBool>`(${this.indexed(column)} in (${sql.join(beginnings)}) and ${equal})`;
  }

  isAfter(column: Column, value: string): Expression<SqlBool> {
    const after = sql<SqlBool>`${sql.ref(column)} > ${value}`;
    if (this.#chars === undefined) return after;
    return sql<SqlBool>`(${this.indexed(column)} >= ${this.#beginning(value)} and ${after})`;
  }

  /** To be ordered by before the column itself: the same order, which the index has. */
  get ordersBeginnings(): boolean {
    return this.#chars !== undefined;
  }

  #beginning(value: string): string {
    // Code points, as the database counts.
    return [...value].slice(0, this.#chars).join('');
  }
}
