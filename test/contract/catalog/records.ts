import { describe, expect, it } from 'vitest';
import type { Release } from '../../../src/core/generation.js';
import type { ApiKey, Collection, Job } from '../../../src/core/ports/catalog.js';
import { contentRef, idOf, version } from '../../support/fixtures.js';
import { AT, SPEC, makeGeneration, makeHead, makeRow } from './rows.js';
import { fresh, race, type MakeCatalog } from './maker.js';

const LATER = '2026-02-01T00:00:00.000Z';

function collection(name: string, tenant = 't'): Collection {
  return { tenant, name, defaultPolicy: { principals: ['local'] }, settings: { a: { b: 1 } }, createdAt: AT };
}

function release(number: number, gen: string, name = 'c'): Release {
  return { tenant: 't', collection: name, number, generation: gen, spaces: { text: 's' }, retrieval: { k: 3 }, at: AT };
}

function job(id: string, change: Partial<Job> = {}): Job {
  return {
    id,
    tenant: 't',
    kind: 'ingest',
    state: 'queued',
    progress: { done: 0, total: 2 },
    detail: { x: [1] },
    createdAt: AT,
    updatedAt: AT,
    ...change,
  };
}

function apiKey(id: string, change: Partial<ApiKey> = {}): ApiKey {
  return {
    id,
    hash: `hash-${id}`,
    tenant: 't',
    principals: ['p'],
    scopes: ['read'],
    requireAs: false,
    createdAt: AT,
    ...change,
  };
}

export function describeRecords(make: MakeCatalog): void {
  describe('collections', () => {
    const store = fresh(make);
    const collections = () => store.port.collections;

    it('are made once, by one of 50', async () => {
      expect(await race(() => collections().create(collection('c')))).toBe(1);
      expect(await collections().create({ ...collection('c'), settings: {} })).toBe(false);
      expect(await collections().get('t', 'c')).toEqual(collection('c'));
      await collections().create(collection('c', 'u'));
      await collections().create(collection('b'));
      expect((await collections().list('t')).map((each) => each.name)).toEqual(['b', 'c']);
      expect(await collections().list()).toHaveLength(3);
      expect(await collections().list('nobody')).toEqual([]);
    });

    it('are updated in part', async () => {
      await collections().create(collection('c'));
      expect(await collections().update('t', 'c', { settings: { z: null } })).toEqual({
        ...collection('c'),
        settings: { z: null },
      });
      const policy = { principals: [], region: 'eu' };
      expect((await collections().update('t', 'c', { defaultPolicy: policy }))!.defaultPolicy).toEqual(policy);
      expect((await collections().update('t', 'c', {}))!.settings).toEqual({ z: null });
      expect(await collections().update('t', 'none', { settings: {} })).toBeUndefined();
    });

    it('go out of sight with everything of theirs, come back as they were, and are served by nobody meanwhile', async () => {
      const { port } = store;
      const note = { why: 'it moves', deep: [{ a: 1 }] };
      await collections().create({ ...collection('c'), settings: { a: 1 } });
      await collections().create(collection('other'));
      await port.heads.raise(makeHead('a', 1));
      await port.contents.record(idOf('a'), version(1), contentRef('b1'));
      await port.generations.create(makeGeneration('g-1'));
      await port.releases.switch(release(1, 'g-1', 'c'), 0);
      const whole = (await collections().get('t', 'c'))!;
      await collections().setAside({ collection: whole, note });
      expect(await collections().get('t', 'c')).toBeUndefined();
      expect((await collections().list()).map(({ name }) => name)).toEqual(['other']);
      expect(await port.releases.current('t', 'c')).toBeUndefined();
      expect(await port.releases.history('t', 'c', 10)).toHaveLength(1);
      expect((await port.heads.list('t', 'c', { limit: 10 })).length).toBe(1);
      expect(await port.contents.list(idOf('a'))).toEqual([{ version: version(1), ref: contentRef('b1') }]);
      expect(await collections().aside('t', 'c')).toEqual({ collection: whole, note });
      await collections().setAside({ collection: whole, note: {} });
      await collections().setAside({ collection: collection('new', 'u'), note });
      expect(await collections().listAside()).toEqual([
        { collection: whole, note: {} },
        { collection: collection('new', 'u'), note },
      ]);

      expect(await collections().bringBack('t', 'c')).toBe(true);
      expect(await collections().bringBack('t', 'c')).toBe(false);
      expect(await collections().get('t', 'c')).toEqual(whole);
      expect(await port.releases.current('t', 'c')).toMatchObject({ number: 1 });
      expect(await collections().aside('t', 'c')).toBeUndefined();
      expect(await collections().delete('u', 'new')).toBe(true);
      expect(await collections().listAside()).toEqual([]);
    });

    it('go with everything of theirs and nothing of others', async () => {
      const { port } = store;
      for (const name of ['c', 'other']) {
        const of = { tenant: 't', collection: name, source: 's' };
        const gen = `g-${name}`;
        const key = `k-${name}`;
        const change = { collection: name };
        await collections().create(collection(name));
        await port.heads.decide(makeHead(key, 1, { ...change, content: contentRef(`${name}-b`) }), undefined, name);
        await port.contents.record(`lost-${name}`, version(1), contentRef(`${name}-lost`), of);
        for (let i = 0; i < 600; i += 1) await port.heads.raise(makeHead(`many${i}`, 1, change));
        await port.documents.compareAndSet(makeRow(key, 1, { generation: gen, event: change }), undefined);
        await port.documents.compareAndSet(makeRow('headless', 1, { generation: gen, event: change }), undefined);
        await port.revisions.add({
          documentId: idOf(key, change),
          revision: 'r',
          version: version(1),
          parsed: contentRef(`${name}-p`),
          createdAt: AT,
        });
        await port.generations.create({ ...makeGeneration(gen), collection: name });
        await port.releases.switch(release(1, gen, name), 0);
        await port.jobs.create(job(`j-${name}`, { collection: name }));
        await port.sources.claim(of, 'api');
        await port.sources.raiseFence(of, 7);
        await port.cursors.save(of, 1, 'x');
        await port.cursors.updateInventory(of, 1, [{ key: 'k', scope: '', state: {} }], []);
      }
      expect(await collections().delete('t', 'c')).toBe(true);
      expect(await collections().delete('t', 'c')).toBe(false);
      const left = async (name: string) => ({
        collection: (await collections().get('t', name)) !== undefined,
        heads: (await port.heads.list('t', name, { limit: 1000, includeDeleted: true })).length,
        outbox: (await port.heads.outbox(10)).filter((entry) => entry.stream === name).length,
        rows: (await port.documents.list(`g-${name}`, { limit: 10 })).length,
        blobs: (await port.contents.known([`${name}-b`, `${name}-lost`])).size,
        texts: (await port.revisions.known([`${name}-p`])).size,
        generations: (await port.generations.list('t', name)).length,
        release: (await port.releases.current('t', name)) !== undefined,
        job: (await port.jobs.get(`j-${name}`)) !== undefined,
        sources: (await port.sources.list('t', name)).length,
        cursor: (await port.cursors.load({ tenant: 't', collection: name, source: 's' })) !== undefined,
        item: (await port.cursors.item({ tenant: 't', collection: name, source: 's' }, 'k')) !== undefined,
      });
      expect(await left('c')).toEqual({
        collection: false,
        heads: 0,
        outbox: 0,
        rows: 0,
        blobs: 0,
        texts: 0,
        generations: 0,
        release: false,
        job: false,
        sources: 0,
        cursor: false,
        item: false,
      });
      expect(await left('other')).toEqual({
        collection: true,
        heads: 601,
        outbox: 1,
        rows: 2,
        blobs: 2,
        texts: 1,
        generations: 1,
        release: true,
        job: true,
        sources: 1,
        cursor: true,
        item: true,
      });
      // A collection of the same name is another one: its fences are above those of the old time.
      await port.sources.claim({ tenant: 't', collection: 'c', source: 's' }, 'api');
      expect(await port.sources.nextFence({ tenant: 't', collection: 'c', source: 's' })).toBeGreaterThan(7);
    });
  });

  describe('generations', () => {
    const store = fresh(make);
    const generations = () => store.port.generations;

    it('keep their history and move by compare-and-set', async () => {
      await generations().create(makeGeneration('g-1'), 'first');
      await expect(generations().create(makeGeneration('g-1'))).rejects.toMatchObject({ code: 'already_exists' });
      expect(await generations().move('g-1', 'building', 'live', LATER)).toBe(false);
      expect(await generations().move('g-1', 'draft', 'building', LATER, 'go')).toBe(true);
      expect(await generations().move('none', 'draft', 'building', LATER)).toBe(false);
      expect(await race(() => generations().move('g-1', 'building', 'shadow', LATER))).toBe(1);
      expect(await generations().get('g-1')).toEqual({
        ...makeGeneration('g-1'),
        state: 'shadow',
        history: [
          { state: 'draft', at: AT, reason: 'first' },
          { state: 'building', at: LATER, reason: 'go' },
          { state: 'shadow', at: LATER },
        ],
      });
    });

    it('are listed oldest first and take a new spec', async () => {
      await generations().create({ ...makeGeneration('g-b'), createdAt: LATER });
      await generations().create(makeGeneration('g-z'));
      await generations().create({ ...makeGeneration('g-x'), collection: 'other' });
      const list = await generations().list('t', 'c');
      expect(list.map((each) => [each.id, each.history.length])).toEqual([
        ['g-z', 1],
        ['g-b', 1],
      ]);
      const spec = { ...SPEC, analyzer: { version: '2' } };
      await generations().updateSpec('g-b', spec);
      expect((await generations().get('g-b'))!.spec).toEqual(spec);
      await expect(generations().updateSpec('none', spec)).rejects.toMatchObject({ code: 'not_found' });
      expect(await generations().get('none')).toBeUndefined();
    });
  });

  describe('releases', () => {
    const store = fresh(make);
    const releases = () => store.port.releases;

    it('switch by compare-and-set: of 50 exactly one', async () => {
      expect(await releases().current('t', 'c')).toBeUndefined();
      expect(await race((i) => releases().switch(release(1, `g-${i}`), 0))).toBe(1);
      expect(await race((i) => releases().switch(release(2, `g-${i}`), 1))).toBe(1);
      expect(await releases().switch(release(2, 'g'), 1)).toBe(false);
      expect(await releases().switch(release(4, 'g'), 3)).toBe(false);
      await expect(releases().switch(release(5, 'g'), 2)).rejects.toMatchObject({ code: 'invalid_request' });
      expect((await releases().current('t', 'c'))!.number).toBe(2);
    });

    it('make their generation live and retire the one before, in the same step', async () => {
      const { generations } = store.port;
      const states = async () => (await generations.list('t', 'c')).map(({ id, state }) => `${id} ${state}`);
      for (const id of ['g-1', 'g-2', 'g-3']) await generations.create(makeGeneration(id));
      await releases().switch(release(1, 'g-1'), 0);
      expect(await states()).toEqual(['g-1 live', 'g-2 draft', 'g-3 draft']);
      await releases().switch(release(2, 'g-2'), 1);
      expect(await releases().switch(release(2, 'g-3'), 1)).toBe(false);
      expect(await states()).toEqual(['g-1 retired', 'g-2 live', 'g-3 draft']);
      await releases().switch(release(3, 'g-1'), 2);
      expect(await states()).toEqual(['g-1 live', 'g-2 retired', 'g-3 draft']);
      const { history } = (await generations.get('g-1'))!;
      expect(history.map(({ state, reason }) => `${state}: ${reason}`)).toEqual([
        'draft: undefined',
        'live: release 1',
        'retired: release 2',
        'live: release 3',
      ]);
    });

    it('what is dropped is not released, and what is released not dropped', async () => {
      const { generations } = store.port;
      const drop = (id: string) => generations.move(id, 'draft', 'dropped', LATER);
      for (const id of ['g-1', 'g-2']) await generations.create(makeGeneration(id));
      expect(await releases().switch(release(1, 'g-1'), 0)).toBe(true);
      expect(await drop('g-1')).toBe(false);
      expect(await drop('g-2')).toBe(true);
      expect(await releases().switch(release(2, 'g-2'), 1)).toBe(false);
      await generations.create(makeGeneration('g-3'));
      expect(await releases().switch(release(2, 'g-3'), 1)).toBe(true);
      expect(await generations.move('g-1', 'retired', 'dropped', LATER)).toBe(true);
      await generations.create(makeGeneration('g-4'));
      const raced = await Promise.all([releases().switch(release(3, 'g-4'), 2), drop('g-4')]);
      expect(raced.filter(Boolean)).toHaveLength(1);
    });

    it('keep every field and their history, newest first', async () => {
      const second = { ...release(2, 'g-2'), previous: 'g-1', promptVersion: 'p1' };
      await releases().switch(release(1, 'g-1'), 0);
      await releases().switch(second, 1);
      await releases().switch(release(1, 'g-9', 'other'), 0);
      expect(await releases().current('t', 'c')).toEqual(second);
      expect(await releases().history('t', 'c', 10)).toEqual([second, release(1, 'g-1')]);
      expect(await releases().history('t', 'c', 1)).toEqual([second]);
    });
  });

  describe('jobs', () => {
    const store = fresh(make);
    const jobs = () => store.port.jobs;

    it('change only from the states named', async () => {
      const made = job('j1', { collection: 'c', error: { code: 'internal', message: 'm' } });
      await jobs().create(made);
      expect(await jobs().get('j1')).toEqual(made);
      await expect(jobs().create(made)).rejects.toMatchObject({ code: 'already_exists' });
      expect(await jobs().update('j1', ['running'], { state: 'succeeded' })).toBeUndefined();
      expect(await jobs().update('j1', [], { state: 'succeeded' })).toBeUndefined();
      expect(await race(async () => (await jobs().update('j1', ['queued'], { state: 'running' })) !== undefined)).toBe(
        1,
      );
      const change = { progress: { done: 1, total: 2 }, detail: { y: 2 }, updatedAt: LATER } as const;
      expect(await jobs().update('j1', ['running', 'paused'], change)).toEqual({
        ...made,
        ...change,
        state: 'running',
      });
      expect((await jobs().update('j1', ['running'], {}))!.id).toBe('j1');
      expect(await jobs().update('none', ['running'], { state: 'failed' })).toBeUndefined();
    });

    it('are listed last id first in stable pages, by tenant, kind and state', async () => {
      for (let i = 0; i < 9; i += 1) {
        await jobs().create(job(`j${i}`, { kind: i % 2 ? 'x' : 'y', state: i < 3 ? 'running' : 'queued' }));
      }
      await jobs().create(job('j4b', { tenant: 'u' }));
      const seen: string[] = [];
      for (let after: string | undefined; ;) {
        const page = await jobs().list({ tenant: 't', limit: 4, ...(after ? { after } : {}) });
        if (page.length === 0) break;
        seen.push(...page.map((each) => each.id));
        after = page[page.length - 1]!.id;
      }
      expect(seen).toEqual(['j8', 'j7', 'j6', 'j5', 'j4', 'j3', 'j2', 'j1', 'j0']);
      expect((await jobs().list({ kind: 'x', state: 'running', limit: 10 })).map((each) => each.id)).toEqual(['j1']);
      expect(await jobs().list({ limit: 100 })).toHaveLength(10);
    });

    it('are pruned when they ended long ago', async () => {
      await jobs().create(job('a', { state: 'succeeded' }));
      await jobs().create(job('b', { state: 'cancelled', updatedAt: LATER }));
      await jobs().create(job('c', { state: 'running' }));
      expect(await jobs().prune('2026-01-15T00:00:00.000Z')).toBe(1);
      expect((await jobs().list({ limit: 10 })).map((each) => each.id)).toEqual(['c', 'b']);
    });
  });

  describe('keys, idempotency and meta', () => {
    const store = fresh(make);

    it('finds a key by its hash, lists and revokes once', async () => {
      const { keys } = store.port;
      expect(await keys.any()).toBe(false);
      const full = apiKey('a', { collections: ['c'], requireAs: true, label: 'l', expiresAt: LATER });
      await keys.create(full);
      await keys.create(apiKey('b', { tenant: 'u' }));
      await expect(keys.create(apiKey('x', { hash: 'hash-a' }))).rejects.toMatchObject({ code: 'already_exists' });
      expect(await keys.byHash('hash-a')).toEqual(full);
      expect(await keys.byHash('hash-z')).toBeUndefined();
      expect(await keys.list('t')).toEqual([full]);
      expect(await keys.list()).toHaveLength(2);
      expect(await race(() => keys.revoke('a', AT))).toBe(1);
      expect((await keys.byHash('hash-a'))!.revokedAt).toBe(AT);
      expect(await keys.revoke('none', AT)).toBe(false);
      expect(await keys.any()).toBe(true);
    });

    it('remembers the first answer to a key until it expires', async () => {
      const { idempotency } = store.port;
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) => idempotency.remember('t', 'k', `h${i}`, { i }, LATER)),
      );
      const stored = answers.filter((each) => each.stored);
      expect(stored).toHaveLength(1);
      const { requestHash, answer } = stored[0]!;
      for (const each of answers) expect(each).toMatchObject({ requestHash, answer });
      expect(await idempotency.find('t', 'k', AT)).toEqual({ requestHash, answer });
      expect(await idempotency.find('u', 'k', AT)).toBeUndefined();
      expect(await idempotency.find('t', 'k', LATER)).toBeUndefined();
      const next = '2026-03-01T00:00:00.000Z';
      expect(await idempotency.remember('t', 'k', 'new', { n: 1 }, next, AT)).toMatchObject({ stored: false });
      expect(await idempotency.remember('t', 'k', 'new', { n: 1 }, next, LATER)).toMatchObject({ stored: true });
      expect(await idempotency.find('t', 'k', LATER)).toEqual({ requestHash: 'new', answer: { n: 1 } });
      expect(await idempotency.prune(LATER)).toBe(0);
      expect(await idempotency.prune(next)).toBe(1);
    });

    it('keeps small values, over a restart too', async () => {
      expect(await store.port.meta.get('x')).toBeUndefined();
      await store.port.meta.set('x', '1');
      await store.port.meta.set('x', '2');
      const port = store.reopens ? await store.reopen() : store.port;
      expect(await port.meta.get('x')).toBe('2');
    });

    it('refuses names that a store cannot keep exactly', async () => {
      for (const name of ['a\u0000b', 'a\ud800b']) {
        await expect(store.port.collections.create(collection(name))).rejects.toMatchObject({
          code: 'invalid_request',
        });
      }
    });
  });
}
