import type { Expression, ExpressionBuilder, SqlBool } from 'kysely';
import { readFormat } from '../../../core/format.js';
import type { Aside } from '../../../core/ports/catalog.js';
import type { Db, Tx } from './context.js';
import type { Schema } from './schema.js';

/** Of the row that stands for a collection out of sight; raised when its shape changes. */
const FORMAT = 1;
/** Such a row's name in `meta` begins so. */
const PREFIX = 'aside.';
/** Above every name that begins with the prefix. */
const BEHIND = 'aside/';

function rowName(tenant: string, collection: string): string {
  return PREFIX + JSON.stringify([tenant, collection]);
}

/** @throws data_newer, data_corrupt */
function decode(text: string): Aside {
  const { v, ...aside } = JSON.parse(text) as Aside & { v?: unknown };
  readFormat(v, { what: 'What is kept of a collection that was set aside', newest: FORMAT });
  return aside;
}

export async function readAside(db: Db | Tx, tenant: string, name: string): Promise<Aside | undefined> {
  const row = await db.selectFrom('meta').select('value').where('name', '=', rowName(tenant, name)).executeTakeFirst();
  return row && decode(row.value);
}

/** Whether a collection is out of sight, within a statement. */
export function isAside<Table extends keyof Schema>(
  eb: ExpressionBuilder<Schema, Table>,
  tenant: string,
  name: string,
): Expression<SqlBool> {
  const plain = eb as unknown as ExpressionBuilder<Schema, 'releases'>;
  return plain.exists(plain.selectFrom('meta').select('meta.name').where('meta.name', '=', rowName(tenant, name)));
}

export async function listAside(db: Db): Promise<Aside[]> {
  const rows = await db
    .selectFrom('meta')
    .select('value')
    .where('name', '>=', PREFIX)
    .where('name', '<', BEHIND)
    .orderBy('name')
    .execute();
  return rows.map(({ value }) => decode(value));
}

export async function writeAside(tx: Tx, aside: Aside): Promise<void> {
  const value = JSON.stringify({ v: FORMAT, ...aside });
  await tx
    .insertInto('meta')
    .values({ name: rowName(aside.collection.tenant, aside.collection.name), value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}

/** @returns whether there was one */
export async function removeAside(tx: Tx, tenant: string, name: string): Promise<boolean> {
  const removed = await tx.deleteFrom('meta').where('name', '=', rowName(tenant, name)).executeTakeFirstOrThrow();
  return removed.numDeletedRows > 0n;
}
