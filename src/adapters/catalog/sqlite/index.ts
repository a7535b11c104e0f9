import { Kysely, SqliteDialect, type SqliteDatabase as KyselyDatabase } from 'kysely';
import type { Catalog } from '../../../core/ports/catalog.js';
import { SqliteDatabase, type SqliteValue } from '../../sqlite/database.js';
import type { Dialect } from '../sql/dialect.js';
import { sqlCatalog } from '../sql/index.js';
import { migrate } from '../sql/migrations/index.js';
import type { Schema } from '../sql/schema.js';

/** SQLite compares text by its bytes, which for UTF-8 is the order of code points. */
const DIALECT: Dialect = { text: 'text', integer: 'integer', serial: 'integer primary key autoincrement' };

/** Heads and rows of some ten thousand documents: every query of a search reads them. */
const CACHE_MIB = 64;

/** What Kysely's dialect asks of a driver, on our connection with its kept statements and typed errors. */
function wiring(database: SqliteDatabase): KyselyDatabase {
  return {
    prepare(sql) {
      // A transaction takes the write lock when it begins: upgrading later could fail in its middle.
      const text = sql === 'begin' ? 'begin immediate' : sql;
      return {
        reader: database.reads(text),
        all: (parameters) => database.rows(text, parameters as readonly SqliteValue[]),
        run(parameters) {
          // A full disk ends the transaction by itself: what ended it is to be told, not that nothing is left to undo.
          if (sql === 'rollback' && !database.inTransaction) return { changes: 0, lastInsertRowid: 0 };
          return database.run(text, parameters as readonly SqliteValue[]);
        },
        iterate() {
          throw new Error('streaming holds a read transaction open: read in pages');
        },
      };
    },
    close: () => database.close(),
  };
}

/**
 * The catalog in one SQLite file: every write is on disk when it returns.
 * @throws data_newer, data_corrupt, read_only, disk_full, unavailable
 */
export async function openSqliteCatalog(file: string): Promise<Catalog> {
  const database = new SqliteDatabase(file, { synchronous: 'FULL', cacheMib: CACHE_MIB });
  const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: wiring(database) }) });
  try {
    await migrate(db, DIALECT);
    return sqlCatalog(db, DIALECT);
  } catch (error) {
    database.close();
    throw error;
  }
}
