import { chmod } from 'node:fs/promises';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postgres } from '../../scripts/servers/postgres.js';
import type { RunningServer } from '../../scripts/servers/server.js';
import { openPostgresCatalog, type PostgresCatalogOptions } from '../../src/adapters/catalog/postgres/index.js';
import type { Catalog } from '../../src/core/ports/catalog.js';
import { idOf, temporaryFolder, version } from '../support/fixtures.js';
import { describeWith } from '../support/needs.js';
import { ask, dropSchema, newSchema } from '../support/postgres.js';
import { onceAt, postgresFaults } from '../support/postgres-faults.js';
import { makeHead, makeRow } from './catalog/rows.js';

const NOT_KNOWN = expect.stringContaining('not known') as string;

describeWith('POSTGRES_URL', 'Catalog: PostgreSQL, failures', (url) => {
  describe('Catalog: PostgreSQL, failures', () => {
    let schema: string;
    let catalogs: Catalog[];
    /** What is to end after the catalogs. */
    let cleanups: (() => Promise<void>)[];
    const open = async (options: Partial<PostgresCatalogOptions> = {}): Promise<Catalog> => {
      const catalog = await openPostgresCatalog({ url, schema, applicationName: schema, ...options });
      catalogs.push(catalog);
      return catalog;
    };
    const admin = <Row extends pg.QueryResultRow>(sql: string) => ask<Row>(url, sql);
    const terminate = () =>
      admin(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = '${schema}'`);
    /** Until as many of the catalog's connections wait for a lock. */
    const untilWaiting = async (count: number) => {
      const waiting = `select 1 from pg_stat_activity where application_name = '${schema}' and wait_event_type = 'Lock'`;
      while ((await admin(waiting)).length < count);
    };
    /** Holds a lock on the table, beyond what any read or write is let through. */
    const lock = async (table: string): Promise<() => Promise<void>> => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query('begin');
      await client.query(`lock table ${schema}.${table} in access exclusive mode`);
      return () => client.end();
    };
    beforeEach(() => {
      schema = newSchema();
      catalogs = [];
      cleanups = [];
    });
    afterEach(async () => {
      await Promise.all(catalogs.map((catalog) => catalog.close()));
      for (const cleanup of cleanups) await cleanup();
      await dropSchema(url, schema);
    });

    it('migrate once when five open at once', async () => {
      const five = await Promise.all(Array.from({ length: 5 }, () => open()));
      for (const [i, catalog] of five.entries()) await catalog.meta.set(`m${i}`, String(i));
      expect(await five[0]!.meta.get('m4')).toBe('4');
      expect(Number(await five[0]!.meta.get('catalog.format'))).toBeGreaterThan(0);
    });

    it('wait for who migrates, but not for ever', async () => {
      await open();
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query('select pg_advisory_lock($1, hashtext($2))', [0x666e, schema]);
      await expect(open({ migrationTimeoutMs: 200 })).rejects.toMatchObject({ code: 'unavailable' });
      const waiting = open();
      await client.end();
      expect(await (await waiting).meta.get('catalog.format')).toBeDefined();
    });

    it('refuse data of newer software', async () => {
      await (await open()).meta.set('catalog.format', '99');
      await expect(open()).rejects.toMatchObject({ code: 'data_newer' });
    });

    it('say what is wrong with the configuration, never the password', async () => {
      const wrong = async (change: (address: URL) => void, options: Partial<PostgresCatalogOptions> = {}) => {
        const address = new URL(url);
        change(address);
        const error: unknown = await open({ url: address.href, ...options }).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        const { message, cause, code } = error as Error & { code: string };
        expect(`${message} ${String(cause)}`).not.toContain(address.password);
        return code;
      };
      expect(await wrong((address) => (address.password = 'wr0ng'))).toBe('invalid_config');
      expect(await wrong((address) => (address.pathname = '/nowhere'))).toBe('invalid_config');
      expect(await wrong((address) => (address.search = '?sslmode=require'))).toBe('invalid_config');
      expect(await wrong(() => undefined, { schema: 'a"; drop' })).toBe('invalid_config');
      expect(await wrong((address) => (address.port = '1'))).toBe('unavailable');
    });

    it('answer `unavailable` when every connection is in use, and when a statement takes too long', async () => {
      const catalog = await open({ maxConnections: 2, connectTimeoutMs: 300, lockTimeoutMs: 60_000 });
      const hurried = await open({ statementTimeoutMs: 300, lockTimeoutMs: 60_000 });
      const impatient = await open({ lockTimeoutMs: 300 });
      const unlock = await lock('meta');
      const held = [catalog.meta.get('x'), catalog.meta.get('x')];
      await untilWaiting(2);
      for (const refused of [catalog, hurried, impatient]) {
        await expect(refused.meta.get('x')).rejects.toMatchObject({ code: 'unavailable', permanence: 'transient' });
      }
      await unlock();
      expect(await Promise.all(held)).toEqual([undefined, undefined]);
      for (const each of [catalog, hurried, impatient]) expect(await each.meta.get('x')).toBeUndefined();
    });

    it('lose idle connections without harm', async () => {
      const told: unknown[] = [];
      const catalog = await open({ onConnectionLost: (error) => told.push(error) });
      await Promise.all(Array.from({ length: 5 }, () => catalog.meta.set('x', '1')));
      await terminate();
      expect(await catalog.meta.get('x')).toBe('1');
      await terminate();
      expect(await catalog.heads.decide(makeHead('k', 1), undefined, 'st')).toBe(true);
      expect(told).toContainEqual(expect.objectContaining({ code: 'unavailable' }));
    });

    it('ask a read again whose connection broke, and not a write', async () => {
      const catalog = await open();
      await catalog.meta.set('x', '1');
      const unlock = await lock('meta');
      const read = catalog.meta.get('x');
      const written = catalog.meta.set('x', '2').catch((error: unknown) => error);
      await untilWaiting(2);
      await terminate();
      expect(await written).toMatchObject({ code: 'unavailable', message: NOT_KNOWN });
      await unlock();
      expect(await read).toBe('1');
    });

    it('run a transaction again whose connection broke before its commit', async () => {
      const catalog = await open();
      const unlock = await lock('outbox');
      const decided = catalog.heads.decide(makeHead('k', 1), undefined, 'st');
      await untilWaiting(1);
      await terminate();
      await unlock();
      expect(await decided).toBe(true);
      expect(await catalog.heads.outbox(10)).toHaveLength(1);
    });

    it('repeat nothing when the answer to a commit is lost, and go on', async () => {
      const address = new URL(url);
      const proxy = await postgresFaults(Number(address.port));
      cleanups.push(() => proxy.close());
      address.port = String(proxy.port);
      const catalog = await open({ url: address.href });
      const cut = onceAt('commit', { kind: 'reset_after_apply' });
      proxy.decide(cut.rule);
      await expect(catalog.heads.decide(makeHead('k', 1), undefined, 'st')).rejects.toMatchObject({
        code: 'unavailable',
        message: NOT_KNOWN,
      });
      expect(cut.times()).toBe(1);
      expect(await catalog.heads.outbox(10)).toHaveLength(1);
      // The caller's own comparison finds out that it was done.
      expect(await catalog.heads.decide(makeHead('k', 1), undefined, 'st')).toBe(false);
      proxy.decide(onceAt('insert into "documents"', { kind: 'reset_after_apply' }).rule);
      await expect(catalog.documents.compareAndSet(makeRow('k', 1), undefined)).rejects.toMatchObject({
        code: 'unavailable',
      });
      expect(await catalog.documents.compareAndSet(makeRow('k', 1), undefined)).toBe(false);
    });

    it('wait in vain for a while only', async () => {
      const address = new URL(url);
      const proxy = await postgresFaults(Number(address.port));
      cleanups.push(() => proxy.close());
      address.port = String(proxy.port);
      const catalog = await open({ url: address.href, statementTimeoutMs: 200, maxConnections: 1 });
      proxy.decide(onceAt('insert into "meta"', { kind: 'silence' }).rule);
      await expect(catalog.meta.set('x', '1')).rejects.toMatchObject({
        code: 'unavailable',
        message: NOT_KNOWN,
      });
      expect(await catalog.meta.get('x')).toBe('1');
      // A read is asked again, on another connection.
      proxy.decide(onceAt('select "value"', { kind: 'silence' }).rule);
      expect(await catalog.meta.get('x')).toBe('1');
    });

    it('go on after the server was stopped and started again', async () => {
      const folder = await temporaryFolder();
      await chmod(folder.path, 0o755);
      let server: RunningServer | undefined;
      cleanups.push(async () => {
        await server?.stop();
        await folder.remove();
      });
      server = await postgres.start(folder.path);
      const told: unknown[] = [];
      const catalog = await open({
        url: server.environment['POSTGRES_URL']!,
        onConnectionLost: (error) => told.push(error),
      });
      await catalog.heads.decide(makeHead('k', 1), undefined, 'st');
      await Promise.all(Array.from({ length: 5 }, () => catalog.meta.get('x')));
      await server.stop();
      for (const call of [
        () => catalog.meta.get('x'),
        () => catalog.meta.set('x', '1'),
        () => catalog.heads.decide(makeHead('k', 2), version(1), 'st'),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: 'unavailable', permanence: 'transient' });
      }
      server = await postgres.start(folder.path);
      expect(await catalog.heads.decide(makeHead('k', 2), version(1), 'st')).toBe(true);
      await catalog.meta.set('x', '2');
      expect((await catalog.heads.get([idOf('k')])).get(idOf('k'))!.version).toBe(version(2));
      expect((await catalog.heads.outbox(10)).map(({ event }) => event.key)).toEqual(['k', 'k']);
      expect(told.length).toBeGreaterThan(0);
    });
  });
});
