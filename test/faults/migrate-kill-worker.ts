import type { ConfigInput } from '../../src/engine.js';
import { migrate } from '../../src/engine.js';
import { killAt, noFaults } from '../../src/runtime/faults.js';

/** One process that migrates: its one argument is JSON of this. */
export interface MigrateWorkerOptions {
  readonly from: ConfigInput;
  readonly to: ConfigInput;
  readonly kill?: { readonly point: string; readonly count: number };
}

const { from, to, kill } = JSON.parse(process.argv[2] ?? '{}') as MigrateWorkerOptions;
const names = { source: 'one', target: 'two' };
const request = { names, signal: new AbortController().signal };
await migrate(from, to, request, { faults: kill ? killAt(kill.point, kill.count) : noFaults });
