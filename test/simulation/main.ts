import { parseArgs } from 'node:util';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { MUTANTS } from './mutants.js';
import { type Run, simulate } from './simulate.js';
import { mutantTable } from './table.js';

interface Share {
  readonly from: number;
  readonly to: number;
  readonly stride: number;
  readonly ops: number;
  readonly mutant?: string;
  /** Only histories of this kind. */
  readonly profile?: string;
  /** Ends at the first violation. */
  readonly first: boolean;
}

interface Result {
  readonly runs: number;
  readonly steps: number;
  readonly events: number;
  readonly hashes: number;
  readonly violations: Run[];
}

async function share(of: Share): Promise<Result> {
  const total = { runs: 0, steps: 0, events: 0, hashes: 0 };
  const violations: Run[] = [];
  for (let seed = of.from; seed < of.to; seed += of.stride) {
    const run = await simulate(seed, of.ops, of.mutant, undefined, of.profile);
    total.runs += 1;
    total.steps += run.steps;
    total.events += run.events;
    total.hashes = (total.hashes ^ Math.imul(Number.parseInt(run.hash, 16) ^ seed, 0x9e3779b1)) >>> 0;
    if (run.violation !== undefined) {
      violations.push(run);
      if (of.first) break;
    }
  }
  return { ...total, violations };
}

async function inThreads(threads: number, of: Omit<Share, 'stride'>): Promise<Result[]> {
  return Promise.all(
    Array.from(
      { length: threads },
      (_, i) =>
        new Promise<Result>((resolve, reject) => {
          const worker = new Worker(new URL(import.meta.url), {
            workerData: { ...of, from: of.from + i, stride: threads },
          });
          worker.once('message', resolve);
          worker.once('error', reject);
        }),
    ),
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      ops: { type: 'string', default: '200' },
      from: { type: 'string', default: '0' },
      threads: { type: 'string', default: '2' },
      mutant: { type: 'string' },
      profile: { type: 'string' },
      mutants: { type: 'boolean', default: false },
      trace: { type: 'string' },
      table: { type: 'boolean', default: false },
    },
  });
  const ops = Number(values.ops);
  const from = Number(values.from);
  const seeds = Number(values.seeds);
  if (values.table) {
    console.log(mutantTable());
    return;
  }
  if (values.trace !== undefined) {
    const run = await simulate(Number(values.trace), ops, values.mutant, (line) => console.log(line), values.profile);
    console.log(JSON.stringify(run));
    process.exitCode = run.violation === undefined ? 0 : 1;
    return;
  }
  const only = values.profile === undefined ? {} : { profile: values.profile };
  if (values.mutants) {
    for (const [name, mutant] of Object.entries(MUTANTS)) {
      if (values.mutant !== undefined && values.mutant !== name) continue;
      const result = await share({ from, to: from + seeds, stride: 1, ops, mutant: name, first: true, ...only });
      const caught = result.violations[0];
      const where = caught ? `seed ${caught.seed}: ${caught.violation!.split('\n')[0]!}` : 'not caught';
      console.log(
        `${name.padEnd(24)} ${String(result.runs).padStart(5)} ${mutant.harmless ? '(economy) ' : ''}${where}`,
      );
    }
    return;
  }
  const started = performance.now();
  const of = {
    from,
    to: from + seeds,
    ops,
    first: false,
    ...only,
    ...(values.mutant === undefined ? {} : { mutant: values.mutant }),
  };
  const results = await inThreads(Number(values.threads), of);
  const seconds = (performance.now() - started) / 1000;
  const sum = (field: 'runs' | 'steps' | 'events'): number => results.reduce((all, result) => all + result[field], 0);
  const violations = results.flatMap((result) => result.violations).sort((a, b) => a.seed - b.seed);
  for (const { seed, violation } of violations.slice(0, 20)) console.log(`seed ${seed}: ${violation!}`);
  const hash = results
    .reduce((all, result) => (all ^ result.hashes) >>> 0, 0)
    .toString(16)
    .padStart(8, '0');
  console.log(
    `${sum('runs')} seeds x ${ops} operations, ${sum('steps')} steps, ${sum('events')} events in ${seconds.toFixed(1)} s ` +
      `(${(sum('runs') / seconds).toFixed(1)} seeds/s), ${violations.length} violations, trace hash ${hash}`,
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
}

if (isMainThread) await main();
else parentPort!.postMessage(await share(workerData as Share));
