import { MUTANTS } from './mutants.js';
import type { Mutant } from './mutants/mutant.js';
import { randomOperation, startWorker } from './operations.js';
import { anyProfile } from './profiles.js';
import { checkQuiescent, quiesce } from './quiesce.js';
import { Random } from '../../src/runtime/random.js';
import { Scheduler } from './scheduler.js';
import { World } from './world.js';

export interface Run {
  readonly seed: number;
  /** Equal for equal runs. */
  readonly hash: string;
  readonly steps: number;
  readonly events: number;
  readonly violation?: string;
}

const AS_DESIGNED: Mutant = { removes: 'nothing', law: '' };

/** One seeded history of the world: `operations` random ones, then quiescence, checked all along. */
export async function simulate(
  seed: number,
  operations: number,
  mutant?: string,
  trace?: (line: string) => void,
  profile?: string,
): Promise<Run> {
  const guard = mutant === undefined ? AS_DESIGNED : MUTANTS[mutant];
  if (!guard) throw new Error(`There is no mutant ${mutant ?? ''}: one of ${Object.keys(MUTANTS).join(', ')}.`);
  const random = new Random(seed);
  const scheduler = new Scheduler(random);
  scheduler.trace = trace;
  const world = new World(scheduler, random, guard, anyProfile(random, profile));
  let violation: string | undefined;
  try {
    startWorker(world, world.catalog.release!.generation);
    for (let i = 0; i < operations; i += 1) {
      world.attend();
      randomOperation(world);
      for (let pause = random.pick(world.profile.pauses); pause > 0; pause -= 1) {
        const more = await scheduler.step();
        if (scheduler.broken) throw scheduler.broken;
        world.oracle.check();
        if (!more) break;
      }
    }
    await quiesce(world);
    await checkQuiescent(world);
  } catch (error) {
    violation = error instanceof Error ? error.message : String(error);
    if (trace && error instanceof Error) trace(error.stack ?? '');
  }
  for (const entry of [...world.processes]) world.kill(entry.process);
  return {
    seed,
    hash: scheduler.hash.toString(16).padStart(8, '0'),
    steps: scheduler.steps,
    events: world.history.length,
    ...(violation === undefined ? {} : { violation }),
  };
}
