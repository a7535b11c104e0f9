import { openSync, writeFileSync, writeSync } from 'node:fs';
import type { FaultPoints } from '../../src/runtime/faults.js';
import { killAt } from '../../src/runtime/faults.js';
import { makeScript } from './kill/script.js';
import type { ScriptOptions } from './kill/script.js';
import type { Reindexing } from './kill/reindexing.js';
import { work } from './kill/work.js';

export interface Kill {
  readonly point: string;
  readonly count: number;
  /** Counted only once this point was reached. */
  readonly after?: string;
}

/** One process of a kill test: its one argument is JSON of this. */
export interface WorkerOptions {
  readonly data: string;
  readonly scratch: string;
  readonly script: ScriptOptions;
  /** Only the shortest way to the script's end. */
  readonly endOnly?: boolean;
  readonly kill?: Kill;
  /** Builds and releases another generation on the way. */
  readonly reindex?: Reindexing;
  /** Where to write each fault point that is reached for a document, when it is reached. */
  readonly marks?: string;
  readonly maxInFlight?: number;
  /** Where to write how often each fault point was reached. */
  readonly counts?: string;
}

const options = JSON.parse(process.argv[2] ?? '{}') as WorkerOptions;
const counts: Record<string, number> = {};
const marks = options.marks === undefined ? undefined : openSync(options.marks, 'w');
const counting: FaultPoints = {
  async reach(name, about) {
    counts[name] = (counts[name] ?? 0) + 1;
    if (marks !== undefined && about !== undefined) writeSync(marks, `${name} ${about}\n`);
  },
};
const script = makeScript(options.script);
await work({
  ...options,
  steps: options.endOnly ? script.end : script.steps,
  faults: options.kill ? killing(options.kill) : counting,
});
if (options.counts !== undefined) writeFileSync(options.counts, JSON.stringify(counts));

function killing({ point, count, after }: Kill): FaultPoints {
  const armed = killAt(point, count);
  let due = after === undefined;
  return {
    async reach(name, about) {
      due ||= name === after;
      if (due) await armed.reach(name, about);
    },
  };
}
