import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigInput } from '../../src/core/config.js';
import { partitionOf } from '../../src/core/partition.js';
import type { BenchResult } from '../result.js';
import { median } from '../result.js';
import { Feed, type Written } from './feed.js';
import { documentText } from './memory.js';
import { newPlace } from './place.js';
import { endedChanges, machineSeconds, startWorker, type Worker } from './worker.js';

export interface ThroughputBenchOptions {
  readonly config: ConfigInput;
  readonly rounds?: number;
  readonly workers?: readonly number[];
}

const PARTITIONS = 8;
/** What the model takes for each chunk, one chunk at a time in each process. */
const CHUNK_MS = 20;
const SECTIONS = 10;
const WINDOW_MS = 15_000;

/**
 * Documents a second by the number of workers, processes of their own, with a model that sleeps: what is measured is
 * whether anything but the model holds them up. Counted over a window in which all of them have work, workers joining
 * and leaving in turn. Processor time beside it tells whether the machine's cores were what was short.
 */
export async function run({
  config,
  rounds = 5,
  workers = [1, 2, 4, 8],
}: ThroughputBenchOptions): Promise<BenchResult> {
  const place = await newPlace({
    ...config,
    embedding: { model: `test-hash:${CHUNK_MS}ms` },
    ingest: { partitions: PARTITIONS },
    parsing: { processes: 1 },
  });
  const rates = new Map(workers.map((count) => [count, [] as number[]]));
  const cores = new Map(workers.map((count) => [count, [] as number[]]));
  const busy: number[] = [];
  let chunks = 0;
  const running: Worker[] = [];
  try {
    const feed = await Feed.open(place);
    const supply = new Supply(feed);
    try {
      for (let round = 0; round < rounds; round += 1) {
        for (const count of round % 2 === 0 ? workers : [...workers].reverse()) {
          while (running.length < count) running.push(await startWorker(place));
          await Promise.all(running.splice(count).map((worker) => worker.stop()));
          await supply.atLeast(Math.ceil((count * (WINDOW_MS + 15_000)) / (CHUNK_MS * SECTIONS)));
          await allBusy(running);
          const before = await reading(running);
          await sleep(WINDOW_MS);
          const after = await reading(running);
          const seconds = (after.at - before.at) / 1000;
          rates.get(count)!.push((after.documents - before.documents) / seconds);
          cores.get(count)!.push((after.cpu - before.cpu) / seconds);
          busy.push((after.machine - before.machine) / seconds);
          chunks = (after.chunks - before.chunks) / (after.documents - before.documents);
        }
      }
    } finally {
      await Promise.all(running.map((worker) => worker.stop()));
      await feed.close();
    }
  } finally {
    await place.remove();
  }
  const one = rates.get(workers[0]!)!;
  const linear = (count: number) => median(rates.get(count)!.map((rate, round) => rate / (one[round]! * count)));
  return {
    name: 'servers-throughput',
    figures: Object.fromEntries([
      ...workers.map((count) => [`documentsPerSecond${count}Workers`, median(rates.get(count)!)]),
      ...workers.map((count) => [`workersCores${count}Workers`, median(cores.get(count)!)]),
      ['machineCoresBusyMedian', median(busy)],
      ['machineCoresBusyMost', Math.max(...busy)],
      ['loadAverage', loadavg()[0]!],
    ]) as Record<string, number>,
    ratios: Object.fromEntries(
      workers
        .slice(1)
        .map((count) => [`linear${count}Workers`, { value: linear(count), ...(count <= 4 ? { target: 0.9 } : {}) }]),
    ),
    notes: [
      `${rounds} rounds, windows of ${WINDOW_MS / 1000} s, ${chunks.toFixed(1)} chunks a document, ${CHUNK_MS} ms a chunk: at most ${(1000 / CHUNK_MS / chunks).toFixed(2)} documents/s a worker`,
      'workersCores: processor time of the workers and their parsers a second; machineCoresBusy: of everything on the machine',
    ],
  };
}

/** Documents that wait in the log, as many in each partition. */
class Supply {
  #next = 0;

  constructor(private readonly feed: Feed) {}

  async atLeast(wanted: number): Promise<void> {
    const missing = wanted - (await this.feed.lag());
    const each = Math.ceil(missing / PARTITIONS);
    const places = new Array<number>(PARTITIONS).fill(0);
    const changes: Written[] = [];
    while (changes.length < each * PARTITIONS) {
      const index = this.#next++;
      const key = `document-${index}`;
      const partition = partitionOf(this.feed.documentId(key), PARTITIONS);
      if (places[partition]! >= each) continue;
      places[partition]! += 1;
      changes.push({ key, text: documentText(index, 1, SECTIONS) });
    }
    if (changes.length > 0) await this.feed.append(await this.feed.prepare(changes));
  }
}

/** Every worker has its share and applies it. */
async function allBusy(workers: readonly Worker[]): Promise<void> {
  const counts = () => Promise.all(workers.map(async (worker) => (await endedChanges([worker]))['indexed'] ?? 0));
  const before = await counts();
  for (;;) {
    await sleep(250);
    const now = await counts();
    if (now.every((count, i) => count >= before[i]! + 2)) return;
  }
}

async function reading(workers: readonly Worker[]) {
  const metrics = await Promise.all(workers.map((worker) => worker.metrics()));
  const sum = (name: string) => metrics.reduce((total, each) => total + (each.get(name) ?? 0), 0);
  return {
    at: performance.now(),
    documents: sum('footnote_changes_total{outcome="indexed",code=""}'),
    chunks: sum('footnote_vectors_embedded_total'),
    cpu: workers.reduce((total, worker) => total + worker.cpuSeconds(), 0),
    machine: machineSeconds(),
  };
}
