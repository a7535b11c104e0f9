import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ConfigInput } from '../../src/engine.js';
import { openEngine } from '../../src/engine.js';

/** The API process under measurement: a real engine behind its HTTP server, which also tells how late its event loop was. */

export type ToServer = { readonly kind: 'open'; readonly config: ConfigInput } | { readonly kind: 'delay' | 'close' };
export type FromServer =
  | { readonly kind: 'open'; readonly url: string }
  | { readonly kind: 'delay'; readonly delay: Delay }
  | { kind: 'closed' };

/** Milliseconds by which the event loop was late since the last reading; `seconds` is how long that was. */
export interface Delay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly seconds: number;
}

/** Of the timer whose lateness is measured, ms. The histogram holds whole intervals, this included. */
const RESOLUTION = 1;

const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
histogram.enable();
let since = performance.now();
let close = (): Promise<void> => Promise.resolve();

async function answer(message: ToServer): Promise<FromServer> {
  switch (message.kind) {
    case 'open': {
      const engine = await openEngine(message.config);
      close = () => engine.close();
      return { kind: 'open', url: (await engine.serve()).url };
    }
    case 'delay': {
      const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION);
      const now = performance.now();
      const delay = {
        p50: late(histogram.percentile(50)),
        p99: late(histogram.percentile(99)),
        max: late(histogram.max),
        seconds: (now - since) / 1000,
      };
      histogram.reset();
      since = now;
      return { kind: 'delay', delay };
    }
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
