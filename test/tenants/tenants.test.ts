import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/fixtures.js';
import { attack } from './attack.js';
import { MUTANTS } from './mutants.js';
import type { TenantWorld } from './world.js';
import { COLLECTION, openWorld } from './world.js';

const TENANTS = 4;
const QUERIES = 150;

describe('tenants with the same texts, sources and keys', () => {
  let data: Awaited<ReturnType<typeof temporaryFolder>>;
  let world: TenantWorld;
  beforeAll(async () => {
    data = await temporaryFolder();
    world = await openWorld(data.path, TENANTS);
  });
  afterAll(async () => {
    await world.close();
    await data.remove();
  });

  it('get nothing of each other, whatever they ask', async () => {
    const leaks = (await Promise.all(world.tenants.map((tenant, n) => attack(world, tenant, QUERIES, n)))).flat();
    expect(leaks).toEqual([]);
  });

  it('lose a key at once', async () => {
    const [tenant] = world.tenants;
    const { signal } = new AbortController();
    const request = { tenant: tenant!.name, scopes: ['read' as const], principals: ['staff'], requireAs: false };
    const { key, secret } = await world.engine.surface.keys.create(world.engine.caller, request, true, signal);
    const ask = () => world.ask(secret, 'GET', `/v1/collections/${COLLECTION}`);
    expect((await ask()).status).toBe(200);
    await world.engine.surface.keys.revoke(world.engine.caller, key.id, true, signal);
    expect((await ask()).status).toBe(401);
  });
});

describe('the checks that hold tenants and principals apart', () => {
  it.each(Object.entries(MUTANTS))('%s stand where the mutants remove them', async (_, { file, find }) => {
    const source = await readFile(`dist/${file}`, 'utf8');
    expect(source.split(find).length - 1, `${find} in dist/${file}`).toBe(1);
  });
});
