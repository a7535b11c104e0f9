import { createHash } from 'node:crypto';
import { Random } from '../../../src/runtime/random.js';

/** What can be done to a request, by the name that reports give it. */
export const FAULTS = [
  'delay',
  'drop',
  'reset_after_apply',
  'truncate',
  'status_429',
  'status_503',
  'status_503_after_apply',
  'wait_timeout',
  'partial',
] as const;
export type FaultName = (typeof FAULTS)[number];

export interface PlannedFault {
  readonly name: FaultName;
  /** Milliseconds that something takes longer. */
  readonly ms: number;
  /** What a Retry-After asks for. */
  readonly seconds: number;
}

/** A seed is quiet, restless or stormy. */
const RATES = [0.03, 0.08, 0.2];

/**
 * Which requests are struck, and how: a function of the seed, the request's name and how many of that name came before. So
 * a seed replays the same faults on the same requests, in whatever order requests of different names come.
 */
export class FaultPlan {
  #seed: number | undefined;
  #rate = 0;
  #seen = new Map<string, number>();
  readonly struck: Record<string, Record<string, number>> = {};

  begin(seed: number): void {
    this.#seed = seed;
    this.#rate = new Random(seed).pick(RATES);
    this.#seen = new Map();
  }

  /** Everything passes from now on. */
  stop(): void {
    this.#seed = undefined;
  }

  /**
   * @param kinds that make sense for this request
   * @param share of the seed's rate that it gets: what comes all the time whoever does what gets little
   */
  decide(request: string, kinds: readonly FaultName[], share = 1): PlannedFault | undefined {
    if (this.#seed === undefined) return undefined;
    const before = this.#seen.get(request) ?? 0;
    this.#seen.set(request, before + 1);
    const random = new Random(numberOf(`${this.#seed} ${request} ${before}`));
    if (!random.chance(this.#rate * share)) return undefined;
    const name = random.pick(kinds);
    const of = (this.struck[name] ??= {});
    of[request] = (of[request] ?? 0) + 1;
    return { name, ms: 10 + random.below(60), seconds: random.below(2) };
  }
}

function numberOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32LE();
}
