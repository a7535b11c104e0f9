import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteCatalog } from '../../src/adapters/catalog/sqlite/index.js';
import { streamOf } from '../../src/core/generation.js';
import { SearchSchema } from '../../src/core/schemas/query.js';
import type { ConfigInput, Engine } from '../../src/engine.js';
import { discardMigrated, listMigrations, migrate, openEngine, parseConfig, undoMigration } from '../../src/engine.js';
import { openLog } from '../../src/engine/stores.js';
import type { FaultPoints } from '../../src/runtime/faults.js';
import { runCli } from '../support/cli.js';
import { makeEvent, temporaryFolder } from '../support/fixtures.js';
import { ingest } from '../support/ingest.js';
import { engineConfig } from '../support/served-engine.js';

const NEVER = new AbortController().signal;
const C = { tenant: 'default', collection: 'c' };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let from: ConfigInput;
let to: ConfigInput;
beforeEach(async () => {
  folder = await temporaryFolder();
  [from, to] = ['from', 'to'].map((name) => engineConfig(join(folder.path, name))) as [ConfigInput, ConfigInput];
  await write('The first lamp.');
  await using(from, (engine) => put(engine));
});
afterEach(() => folder.remove());

const move = (a = from, b = to, options: { faults?: FaultPoints } = {}) =>
  migrate(a, b, { names: { source: 'one', target: 'two' }, signal: NEVER }, options);
const write = (text: string) => writeFile(join(folder.path, 'a.md'), `${text}\n`);
async function using<T>(config: ConfigInput, use: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = await openEngine(config);
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}
async function put(engine: Engine): Promise<void> {
  await engine.surface.collections.put(engine.caller, 'c', {}, NEVER);
  await ingest(engine, 'c', join(folder.path, 'a.md'));
}
const names = (config: ConfigInput) =>
  using(config, async ({ surface, caller }) =>
    (await surface.collections.list(caller, NEVER)).collections.map(({ name }) => name),
  );
const texts = (config: ConfigInput) =>
  using(config, async ({ surface, caller }) => {
    const request = SearchSchema.parse({ query: 'lamp', mode: 'lexical' });
    return (await surface.search(caller, 'c', request, NEVER)).hits.map(({ text }) => text.trim());
  });
/** Ends the migration there, as an error would. */
const failing = (point: string): FaultPoints => ({
  reach: async (reached) => {
    if (reached === point) throw new Error(`failed at ${point}`);
  },
});

describe('a migration is refused', () => {
  it('to the source itself', async () => {
    await expect(move(from, from)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('while somebody works on either side', async () => {
    for (const config of [from, to]) {
      await using(config, async () => {
        await expect(move()).rejects.toMatchObject({ code: 'data_in_use' });
      });
    }
    expect(await names(from)).toEqual(['c']);
  });

  it('when the target has a collection of its own by that name, and touches neither', async () => {
    await write('Another lamp.');
    await using(to, put);
    await expect(move()).rejects.toMatchObject({ code: 'already_exists' });
    expect(await texts(from)).toEqual(['The first lamp.']);
    expect(await texts(to)).toEqual(['Another lamp.']);
    await using(to, ({ surface, caller }) => surface.collections.delete(caller, 'c', NEVER));
    expect((await move()).collections).toMatchObject([{ outcome: 'moved' }]);
    expect(await texts(to)).toEqual(['The first lamp.']);
  });

  it('for a collection that is not there, and one that has gone elsewhere', async () => {
    const only = { ...C, collection: 'none' };
    const request = { only, names: { source: 'one', target: 'two' }, signal: NEVER };
    await expect(migrate(from, to, request)).rejects.toMatchObject({ code: 'collection_not_found' });
    await move();
    const third = engineConfig(join(folder.path, 'third'));
    await expect(migrate(from, third, { ...request, only: C })).rejects.toMatchObject({ code: 'collection_moved' });
    expect((await move(from, third)).collections).toEqual([]);
  });

  it('while a job of the collection has not ended', async () => {
    const catalog = await openSqliteCatalog(join(folder.path, 'from', 'catalog.db'));
    const at = new Date(0).toISOString();
    const job = {
      tenant: C.tenant,
      collection: 'c',
      progress: { done: 0, total: 1 },
      detail: {},
      createdAt: at,
      updatedAt: at,
    };
    await catalog.jobs.create({ id: 'j', kind: 'reindex', state: 'paused', ...job });
    await catalog.close();
    await expect(move()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('Job j') as string,
    });
    const again = await openSqliteCatalog(join(folder.path, 'from', 'catalog.db'));
    await again.jobs.update('j', ['paused'], { state: 'cancelled' });
    await again.close();
    expect((await move()).collections).toMatchObject([{ outcome: 'moved' }]);
  });

  it('while the target has not applied everything and its log would have to be raised', async () => {
    const log = await openLog(parseConfig(to));
    await log.close();
    await using(to, ({ surface, caller }) => surface.collections.put(caller, 'other', {}, NEVER));
    const late = await openLog(parseConfig(to));
    await late.append(streamOf('default', 'other'), [
      makeEvent('x', { tenant: 'default', collection: 'other', op: 'delete' }),
    ]);
    await late.close();
    await expect(move()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/^At the target: 1 changes/) as string,
    });
    await using(to, async (engine) => {
      while ((await engine.pending()) > 0) await delay(10);
    });
    expect((await move()).epoch).toBe(2);
    expect(await names(to)).toEqual(['c', 'other']);
  });

  it('never for what the source has not applied: that is done first', async () => {
    const log = await openLog(parseConfig(from));
    const gone = {
      tenant: 'default',
      collection: 'c',
      source: 'files',
      key: join(folder.path, 'a.md'),
      op: 'delete',
      fence: 99,
    } as const;
    await log.append(streamOf('default', 'c'), [makeEvent(gone.key, gone)]);
    await log.close();
    expect((await move()).collections).toMatchObject([{ outcome: 'moved' }]);
  });
});

describe('a migration that was given up', () => {
  it('goes back into service at the source, and begins anew with what changed since', async () => {
    await expect(move(from, to, { faults: failing('migrate:page') })).rejects.toThrow('failed at migrate:page');
    for (const config of [from, to]) expect(await names(config)).toEqual([]);
    await expect(using(to, put)).rejects.toMatchObject({ code: 'collection_moved' });
    await expect(undoMigration(to, { only: C, force: true })).rejects.toMatchObject({ code: 'conflict' });
    await expect(discardMigrated(from, { only: C })).rejects.toMatchObject({ code: 'conflict' });
    expect(await listMigrations(to)).toMatchObject([{ ...C, state: 'arriving', where: 'one' }]);

    expect(await undoMigration(from, { only: undefined, force: false })).toMatchObject([C]);
    await write('A second lamp.');
    await using(from, put);
    expect((await move()).collections).toMatchObject([{ outcome: 'moved', resumed: false }]);
    expect(await texts(to)).toEqual(['A second lamp.']);
  });

  it('leaves an unfinished copy that is discarded there', async () => {
    await expect(move(from, to, { faults: failing('migrate:checked') })).rejects.toThrow('migrate:checked');
    expect(await discardMigrated(to, { only: C })).toMatchObject([C]);
    expect(await listMigrations(to)).toEqual([]);
    // Begun from the start again, under its own name.
    expect((await move()).collections).toMatchObject([{ outcome: 'moved', documents: 1 }]);
    expect(await texts(to)).toEqual(['The first lamp.']);
  });

  it('is put back after it had ended only by force', async () => {
    await move();
    expect(await undoMigration(from, { only: undefined, force: false })).toEqual([]);
    await expect(undoMigration(from, { only: C, force: false })).rejects.toMatchObject({ code: 'conflict' });
    await undoMigration(from, { only: C, force: true });
    expect(await texts(from)).toEqual(['The first lamp.']);
    await expect(move()).rejects.toMatchObject({ code: 'already_exists' });
  });
});

describe('footnote migrate', () => {
  const cli = (...args: string[]) => runCli(args, { cwd: folder.path });

  it('moves, tells what it did, and where everything is', async () => {
    const yaml = (data: string) => `data: ${data}\nembedding: { model: test-hash }\n`;
    await writeFile(join(folder.path, 'footnote.yaml'), yaml('from'));
    await writeFile(join(folder.path, 'other.yaml'), yaml('to'));
    expect((await cli('migrate')).stdout).toContain('Everything that is here is in service.');
    expect((await cli('migrate', '--to', 'none.yaml')).code).toBe(2);
    expect((await cli('migrate', '--to', 'other.yaml', '--undo')).code).toBe(2);
    expect((await cli('migrate', '--undo', '--force')).code).toBe(2);
    const self = await cli('migrate', '--to', 'footnote.yaml');
    expect(self).toMatchObject({ code: 1, stderr: expect.stringContaining('target is the source') as string });
    const moved = await cli('migrate', '--to', 'other.yaml', '--collection', 'c', '--json');
    expect(moved.code, moved.stderr).toBe(0);
    expect(JSON.parse(moved.stdout)).toMatchObject({ epoch: 2, collections: [{ collection: 'c', outcome: 'moved' }] });
    expect((await cli('migrate')).stdout).toMatch(/c: moved to other\.yaml since/);
    expect((await cli('search', 'lamp', '--collection', 'c')).stderr).toContain('collection_moved');
    expect((await cli('search', 'lamp', '--collection', 'c', '--config', 'other.yaml')).stdout).toContain('first lamp');
    expect((await cli('migrate', '--discard')).stdout).toContain('c: Removed');
    const log = await readFile(join(folder.path, 'from', 'catalog.db'));
    expect(log.includes('aside.')).toBe(false);
  });
});
