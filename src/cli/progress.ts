import cliProgress from 'cli-progress';
import type { Host } from './host.js';
import { duration, size } from './output.js';

export interface Progress {
  /** `total` may be absent or grow while it is found out. */
  update(done: number, total?: number): void;
  stop(): void;
}

/** Between two lines where there is no terminal. */
const LINE_MS = 3000;

/** A bar with rate and time left on a terminal, a line every few seconds elsewhere; on standard error. */
export function createProgress(host: Host, label: string, unit: 'bytes' | 'files' | 'queries' | 'steps'): Progress {
  return host.stderr.isTTY ? bar(host, label, unit) : lines(host, label, unit);
}

function amount(value: number, unit: string): string {
  return unit === 'bytes' ? size(value) : String(value);
}

/** A rate measured for less time than this tells nothing. */
const PACE_MS = 1000;

/**
 * What is done in a second, and how long the rest takes at that rate; nothing while that would be a guess. Measured from the
 * first thing that was done: before it, nothing was on its way (pip, say, was fetching the archive).
 */
export class Pace {
  #from: { readonly at: number; readonly done: number } | undefined;

  constructor(private readonly unit: string) {}

  /** @param now milliseconds of any one clock */
  tell(now: number, done: number, total: number | undefined): string {
    if (done > 0) this.#from ??= { at: now, done };
    const { at, done: first } = this.#from ?? { at: now, done };
    if (now - at < PACE_MS || done === first) return '';
    const rate = ((done - first) / (now - at)) * 1000;
    const told = this.unit === 'bytes' ? size(rate) : rate.toFixed(rate < 10 ? 1 : 0);
    const left = total !== undefined && total > done ? `, ${duration(((total - done) / rate) * 1000)} left` : '';
    return `${told}/s${left}`;
  }
}

function bar(host: Host, label: string, unit: string): Progress {
  const pace = new Pace(unit);
  const shown = new cliProgress.SingleBar({
    stream: host.stderr,
    format: `${label} [{bar}] {percentage}% {amount} {pace}`,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    hideCursor: true,
    clearOnComplete: true,
    // Signals are ours; the bar is stopped by whoever started it.
    gracefulExit: false,
    emptyOnZero: true,
    fps: 10,
  });
  let started = false;
  return {
    update(done, total) {
      const of = Math.max(done, total ?? 0);
      const payload = {
        amount: `${amount(done, unit)}${total === undefined ? '' : `/${amount(total, unit)}`}`,
        pace: pace.tell(performance.now(), done, total),
      };
      if (!started) {
        shown.start(of, done, payload);
        started = true;
      }
      shown.setTotal(of);
      shown.update(done, payload);
    },
    stop() {
      if (started) shown.stop();
      started = false;
    },
  };
}

function lines(host: Host, label: string, unit: string): Progress {
  const pace = new Pace(unit);
  let last = performance.now();
  return {
    update(done, total) {
      const now = performance.now();
      const rate = pace.tell(now, done, total);
      if (now - last < LINE_MS || done === 0) return;
      last = now;
      const of = total === undefined ? '' : `/${amount(total, unit)}`;
      host.stderr.write(`${label}: ${amount(done, unit)}${of}${rate === '' ? '' : `, ${rate}`}\n`);
    },
    stop() {
      last = Number.POSITIVE_INFINITY;
    },
  };
}
