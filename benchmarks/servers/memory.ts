import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigInput } from '../../src/core/config.js';
import type { BenchResult } from '../result.js';
import { Feed, type Written } from './feed.js';
import { newPlace } from './place.js';
import { startWorker } from './worker.js';

export interface MemoryBenchOptions {
  readonly config: ConfigInput;
  readonly minutes?: number;
  /** Changes a second. */
  readonly rate?: number;
}

const MiB = 2 ** 20;
const SAMPLE_MS = 10_000;
/** Documents that change, stay as they are, go and come again. */
const DOCUMENTS = 400;

/**
 * What a worker's resident memory grows by under an even load: of ten changes five bring new content, three bring the same
 * content again, one deletes and one brings a deleted document back. A slope fitted over the last two thirds.
 */
export async function run({ config, minutes = 30, rate = 10 }: MemoryBenchOptions): Promise<BenchResult> {
  const place = await newPlace({ ...config, embedding: { model: 'test-hash' } });
  const samples: { readonly minute: number; readonly own: number; readonly all: number }[] = [];
  let sent = 0;
  let most = 0;
  try {
    const feed = await Feed.open(place);
    const worker = await startWorker(place);
    try {
      const versions = new Array<number>(DOCUMENTS).fill(0);
      const began = performance.now();
      const end = began + minutes * 60_000;
      let nextSample = began + SAMPLE_MS;
      for (let tick = 0; performance.now() < end; tick += 1) {
        const changes = Array.from({ length: rate }, (_, i) => change(versions, tick * rate + i));
        // One event a document in an append: order within it is the log's.
        await feed.append(await feed.prepare([...new Map(changes.map((each) => [each.key, each])).values()]));
        sent += changes.length;
        if (performance.now() >= nextSample) {
          samples.push({ minute: (performance.now() - began) / 60_000, ...worker.memory() });
          nextSample += SAMPLE_MS;
          most = Math.max(most, await feed.lag());
        }
        await sleep(Math.max(0, began + (tick + 1) * 1000 - performance.now()));
      }
    } finally {
      await worker.stop();
      await feed.close();
    }
  } finally {
    await place.remove();
  }
  const last = samples.filter(({ minute }) => minute >= minutes / 3);
  return {
    name: 'servers-memory',
    figures: {
      residentMiBAtTheEnd: (last.at(-1)?.own ?? NaN) / MiB,
      growthMiBAMinute: slope(last.map(({ minute, own }) => [minute, own / MiB])),
      growthMiBAMinuteWithParsers: slope(last.map(({ minute, all }) => [minute, all / MiB])),
      changesPerSecond: sent / (minutes * 60),
      longestLag: most,
    },
    ratios: {},
    notes: [
      `${minutes} minutes, ${samples.length} samples; fitted over the last ${Math.round((minutes * 2) / 3)}; target: <= 1 MiB a minute`,
      `MiB every minute: ${everyMinute(samples).join(' ')}`,
    ],
  };
}

function change(versions: number[], n: number): Written {
  const kind = n % 10;
  // Those that go and come again are others than those that change, or the mix would not stay the same.
  const index = kind < 8 ? (n * 7) % (DOCUMENTS - 20) : DOCUMENTS - 20 + (Math.floor(n / 10) % 20);
  const key = `document-${index}`;
  if (kind === 8) return { key };
  if (kind !== 5 && kind !== 6 && kind !== 7) versions[index]! += 1;
  return { key, text: documentText(index, versions[index]!) };
}

/** Some sections of a few sentences. */
export function documentText(index: number, version: number, sections = 4): string {
  const parts = Array.from(
    { length: sections },
    (_, n) =>
      `## Section ${n}\n\n` +
      Array.from(
        { length: 12 },
        (_, line) =>
          `Valve ${(index * 31 + n * 7 + line) % 997} of line ${line} was checked in revision ${version} by crew ${(index + n) % 40}.`,
      ).join(' '),
  );
  return `# Part ${index}\n\n${parts.join('\n\n')}\n`;
}

/** Of the least squares' line. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (at: 0 | 1) => points.reduce((sum, point) => sum + point[at], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const above = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
  return above / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
}

function everyMinute(samples: readonly { readonly minute: number; readonly own: number }[]): number[] {
  const byMinute = new Map(samples.map(({ minute, own }) => [Math.floor(minute), Math.round(own / MiB)]));
  return [...byMinute.values()];
}
