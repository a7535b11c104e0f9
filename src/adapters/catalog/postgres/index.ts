import { Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import type { Catalog } from '../../../core/ports/catalog.js';
import { parsePostgresUrl, type PostgresAddress } from '../../../runtime/postgres-url.js';
import type { Dialect } from '../sql/dialect.js';
import { sqlCatalog } from '../sql/index.js';
import { LongKeys } from '../sql/long-keys.js';
import type { Schema } from '../sql/schema.js';
import { PostgresDriver } from './driver.js';
import { type PostgresCatalogOptions, type Settings, withDefaults } from './options.js';
import { createPool } from './pool.js';
import { prepare } from './prepare.js';
import { PostgresContents } from './together/contents.js';
import { PostgresDocuments } from './together/documents.js';
import { PostgresHeads } from './together/heads.js';
import { PostgresRevisions } from './together/revisions.js';

export type { PostgresCatalogOptions } from './options.js';

const DIALECT: Dialect = {
  // By bytes, which for UTF-8 is the order of code points, whatever the database's locale.
  text: 'text collate "C"',
  integer: 'bigint',
  serial: 'bigint generated always as identity primary key',
  // An index takes 2,704 bytes a row: two of these at 4 bytes a character, and the names before them.
  indexedChars: 240,
};

function connect(address: PostgresAddress, settings: Settings, migrating = false): Kysely<Schema> {
  const pool = createPool(address, settings, migrating);
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new PostgresDriver(pool, address.server, { replaces: !migrating }),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
}

/** What changes are applied with: calls for many documents at once share statements, as each costs a round trip. */
function together(db: Kysely<Schema>): Catalog {
  return {
    ...sqlCatalog(db, DIALECT),
    heads: new PostgresHeads(db, new LongKeys(DIALECT)),
    documents: new PostgresDocuments(db),
    contents: new PostgresContents(db),
    revisions: new PostgresRevisions(db),
  };
}

/**
 * The catalog in one schema of a PostgreSQL database, which any number of processes may have open: every write is on the
 * server's disk when it returns.
 *
 * A write whose connection broke before its answer came is `unavailable` and may have been done: the callers' repetitions
 * find out by its own comparison.
 * @throws data_newer, data_corrupt, invalid_config, read_only, disk_full, unavailable
 */
export async function openPostgresCatalog(options: PostgresCatalogOptions): Promise<Catalog> {
  const settings = withDefaults(options);
  const address = parsePostgresUrl(settings.url, { subject: "The catalog's PostgreSQL URL" });
  const migrating = connect(address, settings, true);
  try {
    await prepare(migrating, DIALECT, settings);
  } finally {
    await migrating.destroy();
  }
  return together(connect(address, settings));
}
