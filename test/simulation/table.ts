import { CAUGHT, type CaughtAt } from './caught.js';
import type { Mutant } from './mutants/mutant.js';
import { MUTANTS } from './mutants.js';

/** The mutants as they stand in docs/decisions/0002-protocol-and-its-mutants.md. */
export function mutantTable(): string {
  const lines = Object.entries(MUTANTS).map(([name, mutant]) => {
    return `| \`${name}\` | ${mutant.removes} | ${mutant.law} | ${outcomeOf(name, mutant)} |`;
  });
  return ['| mutant | what is gone | breaks | caught at |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

function outcomeOf(name: string, { harmless, testedBy }: Mutant): string {
  const caught = CAUGHT[name];
  if (caught) return at(caught);
  return testedBy === undefined ? `economy: ${harmless ?? 'no reason given'}` : `rare: \`${testedBy}\``;
}

function at({ seed, profile }: CaughtAt): string {
  return profile === undefined ? `seed ${seed}` : `seed ${seed} of ${profile}`;
}
