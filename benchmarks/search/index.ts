import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigInput } from '../../src/engine.js';
import { openEngine } from '../../src/engine.js';
import { quantile } from '../../src/services/eval/statistics.js';
import type { CorpusFile } from '../corpus.js';
import type { BenchResult } from '../result.js';

export interface SearchBenchOptions {
  readonly config: ConfigInput;
  readonly files: readonly CorpusFile[];
  /** Searches that are measured. */
  readonly searches?: number;
}

const COLLECTION = 'bench';
/** Stages that belong to the bare calls: the store's arms and the reads of the catalog. The query's embedding is excluded. */
const BARE = ['retrieve', 'check', 'release'];
const never = new AbortController().signal;

/**
 * What `search` adds to its bare store calls and catalog reads, from its own timings of each call: total minus those
 * stages and minus the query's embedding. One query in flight. Vectors are the deterministic test model's: the work
 * beside the store does not depend on their values.
 */
export async function run({ config, files, searches = 1000 }: SearchBenchOptions): Promise<BenchResult> {
  const data = await mkdtemp(join(tmpdir(), 'footnote-bench-'));
  const engine = await openEngine({ ...config, embedding: { ...config.embedding, model: 'test-hash' }, data });
  try {
    await engine.surface.collections.put(engine.caller, COLLECTION, {}, never);
    for await (const _ of engine.surface.ingest(engine.caller, COLLECTION, { paths: [folderOf(files)] }, never));
    const queries = queriesOf(files);
    const added: number[] = [];
    const bare: number[] = [];
    for (let index = -queries.length; index < searches; index += 1) {
      const query = queries[(index + queries.length) % queries.length]!;
      const { timings } = await engine.surface.search(
        engine.caller,
        COLLECTION,
        { query, mode: 'hybrid', limit: 10 },
        never,
      );
      // The first pass over the queries fills caches and lets the code be compiled.
      if (index < 0) continue;
      const calls = BARE.reduce((sum, stage) => sum + (timings[stage] ?? 0), 0);
      bare.push(calls);
      added.push(timings['total']! - calls - (timings['embed'] ?? 0));
    }
    const sorted = added.toSorted((a, b) => a - b);
    const calls = bare.toSorted((a, b) => a - b);
    const { chunks } = (await engine.surface.status(engine.caller, never)).collections[COLLECTION]!;
    return {
      name: 'search',
      figures: {
        addedMsP50: quantile(sorted, 0.5),
        addedMsP99: quantile(sorted, 0.99),
        bareMsP50: quantile(calls, 0.5),
        bareMsP99: quantile(calls, 0.99),
      },
      ratios: {},
      notes: [`${searches} searches over ${chunks} chunks; targets: p50 <= 1.5 ms, p99 <= 5 ms added`],
    };
  } finally {
    await engine.close();
    await rm(data, { recursive: true, force: true });
  }
}

/** The folder that all of them lie in. */
export function folderOf(files: readonly CorpusFile[]): string {
  return files.reduce((folder, { path }) => common(folder, path), join(files[0]!.path, '..'));
}

/** What somebody would ask of them: their first headings. */
export function queriesOf(files: readonly CorpusFile[]): string[] {
  return files.flatMap(({ text }) => /^#+ (.{8,80})$/m.exec(text)?.[1] ?? []);
}

/** The folder that both lie in. */
function common(folder: string, path: string): string {
  let at = folder;
  while (!path.startsWith(`${at}/`) && at !== '/') at = join(at, '..');
  return at;
}
