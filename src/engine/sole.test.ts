import { expect, it } from 'vitest';
import { openSqliteCatalog } from '../adapters/catalog/sqlite/index.js';
import { becomeSole } from './sole.js';

it('lets one engine at a time work: a second one waits for its place, then says who has it', async () => {
  const catalog = await openSqliteCatalog(':memory:');
  const { leases } = catalog;
  let now = 1_000_000;
  const worker: { renew?: () => Promise<unknown> } = {};
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms;
      // The one that works renews meanwhile, as its timer would.
      await worker.renew?.();
    },
  };
  const first = await becomeSole(leases, clock, () => undefined);
  // Nobody renews it: its process has died, and its place is free after its time.
  const second = await becomeSole(leases, clock, () => undefined);
  expect(now).toBeGreaterThanOrEqual(1_015_000);
  await first.release();
  await second.release();
  const held = await leases.acquire('engine', 'another', 15_000, now);
  worker.renew = () => leases.renew(held!, 15_000, now);
  await expect(becomeSole(leases, clock, () => undefined)).rejects.toMatchObject({ code: 'data_in_use' });
  await leases.release(held!);
  await (await becomeSole(leases, clock, () => undefined)).release();
  await catalog.close();
});
