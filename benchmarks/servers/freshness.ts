import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigInput } from '../../src/core/config.js';
import { quantile } from '../../src/services/eval/statistics.js';
import type { BenchResult } from '../result.js';
import { COLLECTION, Feed } from './feed.js';
import { documentText } from './memory.js';
import { newPlace } from './place.js';
import { machineSeconds, startWorker, type Worker } from './worker.js';

export interface FreshnessBenchOptions {
  readonly config: ConfigInput;
  readonly minutes?: number;
  /** Documents a second. */
  readonly rate?: number;
  readonly workers?: number;
}

const TICK_MS = 100;
/** Between two documents that are looked for from outside. */
const PROBE_MS = 1000;
const LOOK_MS = 10;
const METRIC = 'footnote_searchable_seconds';
const never = new AbortController().signal;

/**
 * From appended to searchable under an even load of new and changed documents: by the workers' own histogram, and beside
 * it by searching for a word that only one document has, from the moment it was appended until it is found.
 */
export async function run({
  config,
  minutes = 3,
  rate = 50,
  workers = 2,
}: FreshnessBenchOptions): Promise<BenchResult> {
  const place = await newPlace({ ...config, embedding: { model: 'test-hash' }, parsing: { processes: 1 } });
  const outside: number[] = [];
  const running: Worker[] = [];
  let told: readonly Bucket[] = [];
  let [sent, late, cores, behind] = [0, 0, 0, 0];
  try {
    const feed = await Feed.open(place);
    try {
      for (let n = 0; n < workers; n += 1) running.push(await startWorker(place));
      await warmUp(feed);
      const before = await Promise.all(running.map((worker) => worker.metrics()));
      const cpu = machineSeconds();
      const began = performance.now();
      const end = began + minutes * 60_000;
      const load = (async () => {
        for (let tick = 0; performance.now() < end; tick += 1) {
          const changes = Array.from({ length: (rate * TICK_MS) / 1000 }, () => {
            const index = sent++ % 2000;
            return { key: `document-${index}`, text: documentText(index, Math.floor(sent / 2000), 1) };
          });
          await feed.append(await feed.prepare(changes));
          const wait = began + (tick + 1) * TICK_MS - performance.now();
          late = Math.max(late, -wait);
          await sleep(Math.max(0, wait));
        }
      })();
      for (let n = 0; performance.now() + 10_000 < end; n += 1) {
        outside.push(await probe(feed, `zebra${n}x${Date.now()}`, end));
        await sleep(PROBE_MS);
      }
      await load;
      cores = (machineSeconds() - cpu) / ((performance.now() - began) / 1000);
      behind = await feed.lag();
      const after = await Promise.all(running.map((worker) => worker.metrics()));
      told = buckets(before, after);
    } finally {
      await Promise.all(running.map((worker) => worker.stop()));
      await feed.close();
    }
  } finally {
    await place.remove();
  }
  outside.sort((a, b) => a - b);
  return {
    name: 'servers-freshness',
    figures: {
      histogramP50Ms: 1000 * ofBuckets(told, 0.5),
      histogramP99Ms: 1000 * ofBuckets(told, 0.99),
      outsideP50Ms: quantile(outside, 0.5),
      outsideP99Ms: quantile(outside, 0.99),
      documentsPerSecond: sent / (minutes * 60),
      loadLateMsMost: late,
      waitingAtTheEnd: behind,
      machineCoresBusy: cores,
      loadAverage: loadavg()[0]!,
    },
    ratios: { histogramToOutsideP50: { value: (1000 * ofBuckets(told, 0.5)) / quantile(outside, 0.5) } },
    notes: [
      `${minutes} minutes, ${workers} workers, ${told.at(-1)?.count ?? 0} changes in ${METRIC}, ${outside.length} searched for from outside`,
      'waitingAtTheEnd: changes in the log that no worker had taken when the load ended; more than a few mean that the load was too much',
      `outside includes the append's own answer, the search and up to ${LOOK_MS} ms between two looks`,
      `buckets (seconds: changes at or below): ${told.map(({ to, count }) => `${to}: ${count}`).join(', ')}`,
    ],
  };
}

/**
 * Milliseconds from before the append until a search finds the document by a word of its own; from then on to `end` when
 * it is not found before, so that a backlog shows.
 */
async function probe(feed: Feed, word: string, end = Infinity): Promise<number> {
  const events = await feed.prepare([{ key: `probe-${word}`, text: `# Probe\n\nThe ${word} was seen here.\n` }]);
  const began = performance.now();
  await feed.append(events);
  const { engine } = feed;
  for (;;) {
    const request = { query: word, mode: 'lexical' as const, limit: 1 };
    const { hits } = await engine.surface.search(engine.caller, COLLECTION, request, never);
    const found = hits.some(({ text }) => text.includes(word));
    if (found || performance.now() > end) return performance.now() - began;
    await sleep(LOOK_MS);
  }
}

async function warmUp(feed: Feed): Promise<void> {
  const first = Array.from({ length: 200 }, (_, n) => ({ key: `warm-${n}`, text: documentText(n, 0, 1) }));
  await feed.append(await feed.prepare(first));
  while ((await feed.lag()) > 0) await sleep(100);
  await probe(feed, 'warmup');
}

interface Bucket {
  /** Seconds. */
  readonly to: number;
  /** Of all that took so long or less. */
  readonly count: number;
}

/** What the workers' histograms gained, together. */
function buckets(before: readonly Map<string, number>[], after: readonly Map<string, number>[]): Bucket[] {
  const sums = new Map<number, number>();
  after.forEach((metrics, i) => {
    for (const [name, value] of metrics) {
      const to = name.startsWith(`${METRIC}_bucket`) ? /le="([^"]+)"/.exec(name)?.[1] : undefined;
      if (to === undefined) continue;
      const seconds = to === '+Inf' ? Infinity : Number(to);
      sums.set(seconds, (sums.get(seconds) ?? 0) + value - (before[i]?.get(name) ?? 0));
    }
  });
  return [...sums].map(([to, count]) => ({ to, count })).sort((a, b) => a.to - b.to);
}

/** As Prometheus' histogram_quantile: even within a bucket. */
function ofBuckets(all: readonly Bucket[], q: number): number {
  const wanted = q * (all.at(-1)?.count ?? NaN);
  const at = all.findIndex(({ count }) => count >= wanted);
  const { to, count } = all[at] ?? { to: NaN, count: NaN };
  const below = all[at - 1] ?? { to: 0, count: 0 };
  if (to === Infinity) return below.to;
  return below.to + ((to - below.to) * (wanted - below.count)) / (count - below.count);
}
