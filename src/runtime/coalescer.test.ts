import { describe, expect, it } from 'vitest';
import { FootnoteError } from '../core/errors.js';
import { Coalescer } from './coalescer.js';

describe('calls that share runs', () => {
  const recorded = (most = 100, apart?: (item: string) => string) => {
    const runs: string[][] = [];
    const coalescer = new Coalescer<string, string>(
      async (items) => {
        runs.push([...items]);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return items.map((item) => item.toUpperCase());
      },
      { most, ...(apart ? { apart } : {}) },
    );
    return { runs, coalescer };
  };

  it('come together in the same turn and while a run is under way, each with its own answer', async () => {
    const { runs, coalescer } = recorded();
    const first = ['a', 'b'].map((item) => coalescer.ask(item));
    await new Promise((resolve) => setTimeout(resolve, 2));
    const second = ['c', 'd'].map((item) => coalescer.ask(item));
    expect(await Promise.all([...first, ...second])).toEqual(['A', 'B', 'C', 'D']);
    expect(runs).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(await coalescer.ask('e')).toBe('E');
  });

  it('are no more a run than is allowed', async () => {
    const { runs, coalescer } = recorded(2);
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((item) => coalescer.ask(item)));
    expect(runs).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  it('keep apart what may not share one, in its order', async () => {
    const { runs, coalescer } = recorded(100, (item) => item[0]!);
    await Promise.all(['a1', 'a2', 'b1', 'a3', 'b2'].map((item) => coalescer.ask(item)));
    expect(runs).toEqual([['a1', 'b1'], ['a2', 'b2'], ['a3']]);
  });

  const failing = (error: FootnoteError) => {
    let runs = 0;
    const coalescer = new Coalescer<string, string>(
      async (items) => {
        runs += 1;
        if (items.includes('bad')) throw error;
        return [...items];
      },
      { most: 100 },
    );
    const asked = Promise.allSettled(['a', 'bad', 'b'].map((item) => coalescer.ask(item)));
    return asked.then((each) => ({ states: each.map(({ status }) => status), runs }));
  };

  it('fail alone where one of them is to blame', async () => {
    const { states } = await failing(new FootnoteError('invalid_request', 'It holds NUL.'));
    expect(states).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('fail together where trying again later can help', async () => {
    const { states, runs } = await failing(new FootnoteError('unavailable', 'The server is away.'));
    expect({ states, runs }).toEqual({ states: ['rejected', 'rejected', 'rejected'], runs: 1 });
  });
});
