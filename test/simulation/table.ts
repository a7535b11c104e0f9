import { CAUGHT, type CaughtAt } from './caught.js';
import { MUTANTS } from './mutants.js';

/** The mutants as they stand in docs/decisions/0002-protocol-and-its-mutants.md. */
export function mutantTable(): string {
  const lines = Object.entries(MUTANTS).map(([name, { removes, law, harmless }]) => {
    const caught = CAUGHT[name];
    const outcome = caught === undefined ? `economy: ${harmless ?? 'no reason given'}` : at(caught);
    return `| \`${name}\` | ${removes} | ${law} | ${outcome} |`;
  });
  return ['| mutant | what is gone | breaks | caught at |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

function at({ seed, profile }: CaughtAt): string {
  return profile === undefined ? `seed ${seed}` : `seed ${seed} of ${profile}`;
}
