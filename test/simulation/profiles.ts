import type { Random } from '../../src/runtime/random.js';

/** What can happen in the world, with its weight where a profile says nothing else. */
const WEIGHTS = {
  edit: 22,
  list: 12,
  apiWrite: 18,
  publish: 12,
  work: 7,
  kill: 5,
  stall: 5,
  jump: 2,
  build: 3,
  release: 3,
  drop: 1,
  read: 8,
  blackout: 1,
  removeByHand: 1,
  purge: 1,
  repair: 5,
  replay: 3,
  trim: 2,
  expire: 1,
  migrate: 3,
};

export type OperationName = keyof typeof WEIGHTS;

export interface Profile {
  readonly name: string;
  readonly weights?: Readonly<Partial<Record<OperationName, number>>>;
  /** Kinds of processes that stall and die rather than others. */
  readonly victims: readonly string[];
  /** How often they stand still where it matters. */
  readonly stalls: number;
  /** The keys of each source's items. */
  readonly keys: readonly string[];
  /** How often the bytes of an item are some that it had before. */
  readonly same: number;
  /** How often only a read tells whether an item changed. */
  readonly fresh: number;
  /** How often a change is a deletion. */
  readonly deletes: number;
  /** How often a listing goes over its source twice. */
  readonly again: number;
  /** Steps between two operations: mostly few, so that much is under way at once; sometimes enough to settle. */
  readonly pauses: readonly number[];
}

const USUAL = {
  victims: ['listing'],
  stalls: 0.25,
  keys: ['a', 'b', 'c'],
  same: 0.35,
  fresh: 0.1,
  deletes: 0.25,
  again: 0.1,
  pauses: [0, 2, 5, 10, 20, 40, 80, 200],
};

/**
 * A history is of one kind: what has to meet for a guard to matter is rare where everything happens, and frequent where
 * little else does.
 */
const PROFILES: readonly Profile[] = [
  { name: 'everything', ...USUAL },
  {
    name: 'log moves',
    ...USUAL,
    again: 0.7,
    pauses: [0, 5, 20, 80, 200, 300],
    weights: { list: 24, migrate: 5, apiWrite: 6, publish: 6, work: 10, build: 0, drop: 0, read: 2, repair: 2 },
  },
  {
    name: 'forgotten tombstones',
    ...USUAL,
    victims: ['publisher'],
    stalls: 0.6,
    keys: ['a', 'b'],
    deletes: 0.45,
    pauses: [0, 5, 20, 80, 200, 300],
    weights: {
      apiWrite: 40,
      publish: 44,
      purge: 16,
      edit: 4,
      list: 4,
      work: 10,
      replay: 1,
      build: 0,
      migrate: 0,
      read: 2,
      repair: 0,
    },
  },
  {
    name: 'forgotten items',
    ...USUAL,
    victims: ['listing', 'builder'],
    stalls: 0.6,
    again: 0.8,
    keys: ['a', 'b'],
    deletes: 0.45,
    pauses: [0, 5, 20, 80, 200, 300],
    weights: {
      purge: 40,
      edit: 40,
      list: 40,
      work: 14,
      build: 12,
      apiWrite: 0,
      publish: 0,
      replay: 1,
      migrate: 0,
      read: 2,
      repair: 1,
    },
  },
  {
    name: 'texts that come and go',
    ...USUAL,
    victims: ['worker'],
    keys: ['a', 'c'],
    same: 0.9,
    stalls: 0.5,
    weights: { expire: 14, apiWrite: 30, publish: 24, work: 16, stall: 10, build: 4, read: 2, migrate: 0, edit: 10 },
  },
  {
    name: 'generations',
    ...USUAL,
    victims: ['builder'],
    weights: { build: 16, drop: 8, trim: 24, release: 6, work: 12, stall: 8, kill: 8, read: 3, migrate: 0, repair: 6 },
  },
  {
    name: 'sweeps',
    ...USUAL,
    weights: { repair: 20, list: 20, work: 12, build: 4, read: 2, migrate: 0, jump: 4, trim: 0 },
  },
  {
    name: 'owners',
    ...USUAL,
    stalls: 0.85,
    keys: ['a'],
    same: 0.9,
    fresh: 0.9,
    deletes: 0.1,
    again: 0.2,
    pauses: [0, 2, 5, 10, 20, 40],
    weights: {
      list: 60,
      edit: 90,
      stall: 6,
      kill: 6,
      removeByHand: 5,
      apiWrite: 2,
      publish: 2,
      build: 0,
      read: 1,
      repair: 1,
      migrate: 2,
      blackout: 0,
    },
  },
  {
    name: 'zombies',
    ...USUAL,
    victims: ['worker'],
    weights: { work: 24, stall: 14, trim: 12, list: 16, build: 2, read: 2, repair: 2, migrate: 0 },
  },
];

/** @param name only this one */
export function anyProfile(random: Random, name?: string): Profile {
  const any = random.pick(PROFILES);
  return PROFILES.find((profile) => profile.name === name) ?? any;
}

/** Which operation comes next. */
export function anyOperation(random: Random, { weights }: Profile): OperationName {
  const names = Object.keys(WEIGHTS) as OperationName[];
  const weightOf = (name: OperationName): number => weights?.[name] ?? WEIGHTS[name];
  let at = random.below(names.reduce((sum, name) => sum + weightOf(name), 0));
  for (const name of names) {
    at -= weightOf(name);
    if (at < 0) return name;
  }
  throw new Error('unreachable');
}
