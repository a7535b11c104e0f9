import { chmod } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postgres as postgresServer } from '../../scripts/servers/postgres.js';
import type { JsonObject } from '../../src/core/json.js';
import { onceAt, postgresFaults } from '../../test/support/postgres-faults.js';
import { temporaryFolder } from '../../test/support/fixtures.js';
import { describeWith } from '../../test/support/needs.js';
import { PostgresReader } from '../../test/support/postgres-reader.js';
import { type TestSchema, testSchema } from '../../test/support/postgres-table.js';
import { postgres } from './index.js';
import { selectProblem } from './select.js';

describe('the options of connector postgres', () => {
  const fine = { url: 'postgres://me@h/d', table: 't', key: ['id'], text: ['body'] };
  const problems = (change: JsonObject) =>
    postgres.config
      .safeParse({ ...fine, ...change })
      .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);

  it.each<[JsonObject, RegExp]>([
    [{ url: 'mysql://me:s3cret@h/d' }, /^url: .*postgres:/],
    [{ url: 'postgres://me:s3cret@h' }, /^url: .*database/],
    [{ url: 'postgres://me:s3cret@h/d?options=-c%20x' }, /^url: .*unknown parameter/],
    [{ query: 'select 1' }, /^table: give either/],
    [{ table: undefined as never }, /^table: give either/],
    [{ table: 't', schema: 'x'.repeat(64) }, /^schema: .*63 bytes/],
    [{ key: [] }, /^key: /],
    [{ key: ['id', 'id'] }, /^key: .*twice/],
    [{ content: 'file' }, /^text: give one of/],
    [{ title: 'Title' }, /^title: holds no column/],
    [{ title: '{title' }, /^title: has a lone \{/],
    [{ uri: 'https://x/}' }, /^uri: has a lone \}/],
    [{ overlap: 5 }, /^overlap: goes with/],
    [{ table: undefined as never, query: 'select 1; drop table t' }, /^query: holds a semicolon/],
  ])('refuses %j', (change, says) => {
    expect(problems(change)?.join('\n')).toMatch(says);
    expect(problems(change)?.join('\n')).not.toContain('s3cret');
  });

  it.each([
    'select 1',
    " -- first\n/* a /* nested */ comment; */ WITH a AS (SELECT ';' AS b) SELECT * FROM a -- end",
    "select \"a;\"\"b\", $x$ ; $1 $x$, e'it\\'s;', U&'d;' from t where c$1 = 2",
    '(select 1) union (select 2)',
  ])('takes the query %j', (query) => {
    expect(selectProblem(query)).toBeUndefined();
  });

  it.each([
    ['delete from t', 'one SELECT'],
    ['selection', 'one SELECT'],
    ['select 1;', 'semicolon'],
    ["select 'a", 'does not end'],
    ["select 'a\\'; drop table t; --'", 'semicolon'],
    ['select $a$ x $b$', 'does not end'],
    ['select 1 /* /* */', 'does not end'],
    ['select 1) as q, (select 2', 'did not open'],
    ['select (1', 'does not close'],
    ['select * from t where a = $1', 'parameter'],
    ['select \0', 'zero byte'],
  ])('refuses the query %j', (query, says) => {
    expect(selectProblem(query)).toContain(says);
  });
});

describeWith('POSTGRES_URL', 'connector postgres', (url) => {
  describe('connector postgres', () => {
    let schema: TestSchema;
    const options = (more: JsonObject = {}): JsonObject => ({
      url,
      schema: schema.name,
      table: 't',
      key: ['id'],
      text: ['body'],
      ...more,
    });
    const reader = (more: JsonObject = {}) => new PostgresReader(options(more));
    beforeEach(async () => {
      schema = await testSchema(url);
    });
    afterEach(() => schema.drop());

    it('makes documents of rows: title, URI, type, name, metadata of every type, permissions, time', async () => {
      await schema.ask(`create table $S.t (id int primary key, body text, title text, slug text, file text, n numeric, big bigint,
        f float8, ok boolean, at timestamptz, day date, tags text[], grid int[], j jsonb, raw json, b bytea, u uuid, nil text, who text[]);
        insert into $S.t values (1, 'Hello {x}', ' A title ', 'a b/c', 'x.csv', 1.50, 9007199254740993, 0.1, true,
          '2026-01-02 03:04:05.678901+02', '2026-01-02', '{a,"b,c",null}', '{{1,2},{3,4}}', '{"a": [1, null]}', '{"z" : "\\u0000"}',
          '\\x00ff', '3f0c2f6e-4a3b-5d1c-8e9f-0a1b2c3d4e5f', null, '{ann,bob,ann}'),
        (2, null, null, null, null, 'NaN', null, 'Infinity', null, null, null, null, null, null, null, null, null, null, null)`);
      const metadata = ['n', 'big', 'f', 'ok', 'at', 'day', 'tags', 'grid', 'j', 'raw', 'b', 'u', 'nil'];
      const { items, problems } = await reader({
        template: '# {title}\n\n{{{body}}}',
        text: undefined as never,
        title: '{title}',
        uri: 'https://example.com/{slug}?v={id}',
        mime: 'text/markdown',
        name: '{file}',
        metadata,
        permissions: 'who',
        observedAt: 'at',
      }).read();
      const { open: _, observedAt, ...first } = items.get('1')!;
      expect(first).toMatchObject({
        title: 'A title',
        uri: 'https://example.com/a%20b%2Fc?v=1',
        mime: 'text/markdown',
        name: 'x.csv',
        policy: { principals: ['ann', 'bob'] },
        bytes: Buffer.byteLength('#  A title \n\n{Hello {x}}'),
      });
      expect(observedAt).toBe('2026-01-02T01:04:05.678Z');
      expect(first.metadata).toEqual({
        n: 1.5,
        big: '9007199254740993',
        f: 0.1,
        ok: true,
        at: '2026-01-02T01:04:05.678901+00:00',
        day: '2026-01-02',
        tags: ['a', 'b,c', null],
        grid: [
          [1, 2],
          [3, 4],
        ],
        j: { a: [1, null] },
        raw: { z: '\0' },
        b: '\\x00ff',
        u: '3f0c2f6e-4a3b-5d1c-8e9f-0a1b2c3d4e5f',
      });
      const second = items.get('2')!;
      expect(second).toMatchObject({ metadata: { n: 'NaN', f: 'Infinity' }, policy: { principals: [] } });
      expect([second.title, second.uri, second.name]).toEqual([undefined, undefined, undefined]);
      expect(problems).toEqual([]);
    });

    it('reads files out of bytea, huge rows alone, and empty ones', async () => {
      await schema.ask(`create table $S.t (id text primary key, body text, file bytea);
        insert into $S.t values ('huge', repeat('0123456789', 500000), decode(repeat('00ff', 1000000), 'hex')), ('small', 'x', '\\x00ff0a'), ('nil', null, null)`);
      const texts = reader();
      await texts.read();
      expect(texts.texts.get('huge')).toBe('0123456789'.repeat(500_000));
      expect(texts.texts.get('nil')).toBe('');
      const { items } = await reader({ text: undefined as never, content: 'file' }).read();
      const bytesOf = async (key: string) => Buffer.concat((await items.get(key)!.open().toArray()) as Buffer[]);
      expect([...(await bytesOf('small'))]).toEqual([0, 255, 10]);
      expect((await bytesOf('huge')).equals(Buffer.alloc(2_000_000, Buffer.from([0, 255])))).toBe(true);
      expect((await bytesOf('nil')).length).toBe(0);
      await expect(reader({ text: undefined as never, content: 'body' }).read()).rejects.toThrow('not of type bytea');
      await expect(reader({ text: ['file'] }).read()).rejects.toThrow('name it in `content`');
    });

    it('quotes names, whatever they hold', async () => {
      await schema.ask(`create table $S."T; drop table ""x""; --" ("The ""Key""" int, "select" text);
        insert into $S."T; drop table ""x""; --" values (1, 'one')`);
      const odd = reader({ table: 'T; drop table "x"; --', key: ['The "Key"'], text: ['select'] });
      await odd.read();
      expect(odd.texts).toEqual(new Map([['1', 'one']]));
    });

    it('reads a query page by page, and refuses to write', async () => {
      await schema.ask(`create table $S.t (id int primary key, body text); insert into $S.t select i, 'b' || i from generate_series(1, 25) i;
        create function $S.write() returns int language sql as 'insert into $S.t values (99, null) returning id'`);
      const of = (query: string) =>
        reader({ table: undefined as never, schema: undefined as never, query, batchRows: 10 });
      const odd = of(`select id, body from ${schema.name}.t where id % 2 = 1 -- odd ones`);
      expect((await odd.read()).full).toBe(true);
      expect(odd.keys.length).toBe(13);
      const writing = of(`select id, body, ${schema.name}.write() from ${schema.name}.t`).read();
      await expect(writing).rejects.toMatchObject({ code: 'invalid_config' });
      const locking = of(`select id, body from ${schema.name}.t for update`).read();
      await expect(locking).rejects.toThrow('plain SELECT');
      const switching = of(`select 1 as id, set_config('transaction_read_only', 'off', false) as body`).read();
      await expect(switching).rejects.toMatchObject({ code: 'invalid_config' });
      await expect(of('select 1 as id, body from nowhere').read()).rejects.toMatchObject({ code: 'not_found' });
      expect(await schema.ask('select 1 from $S.t where id = 99')).toEqual([]);
    });

    it('tells of rows that no key names, or that two share, and of what a row can not bring', async () => {
      await schema.ask(`create table $S.t (id text, part text, body text, who jsonb, meta text);
        insert into $S.t values ('a/b', 'c%', 'one', '"ann"', 'm'), ('a', 'b/c%', 'two', '{"x": 1}', repeat('m', 20000)),
          (null, 'x', 'three', null, null), ('.', '.', 'four', '[]', null)`);
      const rows = reader({ key: ['id', 'part'], permissions: 'who', metadata: ['meta'] });
      const { items, problems } = await rows.read();
      expect(rows.texts).toEqual(
        new Map([
          ['./.', 'four'],
          ['a/b%2Fc%25', 'two'],
          ['a%2Fb/c%25', 'one'],
        ]),
      );
      expect(items.get('a%2Fb/c%25')).toMatchObject({ policy: { principals: ['ann'] }, metadata: { meta: 'm' } });
      expect(items.get('a/b%2Fc%25')).toMatchObject({ policy: { principals: [] } });
      expect(items.get('a/b%2Fc%25')).not.toHaveProperty('metadata');
      expect(problems.join('\n')).toMatch(
        /NULL: There are rows whose key[^]*a\/b%2Fc%25: The metadata meta is longer[^]*nobody may see it/,
      );
      await schema.ask(
        `delete from $S.t; insert into $S.t values ('a', null, 'one'), ('a', null, 'two'), ('b', null, 'x'), (repeat('x', 2000), null, 'y')`,
      );
      for (const batchRows of [1, 2, 500])
        await expect(reader({ batchRows }).read()).rejects.toThrow('names more than one row (a)');
      await schema.ask(`delete from $S.t where id = 'a'`);
      const more = await reader().read();
      expect([[...more.items.keys()], more.problems.join()]).toEqual([
        ['b'],
        expect.stringContaining("can't name a document"),
      ]);
    });

    it('deletes what a listing that came to its end does not have, and nothing when the table changes under it', async () => {
      await schema.ask(
        `create table $S.t (id int primary key, body text); insert into $S.t select i, 'b' from generate_series(1, 9) i`,
      );
      const rows = reader({ batchRows: 3 });
      await rows.read();
      await schema.ask('delete from $S.t where id = 5');
      const read = rows.read({}, async (change) => {
        if (change.kind === 'item' && change.key === '3') await schema.ask('alter table $S.t rename body to text');
      });
      await expect(read).rejects.toMatchObject({ code: 'invalid_config' });
      await expect(rows.read()).rejects.toThrow('column q.body does not exist');
      expect(rows.keys).toContain('5');
      await schema.ask(
        'alter table $S.t rename text to body; alter table $S.t add column more text; alter table $S.t alter id type text',
      );
      await rows.read();
      expect(rows.keys).toEqual(['1', '2', '3', '4', '6', '7', '8', '9']);
    });

    it('says what is wrong with server, role and time, never the password', async () => {
      await schema.ask('create table $S.t (id int primary key, body text); insert into $S.t values (1, null)');
      const wrong = async (change: (address: URL) => void, more: JsonObject = {}) => {
        const address = new URL(url);
        change(address);
        const thrown: unknown = await new PostgresReader(options({ url: address.href, ...more }))
          .read()
          .catch((error: unknown) => error);
        const { message, cause, code } = thrown as Error & { code: string };
        expect(`${message} ${String(cause)}`).not.toContain(address.password || 'nothing');
        return code;
      };
      expect(await wrong((address) => (address.password = 'wr0ng'))).toBe('unauthorized');
      expect(await wrong((address) => (address.password = ''))).toBe('unauthorized');
      expect(await wrong((address) => (address.pathname = '/nowhere'))).toBe('not_found');
      expect(await wrong((address) => (address.search = '?sslmode=require'))).toBe('invalid_config');
      expect(await wrong((address) => (address.search = '?sslmode=require&sslrootcert=none.pem'))).toBe(
        'invalid_config',
      );
      expect(await wrong((address) => (address.port = '1'))).toBe('unavailable');
      expect(await wrong(() => undefined, { table: 'none' })).toBe('not_found');
      expect(await wrong(() => undefined, { text: ['none'] })).toBe('invalid_config');
      expect(
        await wrong(() => undefined, { schema: 'pg_catalog', table: 'pg_authid', key: ['oid'], text: ['rolname'] }),
      ).toBe('forbidden');
      const slow = {
        table: undefined as never,
        schema: undefined as never,
        query: 'select 1 as id, pg_sleep(60)::text as body',
        statementTimeoutMs: 200,
      };
      expect(await wrong(() => undefined, slow)).toBe('unavailable');
    });

    it('stops when told, in the middle of a statement, too', async () => {
      const query = 'select 1 as id, pg_sleep(60)::text as body';
      const slow = reader({ table: undefined as never, schema: undefined as never, query });
      await expect(slow.read({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
      const stop = new AbortController();
      const reading = slow.read({ signal: stop.signal }, async ({ kind }) => {
        if (kind === 'scopes') setTimeout(() => stop.abort(), 50);
      });
      await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
    });

    it('goes on after a restart between two pages; what breaks off in the middle is `unavailable`, and deletes nothing', async () => {
      const folder = await temporaryFolder();
      await chmod(folder.path, 0o755);
      let server = await postgresServer.start(folder.path);
      const address = new URL(server.environment['POSTGRES_URL']!);
      const proxy = await postgresFaults(Number(address.port));
      const own = await testSchema(address.href);
      try {
        await own.ask(
          `create table $S.t (id int primary key, body text); insert into $S.t select i, 'b' from generate_series(1, 9) i`,
        );
        address.port = String(proxy.port);
        const rows = new PostgresReader(options({ url: address.href, schema: own.name, batchRows: 2 }));
        await rows.read({}, async (change) => {
          if (change.kind !== 'item' || change.key !== '4') return;
          await server.stop();
          server = await postgresServer.start(folder.path);
        });
        expect(rows.keys.length).toBe(9);
        await own.ask('delete from $S.t where id < 3');
        proxy.decide(onceAt('limit 3', { kind: 'reset_after_apply' }).rule);
        await expect(rows.read()).rejects.toMatchObject({ code: 'unavailable', permanence: 'transient' });
        await server.stop();
        await expect(rows.read()).rejects.toMatchObject({ code: 'unavailable', permanence: 'transient' });
        expect(rows.keys.length).toBe(9);
        server = await postgresServer.start(folder.path);
        await rows.read();
        expect(rows.keys.length).toBe(7);
      } finally {
        await proxy.close();
        await server.stop();
        await folder.remove();
      }
    });
  });
});
