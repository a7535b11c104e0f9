import { performance } from 'node:perf_hooks';
import { createTokenCounters } from '../../src/adapters/tokenizers/index.js';
import { seededRandom } from '../../src/runtime/random.js';
import { quantile } from '../../src/services/eval/statistics.js';
import { DEFAULT_CHUNKER, chunkDocument } from '../../src/stages/chunk.js';
import type { PackCandidate, PackDocument } from '../../src/stages/pack.js';
import { packContext } from '../../src/stages/pack.js';
import { parseDocument } from '../../src/stages/parse/parse.js';
import type { CorpusFile } from '../corpus.js';
import type { BenchResult } from '../result.js';

export interface PackingBenchOptions {
  readonly files: readonly CorpusFile[];
  readonly packs?: number;
}

const CANDIDATES = 100;
const BUDGET = 4096;

/** Packing 100 candidates, drawn at random from real chunks, into 4,096 o200k_base tokens, texts at hand. */
export async function run({ files, packs = 200 }: PackingBenchOptions): Promise<BenchResult> {
  const counter = await createTokenCounters()('o200k_base');
  const documents = new Map<string, PackDocument>();
  const pool: PackCandidate[] = [];
  // Sizes do not matter to what is measured: a word counts as one and a third tokens.
  const roughly = (texts: readonly string[]): number[] =>
    texts.map((text) => Math.ceil(text.split(/\s+/).length * 1.33));
  for (const { path, text } of files) {
    const parsed = await parseDocument(Buffer.from(text), { name: path });
    documents.set(path, parsed);
    const of = { documentId: path, revision: '0'.repeat(32) };
    for (const chunk of chunkDocument(parsed, of, DEFAULT_CHUNKER, roughly)) {
      pool.push({
        chunkId: chunk.id,
        documentId: path,
        revision: chunk.revision,
        span: chunk.span,
        text: chunk.text,
        headings: chunk.headings,
        title: parsed.title,
        after: parsed.text.slice(chunk.span.end, chunk.span.end + 32),
      });
    }
  }
  const random = seededRandom(7);
  const times: number[] = [];
  let over = 0;
  for (let index = -20; index < packs; index += 1) {
    // Half from a few documents, as real candidates are.
    const from = Math.floor(random() * (pool.length - 400));
    const near = Array.from({ length: CANDIDATES / 2 }, () => pool[from + Math.floor(random() * 400)]!);
    const far = Array.from({ length: CANDIDATES / 2 }, () => pool[Math.floor(random() * pool.length)]!);
    const candidates = [...new Map([...near, ...far].map((each) => [each.chunkId, each])).values()];
    const began = performance.now();
    const packed = packContext(candidates, documents, BUDGET, counter);
    if (index >= 0) times.push(performance.now() - began);
    if (packed.tokens > BUDGET) over += 1;
  }
  const sorted = times.toSorted((a, b) => a - b);
  return {
    name: 'packing',
    figures: { msP50: quantile(sorted, 0.5), msP99: quantile(sorted, 0.99), overBudget: over },
    ratios: {},
    notes: [`${packs} packs of ${CANDIDATES} candidates into ${BUDGET} tokens; target: p50 <= 10 ms`],
  };
}
