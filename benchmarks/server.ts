import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ConfigInput } from '../src/engine.js';
import { openEngine } from '../src/engine.js';
import { quantile } from '../src/services/eval/statistics.js';

/** The API process under measurement: a real engine behind its HTTP server, which also tells how late its event loop was. */

export type ToServer = { readonly kind: 'open'; readonly config: ConfigInput } | { readonly kind: 'delay' | 'close' };
export type FromServer =
  | { readonly kind: 'open'; readonly url: string }
  | { readonly kind: 'delay'; readonly delays: Delays }
  | { readonly kind: 'closed' };

/** Milliseconds. */
export interface Delay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How late the event loop was since the last reading. */
export interface Delays {
  /** By Node's own histogram, with a timer of 1 ms. */
  readonly node: Delay;
  /** Of a timer of 10 ms: all of its lateness … */
  readonly timer: Delay;
  /** … and what of it was not a wait for a core that other threads or programs had: the loop's own doing. */
  readonly own: Delay;
  readonly seconds: number;
}

const NODE_MS = 1;
const TIMER_MS = 10;

const histogram = monitorEventLoopDelay({ resolution: NODE_MS });
histogram.enable();
let timer: number[] = [];
let own: number[] = [];
let since = performance.now();
let tick = since;
let waited = runQueueMs();
setInterval(() => {
  const now = performance.now();
  const waiting = runQueueMs();
  const late = Math.max(0, now - tick - TIMER_MS);
  timer.push(late);
  own.push(Math.max(0, late - (waiting - waited)));
  tick = now;
  waited = waiting;
}, TIMER_MS).unref();

/** Time that the main thread was ready to run and had no core (Linux, sched-stats.rst); 0 where the system doesn't tell. */
function runQueueMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[1]) / 1e6;
  } catch {
    // Another system: every lateness counts as the loop's own.
    return 0;
  }
}

function spread(values: readonly number[]): Delay {
  const sorted = values.toSorted((a, b) => a - b);
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: sorted.at(-1) ?? 0 };
}

function readDelays(): Delays {
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - NODE_MS);
  const now = performance.now();
  const delays = {
    node: { p50: late(histogram.percentile(50)), p99: late(histogram.percentile(99)), max: late(histogram.max) },
    timer: spread(timer),
    own: spread(own),
    seconds: (now - since) / 1000,
  };
  histogram.reset();
  [timer, own, since] = [[], [], now];
  return delays;
}

let close = (): Promise<void> => Promise.resolve();

async function answer(message: ToServer): Promise<FromServer> {
  switch (message.kind) {
    case 'open': {
      const engine = await openEngine(message.config);
      close = () => engine.close();
      return { kind: 'open', url: (await engine.serve()).url };
    }
    case 'delay':
      return { kind: 'delay', delays: readDelays() };
    case 'close':
      await close();
      return { kind: 'closed' };
  }
}

process.on('message', (message: ToServer) => {
  answer(message).then(
    (said) => {
      process.send!(said);
      if (said.kind === 'closed') process.disconnect();
    },
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});
