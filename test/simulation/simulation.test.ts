import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { CAUGHT } from './caught.js';
import { MUTANTS } from './mutants.js';
import { simulate } from './simulate.js';
import { mutantTable } from './table.js';

const OPERATIONS = 200;
const SEEDS = 150;
/** The same on every supported Node version. A change of the protocol or of the simulation changes them: run it and look. */
const HASHES: Readonly<Record<number, string>> = { 0: 'bad2e28a', 7: '4f9d5dba', 42: '3a0f325f' };
/** Found among ten thousand, and mended. */
const ONCE_BROKEN = [2975, 8105, 9703];
const DECISION = new URL('../../docs/decisions/0002-protocol-and-its-mutants.md', import.meta.url);

describe('the protocol under simulation', () => {
  it(`breaks no law in ${SEEDS} histories of ${OPERATIONS} operations`, async () => {
    const broken: string[] = [];
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const { violation } = await simulate(seed, OPERATIONS);
      if (violation !== undefined) broken.push(`seed ${seed}: ${violation}`);
    }
    expect(broken).toEqual([]);
  });

  it.each(ONCE_BROKEN)('breaks none at seed %i, where it once did', async (seed) => {
    expect((await simulate(seed, OPERATIONS)).violation).toBeUndefined();
  });

  it('runs the same history for the same seed', async () => {
    for (const [seed, hash] of Object.entries(HASHES)) {
      const first = await simulate(Number(seed), OPERATIONS);
      expect(await simulate(Number(seed), OPERATIONS)).toEqual(first);
      expect(`${seed} ${first.hash}`).toBe(`${seed} ${hash}`);
    }
  });
});

describe('a guard of the protocol that is gone is noticed', () => {
  it.each(Object.entries(CAUGHT))('%s, at %o', async (name, { seed, profile }) => {
    const { violation } = await simulate(seed, OPERATIONS, name, undefined, profile);
    expect(violation).toBeDefined();
    // The world as designed has no such history at this seed.
    expect((await simulate(seed, OPERATIONS, undefined, undefined, profile)).violation).toBeUndefined();
  });

  it('whichever it is, or the table says why not', () => {
    const reasons = Object.entries(MUTANTS).filter(([, { harmless, testedBy }]) => harmless ?? testedBy);
    const told = [...Object.keys(CAUGHT), ...reasons.map(([name]) => name)];
    expect(told.sort()).toEqual(Object.keys(MUTANTS).sort());
  });

  it('and written down', async () => {
    expect(await readFile(DECISION, 'utf8')).toContain(mutantTable());
  });
});
