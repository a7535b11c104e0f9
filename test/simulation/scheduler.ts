import { FootnoteError } from '../../src/core/errors.js';
import type { Clock } from '../../src/core/ports/clock.js';
import type { Random } from '../../src/runtime/random.js';

/** A process of the simulated world: what dies, stalls or goes on as a zombie together. */
export interface Process {
  readonly id: number;
  readonly name: string;
  /** The step it began at. */
  readonly startedAt: number;
  alive: boolean;
  /** Not scheduled before this step. */
  stalledUntil: number;
  /** Dies after so many more effects. */
  effectsLeft?: number;
  /** Stands still before so many more effects (of one kind, or of any), for so many steps and so long. */
  stall?: { before: number; readonly op?: number; readonly steps: number; readonly ms: number };
}

/** What the ports of a process need of the scheduler; a clean build answers at once. */
export interface Turns {
  call<T>(process: Process, op: number, effect: () => T): Promise<T>;
  now(): number;
}

interface Pending {
  readonly process: Process;
  readonly op: number;
  readonly effect: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Timer {
  readonly at: number;
  readonly process: Process;
  readonly fire: () => void;
  done: boolean;
}

/** Turns of the microtask queue between two effects: enough for a task to come to its next port call. */
const DRAIN_TURNS = 12;

/**
 * Runs many processes in one thread, one effect at a time. Every port call waits here until the seeded choice falls on it;
 * its effect is atomic. A killed process's calls are never answered, so whatever it had done stays and nothing follows.
 */
export class Scheduler {
  readonly #ready: Pending[] = [];
  readonly #timers: Timer[] = [];
  #now = Date.UTC(2026, 0, 1);
  #ids = 0;
  steps = 0;
  /** FNV-1a over every choice and outcome: two runs are the same run when these are equal. */
  hash = 0x811c9dc5;
  trace: ((line: string) => void) | undefined;
  /** A process has had its last effect. */
  onSpent: (process: Process) => void = (process) => this.kill(process);
  /** What an effect broke; it ends the run after the step. */
  broken: Error | undefined;

  constructor(readonly random: Random) {}

  spawn(name: string): Process {
    this.#ids += 1;
    return { id: this.#ids, name, startedAt: this.steps, alive: true, stalledUntil: 0 };
  }

  kill(process: Process): void {
    process.alive = false;
    this.note(1000 + process.id);
    this.trace?.(`kill ${process.name}#${process.id}`);
  }

  note(value: number): void {
    this.hash = Math.imul(this.hash ^ (value & 0xffff), 0x01000193) >>> 0;
  }

  /** One port call: queued until chosen, then its effect happens at once. */
  call<T>(process: Process, op: number, effect: () => T): Promise<T> {
    this.#mayStall(process, op);
    return new Promise<T>((resolve, reject) => {
      this.#ready.push({ process, op, effect, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** Whether a living process of this kind stands right before such an effect. */
  isBefore(op: number, kind?: string): boolean {
    return this.#ready.some(
      ({ process, op: next }) => process.alive && next === op && (kind === undefined || process.name === kind),
    );
  }

  clockOf(process: Process): Clock {
    return {
      now: () => this.#now,
      sleep: (ms, signal) => this.#sleep(process, ms, signal),
    };
  }

  now(): number {
    return this.#now;
  }

  jump(ms: number): void {
    this.#now += ms;
  }

  /** Takes one step. @returns false when nothing can run, not even after advancing the clock */
  async step(): Promise<boolean> {
    for (let turn = 0; turn < DRAIN_TURNS; turn += 1) await Promise.resolve();
    if (this.#ready.length === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    this.steps += 1;
    this.#now += 1;
    this.#fireDue();
    const chosen = this.#choose();
    if (chosen) {
      this.#run(chosen);
      return true;
    }
    return this.#advance();
  }

  #run(pending: Pending): void {
    this.note(pending.process.id * 64 + pending.op);
    try {
      const value = pending.effect();
      if (this.trace) this.trace(`${this.steps} ${pending.process.name}#${pending.process.id} ${names[pending.op]} ok`);
      if (pending.process.effectsLeft !== undefined && (pending.process.effectsLeft -= 1) <= 0) {
        this.onSpent(pending.process);
        return;
      }
      pending.resolve(value);
    } catch (error) {
      if (this.trace)
        this.trace(`${this.steps} ${pending.process.name}#${pending.process.id} ${names[pending.op]} ${String(error)}`);
      if (error instanceof Violation) this.broken ??= error;
      pending.reject(error);
    }
  }

  #mayStall(process: Process, op: number): void {
    const { stall } = process;
    if (!stall || (stall.op ?? op) !== op || (stall.before -= 1) > 0) return;
    process.stalledUntil = this.steps + stall.steps;
    this.jump(stall.ms);
    delete process.stall;
  }

  #choose(): Pending | undefined {
    const ready = this.#ready;
    for (let tries = 0; ready.length > 0 && tries < 8; tries += 1) {
      const index = this.random.below(ready.length);
      const pending = ready[index]!;
      if (pending.process.alive && pending.process.stalledUntil > this.steps) continue;
      ready[index] = ready[ready.length - 1]!;
      ready.pop();
      if (pending.process.alive) return pending;
    }
    // Only stalled ones, it seems: take the first that may run, dropping the dead.
    for (let index = 0; index < ready.length; index += 1) {
      const pending = ready[index]!;
      if (!pending.process.alive) {
        ready.splice(index, 1);
        index -= 1;
      } else if (pending.process.stalledUntil <= this.steps) {
        ready.splice(index, 1);
        return pending;
      }
    }
    return undefined;
  }

  #sleep(process: Process, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (signal?.aborted) {
        reject(new FootnoteError('cancelled', 'aborted'));
        return;
      }
      const timer: Timer = { at: this.#now + Math.max(1, ms), process, fire: resolve, done: false };
      this.#timers.push(timer);
      signal?.addEventListener('abort', () => {
        timer.done = true;
        reject(new FootnoteError('cancelled', 'aborted'));
      });
    });
  }

  #fireDue(): void {
    for (let i = this.#timers.length - 1; i >= 0; i -= 1) {
      const timer = this.#timers[i]!;
      if (timer.done || !timer.process.alive) {
        this.#timers.splice(i, 1);
      } else if (timer.at <= this.#now && timer.process.stalledUntil <= this.steps) {
        this.#timers.splice(i, 1);
        timer.fire();
      }
    }
  }

  /** Nothing is ready: on to the next timer, or past the stalls. */
  #advance(): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.done || !timer.process.alive) continue;
      if (!next || timer.at < next.at) next = timer;
    }
    if (next) this.#now = Math.max(this.#now, next.at);
    const stalled = this.#ready.some((pending) => pending.process.alive);
    return next !== undefined || stalled;
  }
}

/** A law was broken. */
export class Violation extends Error {}

const names: string[] = [];

/** A small number for each operation's name, in order of first use by the models. */
export function opNumber(name: string): number {
  const index = names.indexOf(name);
  if (index >= 0) return index;
  names.push(name);
  return names.length - 1;
}
