import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigInput } from '../../src/core/config.js';
import type { ChangeEvent } from '../../src/core/event.js';
import type { BenchResult } from '../result.js';
import { median } from '../result.js';
import { Feed } from './feed.js';
import { documentText } from './memory.js';
import { newPlace } from './place.js';
import { machineSeconds, startWorker, type Worker } from './worker.js';

export interface NoopBenchOptions {
  readonly config: ConfigInput;
  readonly rounds?: number;
  readonly documents?: number;
}

const LOOK_MS = 50;
/** How often each of them comes again in a round. */
const TIMES = 4;

const TARGET = 2000;

/**
 * Changes that change nothing, through one worker that is warm: the very same change again, as after a worker died or an
 * append was repeated; one that is older than what the index holds; and beside them a document's same content as a new
 * version, whose points are written anew. From appended to committed.
 */
export async function run({ config, rounds = 5, documents = 1000 }: NoopBenchOptions): Promise<BenchResult> {
  const place = await newPlace({ ...config, embedding: { model: 'test-hash' }, ingest: { maxInFlight: 256 } });
  const same: Drained[] = [];
  const repeated: Drained[] = [];
  const older: Drained[] = [];
  try {
    const feed = await Feed.open(place);
    const worker = await startWorker(place);
    try {
      const all = Array.from({ length: documents }, (_, n) => ({ key: `document-${n}`, text: documentText(n, 1, 1) }));
      let number = 0n;
      const next = async (): Promise<ChangeEvent[]> => {
        number += 1n;
        return (await feed.prepare(all)).map((event) => ({ ...event, sequence: number }));
      };
      const first = await next();
      await drained(feed, worker, first);
      // The first round warms up.
      for (let round = 0; round <= rounds; round += 1) {
        const newest = await next();
        const again = await drained(feed, worker, newest);
        const twice = await drained(feed, worker, many(newest));
        // Their originals were freed when they were replaced, as those of an event that comes late are.
        const before = await drained(feed, worker, many(first));
        if (round === 0) continue;
        same.push(again);
        repeated.push(twice);
        older.push(before);
      }
    } finally {
      await worker.stop();
      await feed.close();
    }
  } finally {
    await place.remove();
  }
  const of = (runs: readonly Drained[], what: keyof Drained): number => median(runs.map((each) => each[what]));
  return {
    name: 'servers-noops',
    figures: {
      repeatedPerSecond: of(repeated, 'perSecond'),
      repeatedWorkerCpuMs: of(repeated, 'workerMs'),
      repeatedMachineCpuMs: of(repeated, 'machineMs'),
      olderPerSecond: of(older, 'perSecond'),
      olderWorkerCpuMs: of(older, 'workerMs'),
      olderMachineCpuMs: of(older, 'machineMs'),
      sameContentPerSecond: of(same, 'perSecond'),
      sameContentWorkerCpuMs: of(same, 'workerMs'),
      sameContentMachineCpuMs: of(same, 'machineMs'),
      loadAverage: loadavg()[0]!,
    },
    ratios: {},
    notes: [
      `${documents} documents a round, each ${TIMES} times where nothing changes, ${rounds} rounds; target for repeated and older ones: ${TARGET} a second`,
      'CpuMs: processor time for each change, of the worker with its parsers, and of everything on the machine',
    ],
  };
}

const many = <T>(items: readonly T[]): T[] => Array.from({ length: TIMES }, () => items).flat();

interface Drained {
  readonly perSecond: number;
  readonly workerMs: number;
  readonly machineMs: number;
}

async function drained(feed: Feed, worker: Worker, events: readonly ChangeEvent[]): Promise<Drained> {
  const [cpu, machine, began] = [worker.cpuSeconds(), machineSeconds(), performance.now()];
  await feed.append(events);
  while ((await feed.lag()) > 0) await sleep(LOOK_MS);
  const each = (seconds: number): number => (seconds * 1000) / events.length;
  return {
    perSecond: events.length / ((performance.now() - began) / 1000),
    workerMs: each(worker.cpuSeconds() - cpu),
    machineMs: each(machineSeconds() - machine),
  };
}
