import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import { Random } from '../../src/runtime/random.js';
import { describeWith } from '../../test/support/needs.js';
import { PostgresReader } from '../../test/support/postgres-reader.js';
import { type TestSchema, testSchema } from '../../test/support/postgres-table.js';
import { type Progress, settle } from './progress.js';

const HOUR = 3_600_000;

describe('settle', () => {
  const mark = (value: string) => ({ value, quiet: false });
  const moment = (xmin: bigint, next: bigint, value?: string) => ({
    xmin,
    next,
    high: value === undefined ? null : mark(value),
  });

  it('takes a value as settled only when all transactions of its time have ended', () => {
    expect(settle(undefined, moment(10n, 10n, 'a'))).toEqual({ low: mark('a'), next: { mark: mark('a'), xid: '10' } });
    let now: Progress | undefined = settle(undefined, moment(8n, 10n, 'a'));
    expect(now).toEqual({ low: null, next: { mark: mark('a'), xid: '10' } });
    now = settle(now, moment(9n, 15n, 'b'));
    expect(now).toEqual({ low: null, next: { mark: mark('a'), xid: '10' } });
    now = settle(now, moment(10n, 20n, 'c'));
    expect(now).toEqual({ low: mark('a'), next: { mark: mark('c'), xid: '20' } });
    expect(settle(now, moment(20n, 20n, 'd'))?.low).toEqual(mark('d'));
    expect(settle(now, moment(20n, 20n))).toBeUndefined();
  });
});

describeWith('POSTGRES_URL', 'connector postgres, incremental', (url) => {
  describe('connector postgres, incremental', () => {
    let schema: TestSchema;
    let clients: pg.Client[];
    const reader = (more: JsonObject = {}) =>
      new PostgresReader({
        url,
        schema: schema.name,
        table: 't',
        key: ['id'],
        text: ['body'],
        incremental: 'v',
        overlap: 0,
        fullEveryMs: HOUR,
        batchRows: 3,
        ...more,
      });
    /** A connection for a transaction of its own; `$S` is the schema. */
    const client = async () => {
      const made = new pg.Client({ connectionString: url });
      await made.connect();
      clients.push(made);
      return { query: (sql: string, values?: unknown[]) => made.query(sql.replaceAll('$S', schema.name), values) };
    };
    const table = (type: string) =>
      schema.ask(`create table $S.t (id text primary key, v ${type}, body text); create index on $S.t (v, id)`);
    beforeEach(async () => {
      schema = await testSchema(url);
      clients = [];
    });
    afterEach(async () => {
      for (const each of clients) await each.end();
      await schema.drop();
    });

    it('reads what has grown, ties and all, and what was deleted by the next full listing', async () => {
      await table('int');
      await schema.ask(`insert into $S.t select 'k' || i, i / 4, 'old' from generate_series(1, 20) i`);
      const rows = reader();
      await rows.settle();
      await schema.ask(`update $S.t set v = 9, body = 'new' where id in ('k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7');
        insert into $S.t values ('n', 9, 'new'); delete from $S.t where id = 'k8'`);
      const { full, opened, items } = await rows.read();
      expect([full, opened.sort()]).toEqual([false, ['k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7', 'n']]);
      expect([...items.keys()]).not.toContain('k9');
      expect(rows.keys).toContain('k8');
      const later = await rows.read({ clock: { now: () => Date.now() + HOUR, sleep: async () => undefined } });
      expect([later.full, later.opened]).toEqual([true, []]);
      expect(rows.keys).not.toContain('k8');
    });

    it('sees a row again whose value stayed, as long as its time lies within the overlap', async () => {
      await table('timestamptz(0)');
      await schema.ask(
        `insert into $S.t values ('a', date_trunc('second', now()), 'one'), ('b', now() - interval '1 day', 'one')`,
      );
      const rows = reader({ overlap: 3600 });
      await rows.settle();
      await schema.ask(`update $S.t set body = 'two'`);
      expect((await rows.read()).opened).toEqual(['a']);
    });

    it('finds a row that is committed after rows of higher values, however late', async () => {
      await table('int');
      await schema.ask(`insert into $S.t values ('a', 1, 'a')`);
      const rows = reader();
      await rows.settle();
      const late = await client();
      await late.query(`begin; insert into $S.t values ('late', 2, 'late')`);
      for (let v = 3; v < 8; v += 1) {
        await schema.ask(`insert into $S.t values ($1, $2, 'x')`, [`n${v}`, v]);
        expect((await rows.read()).full).toBe(false);
        expect(rows.keys).toContain(`n${v}`);
      }
      await late.query('commit');
      expect((await rows.read()).opened).toEqual(['late']);
      // Settled since: it is behind the place where reads begin.
      await rows.settle();
      await schema.ask(`insert into $S.t values ('last', 9, 'x')`);
      expect([...(await rows.read()).items.keys()]).toContain('last');
    });

    it('finds a row whose transaction was running when the first listing began', async () => {
      await table('int');
      await schema.ask(`insert into $S.t select 'k' || i, i, 'x' from generate_series(10, 20) i`);
      const late = await client();
      await late.query(`begin; insert into $S.t values ('a', 1, 'late')`);
      const rows = reader();
      await rows.read();
      await rows.read();
      await late.query('commit');
      await rows.read();
      expect(rows.texts.get('a')).toBe('late');
    });

    it('finds by the overlap what began before and wrote after, and by a full listing what came later still', async () => {
      await table('timestamptz');
      await schema.ask(`insert into $S.t values ('a', now(), 'a')`);
      const rows = reader({ overlap: 60 });
      await rows.settle();
      // As a transaction has it that began, waited, and then wrote its `now()`.
      await schema.ask(
        `insert into $S.t values ('within', now() - interval '50 seconds', 'x'), ('beyond', now() - interval '1 day', 'x')`,
      );
      expect((await rows.read()).opened).toEqual(['within']);
      const full = await rows.read({ clock: { now: () => Date.now() + HOUR, sleep: async () => undefined } });
      expect([full.full, full.opened]).toEqual([true, ['beyond']]);
    });

    it('is not led astray by times to come, and reads rows without a value in full listings', async () => {
      await table('timestamptz');
      await schema.ask(`insert into $S.t values ('a', now(), 'a'), ('future', 'infinity', 'a'), ('none', null, 'a')`);
      const rows = reader({ overlap: 1 });
      await rows.settle();
      expect(rows.keys).toEqual(['a', 'future', 'none']);
      await schema.ask(
        `insert into $S.t values ('b', clock_timestamp(), 'b'); update $S.t set body = 'c' where id = 'none'`,
      );
      expect((await rows.read()).opened).toEqual(['b']);
      await rows.read({ clock: { now: () => Date.now() + HOUR, sleep: async () => undefined } });
      expect(rows.texts.get('none')).toBe('c');
    });

    it('leaves a table alone whose rows all carry one old time', async () => {
      await table('timestamptz');
      await schema.ask(`insert into $S.t select 'k' || i, '2026-01-01', 'x' from generate_series(1, 20) i`);
      const rows = reader({ overlap: 300 });
      await rows.settle();
      expect((await rows.read()).items.size).toBe(0);
      await schema.ask(`update $S.t set v = now() where id = 'k3'`);
      expect([...(await rows.read()).items.keys()]).toEqual(['k3']);
    });

    it.each([
      ['smallint', '-32768'],
      ['bigint', '9007199254740993'],
      ['numeric', '12345678901234567890.123'],
      ['float8', '0.1'],
      ['date', '2026-01-02'],
      ['timestamp', '2026-01-02 03:04:05.678901'],
      ['text', 'b'],
      ['uuid', '3f0c2f6e-4a3b-5d1c-8e9f-0a1b2c3d4e5f'],
    ])('goes on from values of type %s', async (type, value) => {
      await table(type);
      await schema.ask(`insert into $S.t values ('a', $1, 'x')`, [value]);
      const { overlap: _, ...rest } = reader().options;
      const rows = new PostgresReader(rest);
      await rows.settle();
      await schema.ask(`insert into $S.t values ('b', $1, 'x')`, [value]);
      expect((await rows.read()).full).toBe(false);
      expect(rows.keys).toEqual(['a', 'b']);
      const refused = reader().read();
      if (type === 'text' || type === 'uuid') await expect(refused).rejects.toThrow('leave `overlap` off');
      else await refused;
    });

    it('reads everything when the column has become another, or the server is another one', async () => {
      await table('int');
      await schema.ask(`insert into $S.t values ('a', 1, 'x')`);
      const rows = reader();
      await rows.settle();
      await schema.ask(`alter table $S.t alter v type timestamptz using now()`);
      expect((await rows.read()).full).toBe(true);
      await rows.settle();
      const cursor = JSON.stringify(rows.cursor).replace(/"xid":"\d+"/, '"xid":"99999999999999"');
      rows.cursor = JSON.parse(cursor) as JsonObject;
      const again = await rows.read();
      expect([again.full, again.opened]).toEqual([true, []]);
      // An empty table has no value to go on from.
      await schema.ask('delete from $S.t');
      expect((await rows.read({ clock: { now: () => Date.now() + HOUR, sleep: async () => undefined } })).full).toBe(
        true,
      );
      expect(rows.keys).toEqual([]);
      await schema.ask(`insert into $S.t values ('z', now(), 'x')`);
      await rows.read();
      expect(rows.keys).toEqual(['z']);
    });

    it.each([1, 2, 3])('misses nothing, whatever transactions run beside it (seed %i)', async (seed) => {
      const random = new Random(seed);
      await schema.ask('create sequence $S.s');
      await schema.ask(`create table $S.t (id text primary key, v bigint default nextval('$S.s'), body text)`);
      await schema.ask(`insert into $S.t (id, body) select 'k' || i, '0' from generate_series(1, 12) i`);
      const rows = reader();
      const writers = await Promise.all([client(), client(), client()]);
      const open = new Set<number>();
      for (let step = 1; step <= 120; step += 1) {
        const at = random.below(3);
        const writer = writers[at]!;
        if (random.chance(0.2)) await rows.read();
        else if (open.has(at) && random.chance(0.3)) {
          await writer.query(random.chance(0.8) ? 'commit' : 'rollback');
          open.delete(at);
        } else {
          if (!open.has(at)) await writer.query('begin');
          open.add(at);
          // Each its own rows, lest one waits for another.
          const id = `k${at + 3 * random.below(4) + 1}`;
          if (random.chance(0.5)) await writer.query(`insert into $S.t (id, body) values ($1, 'new')`, [`s${step}`]);
          else await writer.query(`update $S.t set v = nextval('$S.s'), body = $2 where id = $1`, [id, String(step)]);
        }
      }
      for (const at of open) await writers[at]!.query('commit');
      await rows.read();
      const there = await schema.ask<{ id: string; body: string }>('select id, body from $S.t');
      expect(Object.fromEntries(rows.texts)).toEqual(Object.fromEntries(there.map(({ id, body }) => [id, body])));
    });
  });
});
