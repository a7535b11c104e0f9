import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { ConfigInput } from '../../src/core/config.js';
import type { Engine } from '../../src/engine.js';
import { openEngine } from '../../src/engine.js';
import type { BenchResult } from '../result.js';
import { median } from '../result.js';

export interface ConnectBenchOptions {
  readonly config: ConfigInput;
  readonly files?: number;
  readonly rounds?: number;
}

const NEVER = new AbortController().signal;

/**
 * One folder as a configured source: listed when nothing has changed, and when every tenth file has; the latter until it
 * is searchable. Vectors are hashes, so that what is measured is listing, comparing, sending and applying.
 */
export async function run({ config, files = 2000, rounds = 3 }: ConnectBenchOptions): Promise<BenchResult> {
  const directory = await mkdtemp(join(tmpdir(), 'footnote-bench-connect-'));
  const docs = join(directory, 'docs');
  let clock = 1_700_000_000;
  const write = async (index: number, version: number): Promise<void> => {
    const path = join(docs, String(index % 50), `${index}.md`);
    await writeFile(path, `# Part ${index}\n\nRevision ${version} of the sheet for part ${index}, checked twice.\n`);
    clock += 1;
    await utimes(path, clock, clock);
  };
  for (let folder = 0; folder < 50; folder += 1) await mkdir(join(docs, String(folder)), { recursive: true });
  for (let index = 0; index < files; index += 1) await write(index, 0);
  const engine = await openEngine({
    ...config,
    data: join(directory, 'data'),
    embedding: { model: 'test-hash' },
    sources: [{ collection: 'bench', source: 'docs', connector: 'files', options: { paths: [docs] } }],
  });
  const unchanged: number[] = [];
  const changed: number[] = [];
  const searchable: number[] = [];
  const share = Math.floor(files / 10);
  try {
    const first = await timed(engine, { sent: files });
    for (let round = 1; round <= rounds; round += 1) {
      unchanged.push(files / (await timed(engine, { unchanged: files })).listed);
      for (let index = 0; index < share; index += 1) await write(index * 10, round);
      const { listed, applied } = await timed(engine, { sent: share, unchanged: files - share });
      changed.push(share / listed);
      searchable.push(share / applied);
    }
    return {
      name: 'connect',
      figures: {
        firstFilesPerSecond: files / first.listed,
        firstFilesSearchablePerSecond: files / first.applied,
        unchangedFilesPerSecond: median(unchanged),
        changedFilesPerSecond: median(changed),
        changedFilesSearchablePerSecond: median(searchable),
      },
      ratios: {},
      notes: [
        `${files} files, ${rounds} rounds; changed: every tenth file, over the whole listing, until it is in the log; searchable: until it is applied, too`,
        'hashes for vectors: no model is measured',
      ],
    };
  } finally {
    await engine.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Seconds until it was listed and until it was searchable; it must have come to exactly this. */
async function timed(
  engine: Engine,
  wanted: Readonly<Record<string, number>>,
): Promise<{ readonly listed: number; readonly applied: number }> {
  const began = performance.now();
  const [view] = await engine.connect.once({}, NEVER);
  const applied = (performance.now() - began) / 1000;
  const listed = view?.last ? (Date.parse(view.last.endedAt) - Date.parse(view.last.startedAt)) / 1000 : NaN;
  const counts: Readonly<Record<string, number>> = view?.last?.counts ?? {};
  for (const [what, count] of Object.entries(wanted)) {
    if (counts[what] !== count) throw new Error(`Wanted ${count} ${what}: ${JSON.stringify(view?.last)}`);
  }
  return { listed, applied };
}
