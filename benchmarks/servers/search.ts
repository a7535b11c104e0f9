import { loadavg } from 'node:os';
import type { ConfigInput } from '../../src/core/config.js';
import { openEngine } from '../../src/engine.js';
import { quantile } from '../../src/services/eval/statistics.js';
import { spread, type CorpusFile } from '../corpus.js';
import type { BenchResult } from '../result.js';
import { folderOf, queriesOf } from '../search/index.js';
import { newPlace } from './place.js';
import { recordCalls } from './recorded.js';

export interface ServerSearchBenchOptions {
  readonly config: ConfigInput;
  readonly files: readonly CorpusFile[];
  readonly searches?: number;
}

const COLLECTION = 'bench';
/** Stages that hold calls of Qdrant and the catalog, with what the adapters do around them. */
const CALLING = ['retrieve', 'check', 'release'];
const never = new AbortController().signal;

/**
 * What `search` adds to the calls of Qdrant and PostgreSQL that it makes: each search, without the time of its query's
 * embedding, against the very same requests and statements sent again by the bare client and driver, one after another,
 * their answers parsed. Interleaved, one in flight. Vectors are the deterministic test model's.
 */
export async function run({ config, files, searches = 600 }: ServerSearchBenchOptions): Promise<BenchResult> {
  const place = await newPlace({ ...config, embedding: { model: 'test-hash' } });
  const calls = recordCalls();
  const engine = await openEngine(place.config);
  const added: number[] = [];
  const bare: number[] = [];
  const outside: number[] = [];
  let made = 0;
  try {
    await engine.surface.collections.put(engine.caller, COLLECTION, {}, never);
    for await (const _ of engine.surface.ingest(engine.caller, COLLECTION, { paths: [folderOf(files)] }, never));
    const queries = spread(queriesOf(files), 200);
    // A first pass fills caches and lets the code be compiled.
    for (let index = -queries.length; index < searches; index += 1) {
      const query = queries[(index + queries.length) % queries.length]!;
      const ask = () => engine.surface.search(engine.caller, COLLECTION, { query, mode: 'hybrid', limit: 10 }, never);
      // What is to be repeated is known from a search before the measured one, which may come after its repetition.
      const recorded = await calls.during(ask);
      made = recorded.length;
      const again = async (): Promise<number> => {
        const from = performance.now();
        for (const call of recorded) await call();
        return performance.now() - from;
      };
      let repeated = index % 2 === 0 ? await again() : undefined;
      const { timings } = await ask();
      repeated ??= await again();
      if (index < 0) continue;
      const total = timings['total']! - (timings['embed'] ?? 0);
      bare.push(repeated);
      added.push(total - repeated);
      outside.push(total - CALLING.reduce((sum, stage) => sum + (timings[stage] ?? 0), 0));
    }
    const { chunks } = (await engine.surface.status(engine.caller, never)).collections[COLLECTION]!;
    const at = (values: readonly number[], q: number): number =>
      quantile(
        values.toSorted((a, b) => a - b),
        q,
      );
    return {
      name: 'servers-search',
      figures: {
        addedMsP50: at(added, 0.5),
        bareMsP50: at(bare, 0.5),
        bareMsP99: at(bare, 0.99),
        besideTheCallingStagesMsP50: at(outside, 0.5),
        besideTheCallingStagesMsP99: at(outside, 0.99),
        loadAverage: loadavg()[0]!,
      },
      ratios: {},
      notes: [
        `${searches} searches over ${chunks} chunks, ${made} calls each; target: p50 <= 1.5 ms added`,
        'added: against the bare calls, with encoding requests and reading answers into points; besideTheCallingStages: as the embedded benchmark takes it, from the timings of each answer',
      ],
    };
  } finally {
    calls.stop();
    await engine.close();
    await place.remove();
  }
}
