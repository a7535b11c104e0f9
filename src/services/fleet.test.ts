import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteCatalog } from '../adapters/catalog/sqlite/index.js';
import type { Catalog, Job } from '../core/ports/catalog.js';
import { Applied } from './applied.js';
import { Fleet, PROCESS_TTL_MS } from './fleet.js';
import { JobRunner } from './jobs.js';

let catalog: Catalog;
let now: number;
/** Time passes only where a test lets it. */
const clock = {
  now: () => now,
  sleep: async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
  },
};

beforeEach(async () => {
  catalog = await openSqliteCatalog(':memory:');
  now = Date.parse('2026-05-01T00:00:00.000Z');
});
afterEach(() => catalog.close());

const fleet = (role: string): Fleet =>
  new Fleet(
    {
      ...catalog,
      clock,
      tell: () => ({}),
      onFailure: (error) => {
        throw error;
      },
    },
    role,
  );

describe('processes on one catalog', () => {
  it('share what there is between those that live, and only what a dead one had moves', async () => {
    const all = [fleet('connect'), fleet('connect'), fleet('connect')];
    const beat = async (some: readonly Fleet[]): Promise<void> => {
      // Twice: the first to tell did not know of the last.
      for (let round = 0; round < 2; round += 1) for (const each of some) await each.beat();
    };
    await beat(all);
    const names = Array.from({ length: 60 }, (_, n) => `source ${n}`);
    const owners = (some: readonly Fleet[]): number[][] =>
      names.map((name) => some.flatMap((each, index) => (each.owns(name, () => true) ? [index] : [])));
    const before = owners(all);
    expect(before.every(({ length }) => length === 1)).toBe(true);
    for (const index of [0, 1, 2]) expect(before.filter(([owner]) => owner === index).length).toBeGreaterThan(5);
    now += PROCESS_TTL_MS + 1;
    const left = all.slice(0, 2);
    await beat(left);
    const after = owners(left);
    expect(after.every(({ length }) => length === 1)).toBe(true);
    for (const [index, [owner]] of before.entries()) if (owner !== 2) expect(after[index]).toEqual([owner]);
    // Who does not do such things has no share.
    expect(names.every((name) => left[0]!.owns(name, ({ id }) => id === left[0]!.id))).toBe(true);
  });

  it('do one thing one at a time, and the next when the one at it died', async () => {
    const [one, two] = [fleet('worker'), fleet('worker')];
    const { signal } = new AbortController();
    let finish!: () => void;
    const first = one.alone('thing', 0, signal, () => new Promise<void>((resolve) => (finish = resolve)));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await two.alone('thing', 0, signal, async () => 'never')).toBeUndefined();
    finish();
    await first;
    expect(await two.alone('thing', 0, signal, async () => 'done')).toEqual({ result: 'done' });
  });
});

describe('jobs of several processes', () => {
  const done = new Map<string, string[]>();
  const runner = (of: Fleet, kinds: string[], run: (signal: AbortSignal) => Promise<void> = async () => undefined) =>
    new JobRunner(
      catalog.jobs,
      clock,
      new Map([
        [
          'heavy',
          {
            run: async ({ job, signal }) => {
              done.set(job.id, [...(done.get(job.id) ?? []), of.id]);
              await run(signal);
            },
          },
        ],
      ]),
      () => undefined,
      { owner: of.id, kinds },
    );
  const create = (from: JobRunner): Promise<Job> => from.create({ tenant: 't', kind: 'heavy', detail: {} });
  const untilAborted = (signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

  it('are run by one that runs their kind, and waited for by the one that made them', async () => {
    const [front, back] = [fleet('serve'), fleet('worker')];
    for (const each of [front, back]) await each.beat();
    const [serve, worker] = [runner(front, []), runner(back, ['heavy'])];
    const job = await create(serve);
    await serve.share();
    expect((await serve.wait(job.id, AbortSignal.timeout(20))).state).toBe('queued');
    const waited = serve.wait(job.id);
    await worker.share();
    await worker.wait(job.id);
    await serve.share();
    expect((await waited).state).toBe('succeeded');
    expect(done.get(job.id)).toEqual([back.id]);
  });

  it('are taken over from one that died, once', async () => {
    const [dead, one, two] = [fleet('worker'), fleet('worker'), fleet('worker')];
    await dead.beat();
    const dying = runner(dead, ['heavy'], untilAborted);
    const job = await create(dying);
    for (const each of [one, two]) await each.beat();
    const runners = [runner(one, ['heavy']), runner(two, ['heavy'])];
    await Promise.all(runners.map((each) => each.share()));
    expect(done.get(job.id)).toEqual([dead.id]);
    now += PROCESS_TTL_MS + 1;
    for (const each of [one, two]) await each.beat();
    await Promise.all(runners.map((each) => each.share()));
    await expect.poll(async () => (await catalog.jobs.get(job.id))!.state).toBe('succeeded');
    expect(done.get(job.id)).toHaveLength(2);
    await dying.close();
  });

  it('are cancelled and paused from anywhere', async () => {
    const [front, back] = [fleet('serve'), fleet('worker')];
    for (const each of [front, back]) await each.beat();
    const [serve, worker] = [runner(front, []), runner(back, ['heavy'], untilAborted)];
    const job = await create(serve);
    await worker.share();
    await serve.control(job.id, 'pause');
    await worker.share();
    await serve.control(job.id, 'resume');
    await worker.share();
    await serve.control(job.id, 'cancel');
    await worker.share();
    expect((await worker.wait(job.id)).state).toBe('cancelled');
    // One that nobody runs yet, too, with its collection.
    const other = await serve.create({ tenant: 't', kind: 'heavy', collection: 'c', detail: {} });
    await serve.cancelFor('t', 'c');
    await worker.share();
    expect((await catalog.jobs.get(other.id))!.state).toBe('cancelled');
    expect(done.get(other.id)).toBeUndefined();
  });
});

it('sees what other processes applied without being told', async () => {
  const applied = new Applied(catalog.documents, clock);
  const row = { seen: { version: 'v2' } } as never;
  const rows = new Map<string, never>();
  const looking = new Applied({ get: async () => undefined, many: async () => rows }, clock);
  const waiting = looking.wait('g', 'd', 'v2', new AbortController().signal);
  await new Promise((resolve) => setTimeout(resolve, 10));
  rows.set('d', row);
  expect(await waiting).toBe(row);
  await expect(applied.wait('g', 'd', 'v2', AbortSignal.timeout(20))).rejects.toMatchObject({ code: 'cancelled' });
});
