import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { Tokenizer } from '@huggingface/tokenizers';
import { DEFAULT_MODEL } from '../../src/adapters/models/builtin.js';
import type { ModelStore } from '../../src/adapters/models/store.js';
import { openTokenizer } from '../../src/adapters/models/tokenizer.js';
import type { ParsedDocument } from '../../src/core/document.js';
import { DEFAULT_CHUNKER, chunkDocument } from '../../src/stages/chunk.js';
import { parseDocument } from '../../src/stages/parse/parse.js';
import type { CorpusFile } from '../corpus.js';
import type { BenchResult } from '../result.js';
import { median } from '../result.js';

export interface ChunkingBenchOptions {
  readonly store: ModelStore;
  readonly files: readonly CorpusFile[];
  readonly rounds?: number;
  /** From the embedding benchmark of the same run, to say what share of embedding time chunking takes. */
  readonly embeddedTokensPerSecond?: number;
}

interface Library {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
}

/** Chunking with its counting against one counting pass of the same tokenizer library over the same texts. Interleaved. */
export async function run({
  store,
  files,
  rounds = 7,
  embeddedTokensPerSecond,
}: ChunkingBenchOptions): Promise<BenchResult> {
  const model = await store.resolve(DEFAULT_MODEL);
  const json = JSON.parse(await readFile(model.paths.tokenizer, 'utf8')) as object;
  const library = new (Tokenizer as unknown as new (json: object, config: object) => Library)(json, {});
  const parsed: ParsedDocument[] = [];
  for (const { path, text } of files) parsed.push(await parseDocument(Buffer.from(text), { name: path }));
  const of = { documentId: '00000000-0000-5000-8000-000000000000', revision: '0'.repeat(32) };
  const chunkMs: number[] = [];
  const passMs: number[] = [];
  let tokens = 0;
  let chunks = 0;
  for (let round = 0; round <= rounds; round += 1) {
    const pass = (): number => {
      const from = performance.now();
      for (const { text } of parsed) library.encode(text, { add_special_tokens: false });
      return performance.now() - from;
    };
    const before = round % 2 === 0 ? pass() : undefined;
    // A tokenizer of its own each round: a worker that has just started knows no words yet.
    const tokenizer = await openTokenizer({ kind: 'file', path: model.paths.tokenizer });
    const from = performance.now();
    const made = parsed.flatMap((document) =>
      chunkDocument(document, of, DEFAULT_CHUNKER, (texts) => texts.map((text) => tokenizer.count(text))),
    );
    const ms = performance.now() - from;
    const after = before ?? pass();
    tokens = made.reduce((sum, chunk) => sum + chunk.tokens, 0);
    chunks = made.length;
    if (round === 0) continue;
    chunkMs.push(ms);
    passMs.push(after);
  }
  const share =
    embeddedTokensPerSecond === undefined
      ? {}
      : { ofEmbeddingTime: { value: median(chunkMs) / 1000 / (tokens / embeddedTokensPerSecond), target: 0.03 } };
  const characters = parsed.reduce((sum, { text }) => sum + text.length, 0);
  return {
    name: 'chunking',
    figures: {
      charactersPerSecond: characters / (median(chunkMs) / 1000),
      charactersPerSecondLibraryPass: characters / (median(passMs) / 1000),
      chunks,
    },
    ratios: {
      chunkingToCountingPass: { value: median(passMs.map((ms, index) => ms / chunkMs[index]!)), target: 0.8 },
      ...share,
    },
    notes: [`${files.length} files, ${characters} characters, ${rounds} rounds`],
  };
}
