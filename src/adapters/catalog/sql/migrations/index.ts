import type { Kysely } from 'kysely';
import { readFormat } from '../../../../core/format.js';
import type { Dialect } from '../dialect.js';
import type { Schema } from '../schema.js';
import { first } from './001_first.js';
import { tombstones } from './002_tombstones.js';
import { processes } from './003_processes.js';

export interface Migration {
  /** 1, 2, 3 …; the format version once it is applied. */
  readonly version: number;
  up(db: Kysely<Schema>, dialect: Dialect): Promise<void>;
}

/** Append only: a migration that was released is never changed. */
const MIGRATIONS: readonly Migration[] = [first, tombstones, processes];

const FORMAT = 'catalog.format';
const OR_ELSE = 'or restore a backup made by this version';

/** Brings the tables to this software's format, each step in its own transaction. @throws data_newer, data_corrupt */
export async function migrate(db: Kysely<Schema>, dialect: Dialect): Promise<void> {
  await db.schema
    .createTable('meta')
    .ifNotExists()
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute();
  const row = await db.selectFrom('meta').select('value').where('name', '=', FORMAT).executeTakeFirst();
  const newest = MIGRATIONS[MIGRATIONS.length - 1]!.version;
  // No number at all: the tables are made now.
  const present = row === undefined ? 0 : readFormat(row.value, { what: 'The catalog', newest, orElse: OR_ELSE });
  for (const migration of MIGRATIONS) {
    if (migration.version <= present) continue;
    await db.transaction().execute(async (tx) => {
      await migration.up(tx, dialect);
      const value = String(migration.version);
      await tx
        .insertInto('meta')
        .values({ name: FORMAT, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute();
    });
  }
}
