import { setTimeout as sleep } from 'node:timers/promises';
import { FAULT_POINTS } from '../../../pipelines/ingest/fault-points.js';
import type { ConfigInput } from '../../../src/core/config.js';
import type { Engine } from '../../../src/engine/open.js';
import { CONNECT_FAULT_POINTS, LISTING_FAULT_POINTS } from '../../../src/services/listing.js';
import { Random } from '../../../src/runtime/random.js';
import { ClusterMember } from './member.js';
import type { Disturbance } from './run.js';

type Victim = 'worker' | 'connect';

const POINTS: Readonly<Record<Victim, readonly string[]>> = {
  worker: FAULT_POINTS,
  connect: [...LISTING_FAULT_POINTS, ...CONNECT_FAULT_POINTS],
};
/** Reached by few documents. */
const RARE = /row-failed|rejected|letters-removed|blob-deleted|contents-|revisions-freed|outbox:|connect:|forgotten/;
/** A process that does not come to its point by then is killed where it is. */
const PATIENCE_MS = 30_000;
const ANY_TIME = 'at any time';

export interface KillPlan {
  readonly seed: number;
  /** At named points. */
  readonly kills: number;
  readonly workers: number;
  readonly connectors: number;
  /** Further points of workers. */
  readonly points?: readonly string[];
  readonly onKill?: (point: string, total: number) => void;
}

/** Processes each of which dies at a point that was chosen for it when it started, and is started again at once. */
export class Kills implements Disturbance {
  readonly byPoint: Record<string, number>;
  readonly #points: Record<Victim, readonly string[]>;
  readonly #due: Record<Victim, string[]> = { worker: [], connect: [] };
  readonly #random: Random;
  readonly #living = new Set<ClusterMember>();
  readonly #loops: Promise<void>[];
  #failure: Error | undefined;
  #over = false;

  constructor(
    private readonly config: ConfigInput,
    private readonly engine: Engine,
    private readonly plan: KillPlan,
  ) {
    this.#random = new Random(plan.seed);
    this.#points = { ...POINTS, worker: [...POINTS.worker, ...(plan.points ?? [])] };
    this.byPoint = Object.fromEntries(Object.values(this.#points).flatMap((each) => each.map((point) => [point, 0])));
    const roles: Victim[] = [
      ...Array.from({ length: plan.workers }, () => 'worker' as const),
      ...Array.from({ length: plan.connectors }, () => 'connect' as const),
    ];
    this.#loops = roles.map((role) =>
      this.#keep(role).catch((error: Error) => {
        this.#failure ??= error;
      }),
    );
  }

  get total(): number {
    return Object.entries(this.byPoint).reduce((sum, [point, count]) => sum + (point === ANY_TIME ? 0 : count), 0);
  }

  /** Until this step's share of the kills happened, or there is nothing left to do that could make them happen. */
  async pace(step: number, of: number): Promise<void> {
    const share = (this.plan.kills * (step + 1)) / of;
    for (let idle = 0; this.total < share && idle < 4;) {
      if (this.#failure) throw this.#failure;
      await sleep(500);
      idle = (await this.engine.pending()) === 0 ? idle + 1 : 0;
    }
    if (this.#failure) throw this.#failure;
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all([...this.#living].map((member) => member.stop()));
    await Promise.all(this.#loops);
    if (this.#failure) throw this.#failure;
  }

  async #keep(role: Victim): Promise<void> {
    while (!this.#over) {
      const armed = this.total < this.plan.kills;
      const kill = armed ? { kill: this.#next(role) } : {};
      const member = new ClusterMember({ config: this.config, role, ...kill });
      this.#living.add(member);
      let late = false;
      const lose = (): void => {
        late = true;
        member.signal('SIGKILL');
      };
      let patience: NodeJS.Timeout | undefined;
      // From when it works: a busy machine starts it late.
      const wait = (): void => {
        if (armed && this.#living.has(member)) patience = setTimeout(lose, PATIENCE_MS);
      };
      member.ready.then(wait, () => undefined);
      const signal = await member.ended;
      this.#living.delete(member);
      clearTimeout(patience);
      if (signal === undefined) continue;
      const point = late ? ANY_TIME : kill.kill!.point;
      this.byPoint[point] = (this.byPoint[point] ?? 0) + 1;
      this.plan.onKill?.(point, this.total);
    }
  }

  /** Each point as often as every other, in a seeded order. */
  #next(role: Victim): { point: string; count: number } {
    if (this.#due[role].length === 0) this.#due[role] = [...this.#points[role]];
    const due = this.#due[role];
    const [point] = due.splice(this.#random.below(due.length), 1) as [string];
    return { point, count: 1 + this.#random.below(RARE.test(point) ? 2 : 8) };
  }
}
