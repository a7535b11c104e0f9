import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DirectoryFacts } from '../../scripts/data-directory/facts.js';
import { HANDBOOK, directoryConfig, exported } from '../../scripts/data-directory/facts.js';
import { makeDirectory } from '../../scripts/data-directory/make.js';
import { takePlace, type Place } from '../../scripts/data-directory/place.js';
import { FootnoteClient } from '../../src/client/index.js';
import { decodeEvent } from '../../src/core/event-codec.js';
import { streamOf } from '../../src/core/generation.js';
import type { ConfigInput, Engine, MigrationReport } from '../../src/engine.js';
import { discardMigrated, listMigrations, migrate, openEngine, parseConfig, readServerFile } from '../../src/engine.js';
import { openLog } from '../../src/engine/stores.js';
import { temporaryFolder } from '../support/fixtures.js';

const NEVER = new AbortController().signal;
const NOTHING = { sent: 0, deleted: 0, skipped: 0, failed: 0, outcome: 'ok' };

/** Everything that is stored goes to other stores and back, and goes on there as if it had always been there. */
export function describeMigration(name: string, stores: () => ConfigInput['stores']): void {
  describe(`moved to ${name} and back`, () => {
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    let place: Place;
    let facts: DirectoryFacts;
    let home: ConfigInput;
    let away: ConfigInput;
    let engine: Engine | undefined;
    beforeAll(async () => {
      [folder, place] = [await temporaryFolder(), await takePlace()];
      facts = await makeDirectory(join(folder.path, 'home'), place.sources);
      home = directoryConfig(join(folder.path, 'home'), place.sources, facts);
      away = { ...home, data: join(folder.path, 'away'), stores: stores() };
    });
    afterAll(async () => {
      await engine?.close();
      await Promise.all([folder.remove(), place.release()]);
    });

    const move = (from: ConfigInput, to: ConfigInput, change: object = {}): Promise<MigrationReport> =>
      migrate(from, to, { names: { source: 'one', target: 'two' }, signal: NEVER, ...change });
    const serve = async (config: ConfigInput): Promise<FootnoteClient> => {
      engine = await openEngine(config);
      const { url } = await engine.serve();
      return new FootnoteClient({ url, key: (await readServerFile(config.data!))!.token });
    };
    const stop = async (): Promise<void> => {
      await engine?.close();
      engine = undefined;
    };
    const versionOf = async (client: FootnoteClient, key: string) =>
      (await client.getDocumentByKey(HANDBOOK, { key })).etag;
    /** As the facts say it of every collection. */
    const holds = async (client: FootnoteClient): Promise<void> => {
      const { collections } = await client.status();
      for (const [collection, { documents, ...rows }] of Object.entries(facts.collections)) {
        expect(collections[collection], collection).toMatchObject({ documents, lag: 0 });
        expect(await exported(client, collection), collection).toEqual(rows);
        for await (const event of client.verify(collection))
          expect(event, JSON.stringify(event)).toMatchObject({ type: 'summary', ok: true });
      }
    };

    let etag: string;
    it('comes to the target whole, and is out of sight at the source', async () => {
      const before = await serve(home);
      etag = await versionOf(before, 'lamp.md');
      await stop();
      const report = await move(home, away);
      expect(report).toMatchObject({ keys: 2, epoch: 2 });
      expect(report.collections.map(({ collection, outcome }) => [collection, outcome])).toEqual([
        ['handbook', 'moved'],
        ['letters', 'moved'],
      ]);
      expect(report.collections[1]).toMatchObject({ documents: 5, resumed: false });

      const left = await serve(home);
      expect((await left.status()).collections).toEqual({});
      const { documentId } = facts.gone!;
      const moved = { status: 409, code: 'collection_moved' };
      await expect(left.search(HANDBOOK, { query: 'lamp' })).rejects.toMatchObject(moved);
      await expect(left.getDocument(HANDBOOK, documentId)).rejects.toMatchObject(moved);
      await expect(left.putCollection(HANDBOOK, {})).rejects.toMatchObject(moved);
      await expect(
        left.putDocument(HANDBOOK, { key: 'x' }, { content: 'x', contentType: 'text/plain' }),
      ).rejects.toMatchObject(moved);
      await stop();
      engine = await openEngine(home);
      const [run] = await engine.connect.once({}, NEVER);
      expect(run?.last).toMatchObject({ outcome: 'failed', error: { code: 'collection_moved' } });
      await stop();
      expect(await listMigrations(home)).toMatchObject([
        { collection: 'handbook', state: 'left', where: 'two' },
        { collection: 'letters', state: 'left' },
      ]);
    });

    it('says so when it is asked again, and moves nothing', async () => {
      expect((await move(home, away)).collections).toMatchObject([{ outcome: 'there' }, { outcome: 'there' }]);
    });

    it('is served there as it was: passages, citations, keys, permissions, failures, generations', async () => {
      const client = await serve(away);
      await holds(client);
      const { current, replaced } = facts.citations;
      const { results } = await client.verifyCitations(HANDBOOK, { citations: [current, replaced] });
      expect(results).toMatchObject([
        { valid: true, current: true },
        { valid: true, current: false },
      ]);
      for (const [key, query] of Object.entries(facts.formats!)) {
        expect((await client.search(HANDBOOK, { query, mode: 'lexical' })).hits[0], query).toMatchObject({ key });
      }
      const { url } = await readServerFile(away.data!).then((file) => ({ url: file!.address }));
      const keeper = new FootnoteClient({ url, key: facts.secret });
      expect((await keeper.search('letters', { query: 'letter wind' })).hits).not.toEqual([]);
      expect((await keeper.search(HANDBOOK, { query: 'wages keepers', mode: 'lexical' })).hits).toEqual([]);
      const revoked = new FootnoteClient({ url, key: facts.revoked! });
      await expect(revoked.search('letters', { query: 'letter' })).rejects.toMatchObject({ status: 401 });
      expect(await client.replayDeadLetter(HANDBOOK, facts.deadLetter)).toMatchObject({ outcome: 'failed' });
      const { live, retired } = facts.generations;
      await client.setRelease(HANDBOOK, { generation: retired });
      expect(await exported(client, HANDBOOK)).toEqual(facts.ofRetired);
      await client.setRelease(HANDBOOK, { generation: live });
      await stop();
    });

    it('goes on from the inventories and cursors: nothing is sent again', async () => {
      engine = await openEngine(away);
      const runs = await engine.connect.once({}, NEVER);
      expect(runs.map(({ last }) => ({ ...last?.counts, outcome: last?.outcome }))).toEqual([
        { ...NOTHING, unchanged: 3 },
        { ...NOTHING, unchanged: 0 },
      ]);
      await stop();
    });

    it('takes a late event of a former owner for what it is', async () => {
      const log = await openLog(parseConfig(away));
      await log.append(streamOf('default', HANDBOOK), [decodeEvent(facts.gone!.event)]);
      await log.close();
      const client = await serve(away);
      while ((await engine!.pending()) > 0) await delay(20);
      await holds(client);
      await expect(client.getDocument(HANDBOOK, facts.gone!.documentId)).rejects.toMatchObject({ status: 404 });
    });

    it('continues the versions of documents of the API, and supersedes dead letters that came along', async () => {
      const client = new FootnoteClient({
        url: (await readServerFile(away.data!))!.address,
        key: (await readServerFile(away.data!))!.token,
      });
      expect(await versionOf(client, 'lamp.md')).toBe(etag);
      const content = { content: '# The lamp\n\nIt burns all night.\n', contentType: 'text/markdown' };
      const put = { wait: true, ifMatch: `"${etag}"` } as const;
      expect(await client.putDocument(HANDBOOK, { key: 'lamp.md' }, content, put)).toMatchObject({ state: 'live' });
      expect((await versionOf(client, 'lamp.md')) > etag).toBe(true);
      const mended = { content: 'The report of April.', contentType: 'text/plain' };
      await client.putDocument(HANDBOOK, { key: facts.keys.failed }, mended, { wait: true });
      // With the retired generation's own apply, which nobody waited for.
      while ((await client.listDeadLetters(HANDBOOK)).deadLetters.length > 0) await delay(20);
      await client.deleteDocumentByKey(HANDBOOK, { key: 'after.md' }, { wait: true });
      await client.putDocument(
        'letters',
        { key: 'new' },
        { content: 'A letter from afar.', contentType: 'text/plain' },
        { wait: true },
      );
      await stop();
    });

    it('comes back in place of the copy that it left behind', async () => {
      const there = await serve(away);
      const after = { [HANDBOOK]: await exported(there, HANDBOOK), letters: await exported(there, 'letters') };
      await stop();
      const report = await move(away, home, { only: { tenant: 'default', collection: HANDBOOK } });
      expect(report).toMatchObject({ epoch: 3, keys: 0, collections: [{ collection: HANDBOOK, outcome: 'moved' }] });
      await move(away, home);
      const client = await serve(home);
      for (const [collection, rows] of Object.entries(after)) {
        expect(await exported(client, collection), collection).toEqual(rows);
        for await (const event of client.verify(collection)) expect(event).toMatchObject({ type: 'summary', ok: true });
      }
      await expect(client.getDocumentByKey(HANDBOOK, { key: 'after.md' })).rejects.toMatchObject({ status: 404 });
      const content = { content: 'Home again.', contentType: 'text/plain' };
      expect(await client.putDocument(HANDBOOK, { key: 'lamp.md' }, content, { wait: true })).toMatchObject({
        state: 'live',
      });
      await stop();
    });

    it('leaves nothing when what was left behind is discarded', async () => {
      expect(await discardMigrated(away, { only: undefined })).toHaveLength(2);
      expect(await listMigrations(away)).toEqual([]);
      // Its sources would make the collection anew.
      const client = await serve({ ...away, sources: [] });
      expect((await client.status()).collections).toEqual({});
      await stop();
    });
  });
}
