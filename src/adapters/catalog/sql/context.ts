import type { Expression, ExpressionBuilder, Kysely, SqlBool, Transaction } from 'kysely';
import type { Schema } from './schema.js';

/** What every port file works on. */
export type Db = Kysely<Schema>;
export type Tx = Transaction<Schema>;

/** Ids a statement takes at once; below every dialect's bound on parameters. */
const CHUNK = 500;
/** Rows a bulk removal takes a transaction, so that nothing else waits long. */
export const REMOVE_PAGE = 500;

export function chunks<T>(items: readonly T[], size: number = CHUNK): T[][] {
  const out: T[][] = [];
  for (let i = 0; i < items.length; i += size) out.push(items.slice(i, i + size));
  return out;
}

/** Whether a statement changed something. */
export function changed(result: { numUpdatedRows?: bigint; numInsertedOrUpdatedRows?: bigint | undefined }): boolean {
  return (result.numUpdatedRows ?? result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** Repeats the last id until the length is one of few, so that few statements are prepared and kept. */
export function padded(ids: readonly string[]): string[] {
  let length = 1;
  while (length < ids.length) length *= 2;
  const out = [...ids];
  while (out.length < length) out.push(ids[ids.length - 1]!);
  return out;
}

/** `(tenant, collection, source)` equals the name. */
export function ofSource<Table extends 'sources' | 'cursors' | 'inventory'>(name: {
  tenant: string;
  collection: string;
  source: string;
}): (eb: ExpressionBuilder<Schema, Table>) => Expression<SqlBool> {
  return (eb) => {
    const plain = eb as unknown as ExpressionBuilder<Schema, 'sources'>;
    return plain.and([
      plain('tenant', '=', name.tenant),
      plain('collection', '=', name.collection),
      plain('source', '=', name.source),
    ]);
  };
}
