import { afterEach, describe, expect, it } from 'vitest';
import type { PoolJob } from '../../test/support/pool-child.js';
import { builtEntry } from './entry.js';
import { ProcessPool, type ProcessPoolOptions } from './process-pool.js';

const open: ProcessPool[] = [];

function pool(options: Partial<ProcessPoolOptions> = {}): ProcessPool {
  const made = new ProcessPool({
    entry: builtEntry(import.meta.url, '../../test/support/pool-child.js'),
    processes: 1,
    deadlineMs: 30_000,
    memoryBytes: 512 * 2 ** 20,
    outputBytes: 2 ** 20,
    queue: 10,
    ...options,
  });
  open.push(made);
  return made;
}

async function run(on: ProcessPool, job: PoolJob, signal?: AbortSignal): Promise<unknown[]> {
  const pieces: unknown[] = [];
  await on.run(job, { onPiece: (piece) => pieces.push(piece), ...(signal && { signal }) });
  return pieces;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

describe('ProcessPool', () => {
  it('hands over pieces in order', async () => {
    const pieces = await run(pool(), { do: 'pieces', count: 50, bytes: 1000 });
    expect(pieces).toEqual(Array.from({ length: 50 }, (_, index) => ({ index, text: 'x'.repeat(1000) })));
  });

  it('keeps a child for the next job and gives it nothing of the environment', async () => {
    const one = pool();
    expect(await run(one, { do: 'pid' })).toEqual(await run(one, { do: 'pid' }));
    expect((await run(one, { do: 'environment' }))[0]).not.toContain('PATH');
  });

  it('runs jobs side by side up to its number of processes', async () => {
    const two = pool({ processes: 2 });
    const spin = new AbortController();
    const stuck = expect(run(two, { do: 'spin' }, spin.signal)).rejects.toMatchObject({ code: 'cancelled' });
    expect(await run(two, { do: 'pid' })).toHaveLength(1);
    spin.abort();
    await stuck;
  });

  it.each([
    [{ do: 'spin' }, { deadlineMs: 300 }, 'timeout'],
    [{ do: 'allocate', outside: true }, { memoryBytes: 200 * 2 ** 20 }, 'memory'],
    [{ do: 'allocate', outside: false }, { memoryBytes: 200 * 2 ** 20 }, 'memory'],
    [{ do: 'pieces', count: 100, bytes: 100_000 }, {}, 'output'],
    [{ do: 'exit' }, {}, 'crash'],
    [{ do: 'throw' }, {}, 'crash'],
  ] as [PoolJob, Partial<ProcessPoolOptions>, string][])(
    'ends %j with %j as %s and goes on',
    async (job, options, reason) => {
      const one = pool(options);
      await expect(run(one, job)).rejects.toMatchObject({ reason });
      expect(await run(one, { do: 'pid' })).toHaveLength(1);
    },
  );

  it('passes errors of the job on with their code', async () => {
    await expect(run(pool(), { do: 'fail' })).rejects.toMatchObject({ code: 'corrupt_document', details: { page: 1 } });
  });

  it('kills on abort, and forgets what only waits', async () => {
    const one = pool();
    const [first, second] = [new AbortController(), new AbortController()];
    const running = expect(run(one, { do: 'spin' }, first.signal)).rejects.toMatchObject({ code: 'cancelled' });
    const waiting = expect(run(one, { do: 'pid' }, second.signal)).rejects.toMatchObject({ code: 'cancelled' });
    second.abort();
    await waiting;
    first.abort();
    await running;
    expect(await run(one, { do: 'pid' })).toHaveLength(1);
  });

  it('refuses more than its queue holds', async () => {
    const one = pool({ queue: 1 });
    const waiting = run(one, { do: 'pid' });
    await expect(run(one, { do: 'pid' })).rejects.toMatchObject({ code: 'overloaded', permanence: 'transient' });
    expect(one.waiting).toBe(1);
    expect(await waiting).toHaveLength(1);
  });

  it('recycles children', async () => {
    const one = pool({ recycleJobs: 2 });
    const pids: unknown[] = [];
    for (let i = 0; i < 4; i += 1) pids.push(...(await run(one, { do: 'pid' })));
    expect(new Set(pids).size).toBe(2);
  });

  it('fails what it holds when it is closed', async () => {
    const one = pool();
    const running = expect(run(one, { do: 'spin' })).rejects.toMatchObject({ code: 'cancelled' });
    await one.close();
    await running;
    await expect(run(one, { do: 'pid' })).rejects.toMatchObject({ code: 'unavailable' });
    expect(one.pids).toEqual([]);
  });

  it('says so when children do not start', async () => {
    const one = pool({ entry: '/nowhere/at-all.js' });
    await expect(run(one, { do: 'pid' })).rejects.toMatchObject({ code: 'unavailable' });
  });
});
