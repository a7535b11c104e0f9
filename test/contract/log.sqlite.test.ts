import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteCatalog } from '../../src/adapters/catalog/sqlite/index.js';
import { openSqliteLog } from '../../src/adapters/log/sqlite/index.js';
import type { EventLog } from '../../src/core/ports/log.js';
import { checkLogIdentity } from '../../src/services/log-identity.js';
import { makeEvent, temporaryFolder } from '../support/fixtures.js';
import { makeRow } from './catalog/rows.js';
import type { Made, Reopening } from './catalog/maker.js';
import { describeLogContract } from './log.js';

async function make(): Promise<Made<EventLog>> {
  const folder = await temporaryFolder();
  const open = (how: Reopening = {}): Made<EventLog> => {
    const port = openSqliteLog(join(folder.path, 'log.db'), how);
    return {
      port,
      close: async () => {
        await port.close();
        await folder.remove();
      },
      reopen: async (again) => {
        await port.close();
        return open(again);
      },
    };
  };
  return open();
}

describeLogContract('SQLite', make);

describe('SQLite log file', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  it('keeps the partitions and the epoch it was made with', async () => {
    const file = join(folder.path, 'log.db');
    const log = openSqliteLog(file, { partitions: 3, epoch: 7 });
    const identity = await log.identity();
    expect(identity).toMatchObject({ partitions: 3, epoch: 7 });
    await log.close();
    const again = openSqliteLog(file);
    expect(await again.identity()).toEqual(identity);
    await again.close();
  });

  it('tells a damaged file', async () => {
    const file = join(folder.path, 'log.db');
    await writeFile(file, 'no database at all '.repeat(500));
    expect(() => openSqliteLog(file)).toThrow(expect.objectContaining({ code: 'data_corrupt' }) as Error);
  });

  it('commits survive the death of the process without any closing', async () => {
    const file = join(folder.path, 'log.db');
    const log = openSqliteLog(file);
    await log.append('s', [makeEvent('a'), makeEvent('a'), makeEvent('a')]);
    const stop = new AbortController();
    const iterator = log
      .consume({ stream: 's', group: 'g', maxInFlightBytes: 1e9, signal: stop.signal })
      [Symbol.asyncIterator]();
    for (let i = 0; i < 2; i += 1) {
      const next = await iterator.next();
      if (!next.done) await next.value.ack();
    }
    // The files as another process would find them if this one died now.
    for (const part of ['log.db', 'log.db-wal'])
      await copyFile(join(folder.path, part), join(folder.path, `x-${part}`));
    const copy = openSqliteLog(join(folder.path, 'x-log.db'));
    expect(await copy.lag('s', 'g')).toBe(1);
    await copy.close();
    stop.abort();
    await log.close();
  });
});

describe('checkLogIdentity', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  it('takes the first log, refuses another one, and one that has lost applied events', async () => {
    const catalog = await openSqliteCatalog(join(folder.path, 'catalog.db'));
    const log = openSqliteLog(join(folder.path, 'log.db'));
    const identity = await checkLogIdentity(log, catalog);
    expect(identity).toEqual(await log.identity());

    await catalog.collections.create({
      tenant: 't',
      name: 'c',
      defaultPolicy: { principals: [] },
      settings: {},
      createdAt: '2026-01-01T00:00:00.000Z',
    });
    await catalog.generations.create({
      id: 'g-1',
      tenant: 't',
      collection: 'c',
      state: 'live',
      spec: { chunker: { options: {}, fingerprint: 'f' }, analyzer: { version: '1' }, models: {} },
      createdAt: '2026-01-01T00:00:00.000Z',
    });
    const [position] = await log.append('t/c', [makeEvent('k')]);
    const row = makeRow('k', 0);
    await catalog.documents.compareAndSet({ ...row, seen: { ...row.seen, position: position! } }, undefined);
    await checkLogIdentity(log, catalog);

    const later = makeRow('k', 0);
    const lost = { ...later.seen, position: { ...position!, offset: 1n } };
    await catalog.documents.compareAndSet({ ...later, documentId: 'x', seen: lost }, undefined);
    await expect(checkLogIdentity(log, catalog)).rejects.toMatchObject({ code: 'log_mismatch' });

    // As a migration leaves it that dies before it tells the catalog: the same log, in its next epoch.
    await log.close();
    const raised = openSqliteLog(join(folder.path, 'log.db'), { epoch: 2 });
    expect(await checkLogIdentity(raised, catalog)).toEqual({ ...identity, epoch: 2 });
    await raised.close();
    const former = { identity: async () => identity } as unknown as EventLog;
    await expect(checkLogIdentity(former, catalog)).rejects.toMatchObject({ code: 'log_mismatch' });

    const other = openSqliteLog(join(folder.path, 'other.db'));
    await expect(checkLogIdentity(other, catalog)).rejects.toMatchObject({ code: 'log_mismatch' });
    await Promise.all([other.close(), catalog.close()]);
  });
});
