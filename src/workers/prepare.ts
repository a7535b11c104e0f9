import { deserialize, serialize } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { Assembly, type Piece } from '../adapters/parsing/pieces.js';
import type { TokenizerSpec } from '../adapters/models/tokenizer.js';
import { openTokenizer } from '../adapters/models/tokenizer.js';
import type { GenerationSpec } from '../core/generation.js';
import { sha256 } from '../core/ids.js';
import type { PreparedChunk } from '../core/ports/processing.js';
import { answerCalls } from '../runtime/thread-answers.js';
import { DEFAULT_LANGUAGE, createAnalyzer } from '../stages/analyze.js';
import type { Analyzer } from '../stages/analyze.js';
import { chunkDocument } from '../stages/chunk.js';
import type { ChunkerOptions } from '../stages/chunk.js';
import { anchorsOf } from '../stages/cite.js';
import { modelInput } from '../stages/model-input.js';

export interface PrepareSetup {
  readonly tokenizer: TokenizerSpec;
}

export interface PrepareRequest {
  /** The parsed document's, each serialized. */
  readonly pieces: readonly Uint8Array[];
  readonly of: { readonly documentId: string; readonly revision: string; readonly title?: string };
  readonly spec: GenerationSpec;
}

if (!parentPort) throw new Error('This file is the entry point of a preparing thread.');

const tokenizer = openTokenizer((workerData as PrepareSetup).tokenizer);

/** Chunks serialized together. */
const SLICE = 200;

/** Kept over documents, for the words that they remember; a hostile run of made-up languages begins anew. */
const analyzers = new Map<string, Analyzer>();
const MAX_ANALYZERS = 16;

function analyzerOf(language: string): Analyzer {
  let analyzer = analyzers.get(language);
  if (!analyzer) {
    if (analyzers.size === MAX_ANALYZERS) analyzers.clear();
    analyzers.set(language, (analyzer = createAnalyzer(language)));
  }
  return analyzer;
}

answerCalls<PrepareRequest, Uint8Array[]>(parentPort, async ({ pieces, of, spec }) => {
  const assembly = new Assembly();
  for (const piece of pieces) assembly.add(deserialize(piece) as Piece);
  const parsed = assembly.document();
  const counter = await tokenizer;
  // The options were made by the same chunker's defaults; a generation stores them as plain values.
  const options = spec.chunker.options as unknown as ChunkerOptions;
  const chunks = chunkDocument(parsed, of, options, (texts) => texts.map((text) => counter.count(text)));
  const anchors = anchorsOf(
    parsed.text,
    chunks.map((chunk) => chunk.span),
    parsed.regions,
    parsed.parser,
  );
  const terms = analyzerOf(parsed.language ?? DEFAULT_LANGUAGE);
  const prepared = chunks.map((chunk, index): PreparedChunk => ({
    ...chunk,
    inputSha256: sha256(options.prefix + modelInput(chunk.context + chunk.text)),
    anchor: anchors[index]!,
    terms: terms(chunk.context + chunk.text),
  }));
  const slices: Uint8Array[] = [];
  for (let from = 0; from < prepared.length; from += SLICE) {
    slices.push(serialize(prepared.slice(from, from + SLICE)));
  }
  return slices;
});
