import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { ConfigInput, Engine } from '../../src/engine.js';
import { openEngine } from '../../src/engine.js';
import { modelInput } from '../../src/stages/model-input.js';
import type { CorpusFile } from '../corpus.js';
import { spread } from '../corpus.js';
import type { BenchResult } from '../result.js';
import { median } from '../result.js';

export interface PipelineBenchOptions {
  readonly config: ConfigInput;
  readonly files: readonly CorpusFile[];
  readonly rounds?: number;
  /** Files a round. */
  readonly documents?: number;
  /** Where each round works; default: a data directory of its own. */
  readonly place?: (config: ConfigInput) => Promise<{ config: ConfigInput; remove: () => Promise<void> }>;
  readonly name?: string;
}

const COLLECTION = 'bench';
const never = new AbortController().signal;

/** From files to searchable, against embedding the very same model inputs with the same threads. Interleaved. */
export async function run(options: PipelineBenchOptions): Promise<BenchResult> {
  const { config, files, rounds = 5, documents = 96, place = dataDirectory, name = 'pipeline' } = options;
  const chosen = spread(files, documents);
  // One folder, since names repeat between the corpus's own.
  const folder = await mkdtemp(join(tmpdir(), 'footnote-bench-'));
  await Promise.all(chosen.map(({ path, text }, index) => writeFile(join(folder, `${index}-${basename(path)}`), text)));
  const ingestMs: number[] = [];
  const embedMs: number[] = [];
  const ingestCpu: number[] = [];
  const embedCpu: number[] = [];
  let inputs: string[] = [];
  // The first round warms up and tells the inputs.
  for (let round = 0; round <= rounds; round += 1) {
    const at = await place(config);
    const engine = await openEngine(at.config);
    try {
      await engine.surface.collections.put(engine.caller, COLLECTION, {}, never);
      const embedder = await engine.embedder();
      await embedder.embed(['warm up'], 'document');
      const embedFirst = round % 2 === 1;
      const embed = async (): Promise<void> => {
        const { ms, cpu } = await timed(() => embedder.embed(inputs, 'document'));
        embedMs.push(ms);
        embedCpu.push(cpu);
      };
      if (embedFirst) await embed();
      const { ms, cpu } = await timed(() => ingest(engine, [folder]));
      if (round === 0) inputs = await inputsOf(engine);
      else {
        ingestMs.push(ms);
        ingestCpu.push(cpu);
      }
      if (round > 0 && !embedFirst) await embed();
    } finally {
      await engine.close();
      await at.remove();
    }
  }
  await rm(folder, { recursive: true, force: true });
  const ratio = median(ingestMs.map((ms, index) => embedMs[index]! / ms));
  return {
    name,
    figures: {
      documentsPerSecond: chosen.length / (median(ingestMs) / 1000),
      chunksPerSecond: inputs.length / (median(ingestMs) / 1000),
      chunksPerSecondEmbedOnly: inputs.length / (median(embedMs) / 1000),
      cpuMsPerChunk: median(ingestCpu) / inputs.length,
      cpuMsPerChunkEmbedOnly: median(embedCpu) / inputs.length,
      loadAverage: loadavg()[0]!,
    },
    ratios: { pipelineToEmbedOnly: { value: ratio, target: 0.85 } },
    notes: [
      `${chosen.length} files, ${inputs.length} chunks a round, ${rounds} rounds`,
      "cpuMs: this process's own processor time, without its parsers and servers",
    ],
  };
}

async function ingest(engine: Engine, paths: readonly string[]): Promise<void> {
  const changes = engine.surface.ingest(engine.caller, COLLECTION, { paths: [...paths], deleteMissing: false }, never);
  for await (const event of changes) {
    if (event.type === 'file' && event.outcome === 'failed') throw new Error(`${event.file}: ${event.message ?? ''}`);
  }
}

async function inputsOf(engine: Engine): Promise<string[]> {
  const inputs: string[] = [];
  const { documents } = await engine.surface.documents.list(engine.caller, COLLECTION, { limit: 1000 }, never);
  for (const { documentId } of documents) {
    const at = { collection: COLLECTION, documentId };
    const { chunks } = await engine.surface.documents.chunks(engine.caller, at, { limit: 100_000 }, never);
    inputs.push(...chunks.map((chunk) => modelInput((chunk.context ?? '') + chunk.text)));
  }
  return inputs;
}

async function dataDirectory(config: ConfigInput): Promise<{ config: ConfigInput; remove: () => Promise<void> }> {
  const data = await mkdtemp(join(tmpdir(), 'footnote-bench-'));
  return { config: { ...config, data }, remove: () => rm(data, { recursive: true, force: true }) };
}

/** Milliseconds that passed, and of processor time that this process took. */
async function timed(work: () => Promise<unknown>): Promise<{ ms: number; cpu: number }> {
  const from = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - from, cpu: (user + system) / 1000 };
}
