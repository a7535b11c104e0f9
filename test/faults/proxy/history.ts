import type { JsonObject } from '../../../src/core/json.js';
import { Random } from '../../../src/runtime/random.js';
import type { Content } from '../kill/corpus.js';

export type Write =
  | {
      readonly op: 'put';
      readonly key: string;
      readonly content: Content;
      /** More than one part of an upload. */
      readonly large: boolean;
      readonly metadata: JsonObject;
      readonly principals: readonly string[];
      /** Sent with an idempotency key. */
      readonly once: boolean;
      readonly wait: boolean;
    }
  | { readonly op: 'patch'; readonly key: string; readonly principals: readonly string[]; readonly wait: boolean }
  | { readonly op: 'delete'; readonly key: string; readonly wait: boolean };

/** What is written at once, each document at most once, and which documents are there once it was accepted. */
export interface Step {
  readonly writes: readonly Write[];
  readonly living: readonly string[];
  readonly deleted: readonly string[];
}

interface State {
  version: number;
  deleted: boolean;
}

const DOCUMENTS = 12;
const STEPS = 12;
const AT_ONCE = 4;
/** All may be read by who writes. */
const PRINCIPALS = [['local'], ['local', 'staff'], ['local', 'board'], ['local', 'staff', 'board']];
const ENDINGS = ['md', 'html', 'txt'];

/** Puts, changes, re-permissions, deletes and makes anew, a few documents at once; the same seed gives the same history. */
export function makeHistory(seed: number): Step[] {
  const random = new Random(seed);
  const documents = new Map<string, State>();
  const keys = Array.from({ length: DOCUMENTS }, (_, n) => `doc-${n}.${ENDINGS[n % ENDINGS.length]}`);
  // A seed in three has one document that is uploaded in parts.
  const large = seed % 3 === 0 ? keys[1] : undefined;
  return Array.from({ length: STEPS }, () => {
    const untouched = new Set(keys);
    const writes = Array.from({ length: 1 + random.below(AT_ONCE) }, () => {
      const key = random.pick([...untouched]);
      untouched.delete(key);
      return next(random, key, documents, key === large);
    });
    const are = (deleted: boolean) =>
      [...documents].filter(([, state]) => state.deleted === deleted).map(([key]) => key);
    return { writes, living: are(false), deleted: are(true) };
  });
}

function next(random: Random, key: string, documents: Map<string, State>, large: boolean): Write {
  const state = documents.get(key);
  const wait = random.chance(0.3);
  if (state && !state.deleted) {
    const dice = random.next();
    if (dice < 0.25) {
      state.deleted = true;
      return { op: 'delete', key, wait };
    }
    if (dice < 0.5) return { op: 'patch', key, principals: random.pick(PRINCIPALS), wait };
  }
  const version = (state?.version ?? -1) + 1;
  documents.set(key, { version, deleted: false });
  // Made anew it may have what it had before it was deleted.
  const content = { version: random.chance(0.2) ? 0 : version, broken: !large && random.chance(0.06) };
  const metadata = { year: 2000 + random.below(30) };
  return {
    ...{ op: 'put' as const, key, content, large, metadata, principals: random.pick(PRINCIPALS) },
    ...{ once: random.chance(0.5), wait },
  };
}
