import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type CompiledQuery,
} from 'kysely';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { PostgresConnection } from './connection.js';

/** Only compiles. */
const db = new Kysely<{ t: { a: number } }>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (of) => new PostgresIntrospector(of),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});
const SELECT = db.selectFrom('t').selectAll().compile();
const INSERT = db.insertInto('t').values({ a: 1 }).compile();

/** As the pool hands them out: released once, or it throws. */
function client(answer: () => Promise<{ command: string; rowCount: number; rows: unknown[] }>) {
  let released: unknown;
  const made = {
    query: () => answer(),
    release(broken: unknown) {
      if (released !== undefined) throw new Error('Release called on client which has already been released');
      released = broken;
    },
    get released() {
      return released;
    },
  };
  return made as typeof made & pg.PoolClient;
}
const good = () => client(async () => ({ command: 'SELECT', rowCount: 0, rows: [] }));
const broken = () => client(() => Promise.reject(new Error('Connection terminated unexpectedly')));

function connection(first: pg.PoolClient, next: () => Promise<pg.PoolClient>) {
  return new PostgresConnection({ server: 'db', connect: next, replaces: true }, first);
}
const ask = (of: PostgresConnection, query: CompiledQuery) => of.executeQuery(query);

describe('a connection to PostgreSQL that breaks', () => {
  it('is replaced for a read, and each is released once', async () => {
    const [first, second] = [broken(), good()];
    const of = connection(first, async () => second);
    expect(await ask(of, SELECT)).toEqual({ rows: [] });
    of.release();
    expect([first.released, second.released]).toEqual([true, false]);
  });

  it('tells why it can not be replaced, and is released once', async () => {
    const first = broken();
    const of = connection(first, () => Promise.reject(new Error('the server is away')));
    await expect(ask(of, SELECT)).rejects.toThrow('the server is away');
    of.release();
    expect(first.released).toBe(true);
  });

  it('is not replaced for a write', async () => {
    const first = broken();
    const of = connection(first, async () => good());
    await expect(ask(of, INSERT)).rejects.toMatchObject({ code: 'unavailable' });
    of.release();
    expect(first.released).toBe(true);
  });

  it('refuses what the server cannot store before anything is sent', async () => {
    const of = connection(good(), async () => good());
    await expect(ask(of, sql`select ${'\0'}`.compile(db))).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
