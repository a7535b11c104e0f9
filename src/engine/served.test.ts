import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Release } from '../core/generation.js';
import { Served } from './served.js';

function scene() {
  const state = { now: 0, current: 'g-1' as string | undefined, away: false, asked: 0 };
  const releases = {
    current: async () => {
      state.asked += 1;
      if (state.away) throw new Error('connection refused');
      return state.current === undefined ? undefined : ({ generation: state.current } as Release);
    },
  };
  const served = new Served(releases, { now: () => state.now });
  const told: string[] = [];
  const ask = async (id: string, collection = 'c'): Promise<string[]> => {
    told.length = 0;
    served.when({ id, tenant: 't', collection }, () => told.push(id));
    await turn();
    return [...told];
  };
  return { state, ask };
}

describe('Served', () => {
  it('tells the served generation from others, and follows a switch within a second', async () => {
    const { state, ask } = scene();
    expect(await ask('g-1')).toEqual(['g-1']);
    expect(await ask('g-2')).toEqual([]);
    state.current = 'g-2';
    state.now = 999;
    expect(await ask('g-2')).toEqual([]);
    expect(state.asked).toBe(1);
    state.now = 1000;
    expect(await ask('g-2')).toEqual(['g-2']);
    expect(await ask('g-1')).toEqual([]);
    expect(state.asked).toBe(2);
    await ask('g-2', 'another');
    expect(state.asked).toBe(3);
  });

  it('tells nothing while the catalog is away, and asks again', async () => {
    const { state, ask } = scene();
    state.away = true;
    expect(await ask('g-1')).toEqual([]);
    state.away = false;
    expect(await ask('g-1')).toEqual(['g-1']);
  });
});
