import { performance } from 'node:perf_hooks';
import type { Telemetry } from '../../src/runtime/telemetry.js';

/** Times the stages of one query; repeated stages add up. Milliseconds. */
export class Stopwatch {
  readonly #began = performance.now();
  readonly #stages = new Map<string, number>();

  constructor(private readonly telemetry: Pick<Telemetry, 'observe'>) {}

  async time<T>(stage: string, work: () => Promise<T>): Promise<T> {
    const from = performance.now();
    try {
      return await work();
    } finally {
      this.#add(stage, performance.now() - from);
    }
  }

  timeSync<T>(stage: string, work: () => T): T {
    const from = performance.now();
    try {
      return work();
    } finally {
      this.#add(stage, performance.now() - from);
    }
  }

  /** By stage, and `total` since the start; rounded to microseconds. */
  timings(): Record<string, number> {
    const entries = [...this.#stages, ['total', performance.now() - this.#began] as const];
    return Object.fromEntries(entries.map(([stage, ms]) => [stage, Math.round(ms * 1000) / 1000]));
  }

  #add(stage: string, ms: number): void {
    this.#stages.set(stage, (this.#stages.get(stage) ?? 0) + ms);
    this.telemetry.observe(`query_${stage}`, ms / 1000);
  }
}
