import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { connectors } from '../../connectors/registry.js';
import type { ConfigInput } from '../core/config.js';
import { parseConfig } from '../core/config.js';
import { FootnoteError, throwIfAborted } from '../core/errors.js';
import { sha256 } from '../core/ids.js';
import type { SourceChange } from '../core/ports/connector.js';
import type { Mode } from '../core/schemas/query.js';
import type { Engine } from './open.js';
import { openEngine } from './open.js';
import { singleRead } from './single-read.js';
import { systemClock } from '../runtime/clock.js';
import { beirDocuments, beirQueries, trecRun } from '../services/eval/beir.js';
import type { Interval } from '../services/eval/statistics.js';
import {
  bootstrapMean,
  ndcgAt,
  pairedBootstrap,
  quantile,
  recallAt,
  reciprocalRankAt,
} from '../services/eval/statistics.js';

export interface EvaluationProgress {
  readonly stage: 'ingest' | 'query';
  readonly done: number;
  readonly total: number;
}

export interface EvaluationOptions {
  /** A folder for run files or contexts. */
  readonly out?: string;
  readonly onProgress?: (progress: EvaluationProgress) => void;
  readonly signal: AbortSignal;
}

export interface ModeReport {
  readonly 'ndcg@10': Interval;
  readonly 'recall@100': Interval;
  readonly 'mrr@10': Interval;
  /** Of `search` with ten hits, embedding of the query included. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
}

export interface BeirReport {
  readonly dataset: string;
  readonly queries: number;
  readonly modes: Partial<Record<Mode, ModeReport>>;
  /** Paired differences of nDCG@10: hybrid minus the better arm. Only when all modes ran. */
  readonly difference?: { readonly against: Mode; readonly 'ndcg@10': Interval };
}

const DEPTH = 100;
const COLLECTION = 'eval';

/**
 * Measures retrieval on a BEIR folder, documents by their best chunk. The index is kept under the data directory, so that
 * a second run only asks. @throws not_found, invalid_request for a folder that is not one
 */
export async function evaluateBeir(
  input: ConfigInput,
  options: EvaluationOptions & { readonly dataset: string; readonly modes?: readonly Mode[] },
): Promise<BeirReport> {
  const queries = await beirQueries(options.dataset);
  const modes = options.modes ?? ['hybrid', 'dense', 'lexical'];
  return withEngine(input, options.dataset, async (engine) => {
    await ingest(engine, beirDocuments(options.dataset), options);
    const perQuery = new Map<Mode, number[]>();
    const reports: Partial<Record<Mode, ModeReport>> = {};
    let done = 0;
    for (const mode of modes) {
      const values: Record<'ndcg' | 'recall' | 'mrr' | 'ms', number[]> = { ndcg: [], recall: [], mrr: [], ms: [] };
      let run = '';
      for (const query of queries) {
        throwIfAborted(options.signal);
        const from = performance.now();
        await engine.surface.search(engine.caller, COLLECTION, { query: query.text, mode, limit: 10 }, options.signal);
        values.ms.push(performance.now() - from);
        const ranked = await engine.rankDocuments(
          COLLECTION,
          { query: query.text, mode, limit: DEPTH },
          options.signal,
        );
        const keys = ranked.map(({ key }) => key);
        values.ndcg.push(ndcgAt(10, keys, query.relevant));
        values.recall.push(recallAt(DEPTH, keys, query.relevant));
        values.mrr.push(reciprocalRankAt(10, keys, query.relevant));
        run += trecRun(query.id, ranked, `footnote-${mode}`);
        done += 1;
        options.onProgress?.({ stage: 'query', done, total: queries.length * modes.length });
      }
      perQuery.set(mode, values.ndcg);
      const ms = values.ms.toSorted((a, b) => a - b);
      reports[mode] = {
        'ndcg@10': bootstrapMean(values.ndcg),
        'recall@100': bootstrapMean(values.recall),
        'mrr@10': bootstrapMean(values.mrr),
        latencyMs: { p50: quantile(ms, 0.5), p95: quantile(ms, 0.95), p99: quantile(ms, 0.99) },
      };
      if (options.out !== undefined) await writeOut(options.out, `${mode}.run`, run);
    }
    return {
      dataset: basename(resolve(options.dataset)),
      queries: queries.length,
      modes: reports,
      ...differenceOf(perQuery, reports),
    };
  });
}

function differenceOf(
  perQuery: ReadonlyMap<Mode, readonly number[]>,
  reports: BeirReport['modes'],
): Pick<BeirReport, 'difference'> {
  const [hybrid, dense, lexical] = (['hybrid', 'dense', 'lexical'] as const).map((mode) => perQuery.get(mode));
  if (!hybrid || !dense || !lexical) return {};
  const against = reports.dense!['ndcg@10'].value >= reports.lexical!['ndcg@10'].value ? 'dense' : 'lexical';
  return { difference: { against, 'ndcg@10': pairedBootstrap(hybrid, against === 'dense' ? dense : lexical) } };
}

/** Opens an engine on a directory of its own for what is evaluated. */
export async function withEngine<T>(
  input: ConfigInput,
  subject: string,
  use: (engine: Engine) => Promise<T>,
): Promise<T> {
  const config = parseConfig(input);
  const path = resolve(subject);
  const name = `${basename(path).replace(/[^A-Za-z0-9._-]/g, '_')}-${sha256(`${path}\n${config.embedding.model}`).slice(0, 8)}`;
  const engine = await openEngine({ ...input, data: join(config.data, 'eval', name) }, { tokenizerPaths: true });
  try {
    await engine.surface.collections.put(engine.caller, COLLECTION, {}, new AbortController().signal);
    return await use(engine);
  } finally {
    await engine.close();
  }
}

export { COLLECTION as EVAL_COLLECTION };

/** @throws the first failure's code when documents could not be indexed: figures over half a corpus mislead */
export async function ingest(
  engine: Engine,
  changes: AsyncIterable<SourceChange>,
  options: Pick<EvaluationOptions, 'onProgress' | 'signal'>,
): Promise<void> {
  const source = { collection: COLLECTION, source: 'corpus', connector: 'files', changes, deletes: true };
  for await (const event of engine.ingestChanges(source, options.signal)) {
    if (event.type === 'progress')
      options.onProgress?.({ stage: 'ingest', done: event.done, total: event.total ?? event.done });
    if (event.type === 'file' && event.outcome === 'failed') {
      throw new FootnoteError(
        'corrupt_document',
        `${event.file} could not be indexed: ${event.message ?? event.code ?? ''}`,
      );
    }
  }
}

/** The documents of a folder, as the files connector lists them. */
export function folderDocuments(directory: string, signal: AbortSignal): AsyncIterable<SourceChange> {
  const config = connectors.files.config.parse({ paths: [directory], ignoreFiles: [], links: 'follow' });
  return connectors.files.read(config, singleRead(systemClock, signal));
}

export async function writeOut(directory: string, name: string, text: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, name), text);
}
