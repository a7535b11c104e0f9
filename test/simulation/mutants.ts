import type { Mutant } from './mutants/mutant.js';
import { APPLY } from './mutants/apply.js';
import { FREE } from './mutants/free.js';
import { GENERATIONS } from './mutants/generations.js';
import { ORDER } from './mutants/order.js';
import { READ } from './mutants/read.js';
import { SOURCES } from './mutants/sources.js';
import { TOMBSTONES } from './mutants/tombstones.js';

/** Guards of the protocol, each removed alone; docs/decisions/0002-protocol-and-its-mutants.md lists them. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  ...ORDER,
  ...APPLY,
  ...READ,
  ...FREE,
  ...SOURCES,
  ...GENERATIONS,
  ...TOMBSTONES,
};
