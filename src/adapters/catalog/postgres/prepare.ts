import { setTimeout as sleep } from 'node:timers/promises';
import { sql, type Kysely } from 'kysely';
import { FootnoteError } from '../../../core/errors.js';
import type { Dialect } from '../sql/dialect.js';
import { migrate } from '../sql/migrations/index.js';
import type { Schema } from '../sql/schema.js';
import type { Settings } from './options.js';

/** First half of the advisory lock's number; the second is made of the schema's name. */
const LOCK = 0x666e; // "fn"
const OLDEST_SERVER = 13;
const LOOK_AGAIN_MS = 100;

/**
 * Makes the schema and brings its tables to this software's format, one process at a time.
 * @param db over one connection, which holds the lock until it is closed
 * @throws data_newer, data_corrupt, invalid_config, unavailable
 */
export async function prepare(db: Kysely<Schema>, dialect: Dialect, settings: Settings): Promise<void> {
  await db.connection().execute(async (session) => {
    await requireServer(session);
    await lock(session, settings);
    await makeSchema(session, settings.schema);
    await migrate(session, dialect);
  });
}

async function requireServer(db: Kysely<Schema>): Promise<void> {
  const { rows } = await sql<{ version: string; encoding: string }>`
    select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding`.execute(
    db,
  );
  const { version, encoding } = rows[0]!;
  if (Math.floor(Number(version) / 10_000) < OLDEST_SERVER) {
    throw new FootnoteError('invalid_config', `The catalog needs PostgreSQL ${OLDEST_SERVER} or newer.`);
  }
  // Only there the order of bytes is the order of code points.
  if (encoding !== 'UTF8') {
    throw new FootnoteError(
      'invalid_config',
      `The catalog's database must have the encoding UTF8, not ${encoding}: create it anew (createdb -E UTF8 -T template0).`,
    );
  }
}

/** Asks again and again instead of waiting on the server, where the time limits of statements and locks would end it. */
async function lock(db: Kysely<Schema>, settings: Settings): Promise<void> {
  const deadline = performance.now() + settings.migrationTimeoutMs;
  for (;;) {
    const { rows } = await sql<{ locked: boolean }>`
      select pg_try_advisory_lock(${sql.lit(LOCK)}, hashtext(${settings.schema})) as locked`.execute(db);
    if (rows[0]!.locked) return;
    if (performance.now() > deadline) {
      throw new FootnoteError(
        'unavailable',
        'Another process is migrating the catalog: wait for it, then start again.',
      );
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

async function makeSchema(db: Kysely<Schema>, schema: string): Promise<void> {
  // Asking for it "if not exists" takes the right to create one, which a user whose schema is there need not have.
  const { rows } = await sql`select 1 from pg_namespace where nspname = ${schema}`.execute(db);
  if (rows.length === 0) await db.schema.createSchema(schema).execute();
}
