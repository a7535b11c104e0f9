import { openSync, writeFileSync, writeSync } from 'node:fs';
import type { FaultPoints } from '../../src/runtime/faults.js';
import { killAt } from '../../src/runtime/faults.js';
import { makeScript } from './kill/script.js';
import type { ScriptOptions } from './kill/script.js';
import { work } from './kill/work.js';

/** One process of a kill test: its one argument is JSON of this. */
export interface WorkerOptions {
  readonly data: string;
  readonly scratch: string;
  readonly script: ScriptOptions;
  /** Only the shortest way to the script's end. */
  readonly endOnly?: boolean;
  readonly kill?: { readonly point: string; readonly count: number };
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
  faults: options.kill ? killAt(options.kill.point, options.kill.count) : counting,
});
if (options.counts !== undefined) writeFileSync(options.counts, JSON.stringify(counts));
