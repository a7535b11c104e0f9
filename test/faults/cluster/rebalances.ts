import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigInput } from '../../../src/core/config.js';
import type { Engine } from '../../../src/engine/open.js';
import { Random } from '../../../src/runtime/random.js';
import { ClusterMember } from './member.js';
import type { Disturbance } from './run.js';

const MOST = 5;
const LEAST = 2;

export interface RebalancePlan {
  readonly seed: number;
  readonly actions: number;
  /** After which the group takes a member for dead. */
  readonly sessionTimeoutMs: number;
  readonly onAction?: (action: string, total: number) => void;
}

type Action = 'join' | 'leave' | 'suspend';

/** Workers that come, go in order, and are suspended until the group has forgotten them, then wake: zombies. */
export class Rebalances implements Disturbance {
  readonly actions: Record<Action, number> = { join: 0, leave: 0, suspend: 0 };
  readonly #random: Random;
  readonly #running: ClusterMember[] = [];
  readonly #suspended = new Set<ClusterMember>();
  readonly #ends: Promise<unknown>[] = [];
  readonly #loop: Promise<void>;
  #failure: Error | undefined;
  #over = false;

  constructor(
    private readonly config: ConfigInput,
    private readonly engine: Engine,
    private readonly plan: RebalancePlan,
  ) {
    this.#random = new Random(plan.seed);
    for (let n = 0; n < 3; n += 1) this.#start('worker');
    const connector = new ClusterMember({ config, role: 'connect' });
    this.#watch(connector);
    this.#ends.push(this.#whenOver().then(() => connector.stop()));
    this.#loop = this.#disturb().catch((error: Error) => {
      this.#failure ??= error;
    });
  }

  get total(): number {
    return Object.values(this.actions).reduce((sum, each) => sum + each, 0);
  }

  async pace(step: number, of: number): Promise<void> {
    const share = (this.plan.actions * (step + 1)) / of;
    for (let idle = 0; this.total < share && idle < 4;) {
      if (this.#failure) throw this.#failure;
      await sleep(250);
      idle = (await this.engine.pending()) === 0 ? idle + 1 : 0;
    }
    if (this.#failure) throw this.#failure;
  }

  async end(): Promise<void> {
    while (this.total < this.plan.actions && !this.#failure) await sleep(250);
    this.#over = true;
    await this.#loop;
    await Promise.all([...this.#ends, ...this.#running.map((member) => member.stop())]);
    if (this.#failure) throw this.#failure;
  }

  async #disturb(): Promise<void> {
    while (!this.#over && !this.#failure) {
      await sleep(300 + this.#random.below(1500));
      if (this.total >= this.plan.actions) continue;
      const awake = this.#running.filter((member) => !this.#suspended.has(member));
      const possible: Action[] = [];
      if (this.#running.length < MOST) possible.push('join');
      if (awake.length > LEAST) possible.push('leave');
      if (awake.length > 0) possible.push('suspend', 'suspend');
      const action = this.#random.pick(possible);
      if (action === 'join') this.#start('worker');
      else if (action === 'leave') this.#leave(this.#random.pick(awake));
      else this.#suspend(this.#random.pick(awake));
      this.actions[action] += 1;
      this.plan.onAction?.(action, this.total);
    }
  }

  #start(role: 'worker'): void {
    const member = new ClusterMember({ config: this.config, role });
    this.#watch(member);
    this.#running.push(member);
  }

  #leave(member: ClusterMember): void {
    this.#running.splice(this.#running.indexOf(member), 1);
    this.#ends.push(member.stop());
  }

  #suspend(member: ClusterMember): void {
    this.#suspended.add(member);
    member.signal('SIGSTOP');
    this.#ends.push(
      sleep(this.plan.sessionTimeoutMs + 500 + this.#random.below(4000)).then(() => {
        member.signal('SIGCONT');
        this.#suspended.delete(member);
      }),
    );
  }

  #watch(member: ClusterMember): void {
    member.ended.catch((error: Error) => {
      this.#failure ??= error;
    });
  }

  async #whenOver(): Promise<void> {
    while (!this.#over) await sleep(200);
  }
}
