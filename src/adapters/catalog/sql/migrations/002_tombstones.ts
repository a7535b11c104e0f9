import { sql } from 'kysely';
import type { Migration } from './index.js';

/** Tombstones are found by their age without reading what is live. */
export const tombstones: Migration = {
  version: 2,
  async up(db) {
    await db.schema
      .createIndex('heads_deleted')
      .on('heads')
      .columns(['tenant', 'collection', 'document_id', 'updated_at'])
      .where(sql.ref('deleted'), '=', sql.lit(1))
      .execute();
  },
};
