import { createHash, randomUUID } from 'node:crypto';
import { FootnoteError, throwIfAborted } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { EngineProcess, Leases, Processes } from '../core/ports/catalog.js';
import type { Clock } from '../core/ports/clock.js';

/** A process that has not told of itself for so long counts as dead, in milliseconds. */
export const PROCESS_TTL_MS = 12_000;
const BEAT_MS = 3000;
/** What is left of dead processes goes after a day. */
const FORGET_MS = 24 * 3_600_000;
const LEASE_MS = 15_000;
const LEASE_AGAIN_MS = 250;

export interface FleetPorts {
  readonly processes: Processes;
  readonly leases: Leases;
  readonly clock: Clock;
  /** What this process tells of itself with each beat. */
  readonly tell: () => JsonObject;
  readonly onFailure: (error: unknown) => void;
}

/**
 * The processes that work on the same servers: each tells that it lives, and knows the others as they were a beat ago. What
 * they decide by it may overlap for a moment; versions and fences keep that harmless (laws 4 and 5).
 */
export class Fleet {
  readonly id = randomUUID();
  readonly #startedAt: string;
  #others: readonly EngineProcess[] = [];

  constructor(
    private readonly ports: FleetPorts,
    readonly role: string,
  ) {
    this.#startedAt = new Date(ports.clock.now()).toISOString();
  }

  /** The processes that live, this one among them, as of the last beat. */
  get alive(): readonly EngineProcess[] {
    return this.#others;
  }

  /** Tells of this process once and looks at the others. */
  async beat(): Promise<void> {
    const { processes, clock, tell } = this.ports;
    const now = clock.now();
    await processes.beat({
      id: this.id,
      role: this.role,
      startedAt: this.#startedAt,
      expiresAt: now + PROCESS_TTL_MS,
      detail: tell(),
    });
    this.#others = await processes.list(now);
  }

  /** Beats until the signal aborts, then leaves. */
  async run(signal: AbortSignal): Promise<void> {
    const { processes, clock, onFailure } = this.ports;
    while (!signal.aborted) {
      await clock.sleep(BEAT_MS, signal).catch(() => undefined);
      if (signal.aborted) break;
      // A catalog that is away stops all processes alike.
      await this.beat().catch(onFailure);
    }
    await processes.leave(this.id).catch(() => undefined);
  }

  /** Removes what is left of processes that died long ago. */
  forgetDead(): Promise<void> {
    return this.ports.processes.forget(this.ports.clock.now() - FORGET_MS);
  }

  /**
   * Whether something is this one's among the processes that do such things: each gets its share, and when one comes or
   * goes, only what was or becomes its own moves (rendezvous hashing).
   */
  owns(name: string, does: (process: EngineProcess) => boolean): boolean {
    const weigh = (id: string): string => createHash('sha256').update(`${id} ${name}`).digest('hex');
    const weights = this.#others.filter(does).map(({ id }) => weigh(id));
    const own = weigh(this.id);
    return weights.every((weight) => weight <= own);
  }

  /**
   * Works while no other process does what goes by this name.
   * @param waitMs how long to wait for another; 0: not at all
   * @returns undefined when another was at it all the time
   */
  async alone<T>(
    name: string,
    waitMs: number,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<{ readonly result: T } | undefined> {
    return withLease(this.ports, `${this.id} ${randomUUID()}`, name, waitMs, signal, work);
  }
}

/** Works under a lease, renewed while it works; its signal aborts when the lease is lost. */
async function withLease<T>(
  { leases, clock }: { readonly leases: Leases; readonly clock: Clock },
  holder: string,
  name: string,
  waitMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<{ readonly result: T } | undefined> {
  const deadline = clock.now() + waitMs;
  let lease = await leases.acquire(name, holder, LEASE_MS, clock.now());
  while (!lease) {
    if (clock.now() >= deadline) return undefined;
    await clock.sleep(LEASE_AGAIN_MS, signal);
    lease = await leases.acquire(name, holder, LEASE_MS, clock.now());
  }
  const held = lease;
  const over = new AbortController();
  const lost = new AbortController();
  const renewing = (async () => {
    for (;;) {
      await clock.sleep(LEASE_MS / 3, over.signal).catch(() => undefined);
      if (over.signal.aborted) return;
      // A catalog that is away tells nothing: asked again, and nobody else can take it over meanwhile either.
      const renewed = await leases.renew(held, LEASE_MS, clock.now()).catch(() => true);
      if (!renewed) return lost.abort(new FootnoteError('conflict', `Another process has taken over: ${name}.`));
    }
  })();
  try {
    // Given back, too, when nobody wants the work any more.
    throwIfAborted(signal);
    return { result: await work(AbortSignal.any([signal, lost.signal])) };
  } finally {
    over.abort();
    await renewing;
    await leases.release(held).catch(() => undefined);
  }
}
