import { sql } from 'kysely';
import type { Migration } from './index.js';

/** The processes that work on one catalog, which job is whose, and deletions in the order in which they came. */
export const processes: Migration = {
  version: 3,
  async up(db, dialect) {
    const text = sql.raw(dialect.text);
    await db.schema
      .createTable('processes')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('role', text, (column) => column.notNull())
      .addColumn('started_at', text, (column) => column.notNull())
      .addColumn('detail', text, (column) => column.notNull())
      .addColumn('expires_at', sql.raw(dialect.integer), (column) => column.notNull())
      .execute();
    await db.schema.alterTable('jobs').addColumn('owner', text).execute();
    await db.schema
      .createIndex('heads_deleted_at')
      .on('heads')
      .columns(['updated_at', 'document_id'])
      .where(sql.ref('deleted'), '=', sql.lit(1))
      .execute();
  },
};
