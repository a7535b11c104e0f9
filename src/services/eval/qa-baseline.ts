import type { TokenCounter } from '../../core/ports/models.js';

/**
 * The baseline that `eval --qa` runs beside the engine: fixed windows of the raw text, both arms min-max normalised over
 * their first hits and added with equal weights, the best windows one after the other. No structure, no headings, no
 * joining, no markers. Shares nothing with the engine but model, tokenizer and analyzer.
 */
export interface BaselineOptions {
  /** The model's longest input, special tokens included. */
  readonly maxTokens: number;
  readonly specialTokens: number;
  /** Hits of each arm that are fused. */
  readonly depth: number;
}

const DEFAULT_BASELINE: BaselineOptions = { maxTokens: 256, specialTokens: 2, depth: 100 };

export interface BaselineDocument {
  readonly id: string;
  readonly text: string;
}

export interface BaselineTools {
  /** Tokens of each text, without special tokens, by the model's tokenizer. */
  readonly countTokens: (texts: readonly string[]) => Promise<readonly number[]> | readonly number[];
  /** Unit vectors. */
  readonly embed: (texts: readonly string[], role: 'query' | 'document') => Promise<readonly Float32Array[]>;
  readonly analyze: (text: string) => readonly string[];
}

export interface BaselineWindow {
  readonly documentId: string;
  readonly text: string;
}

export interface BaselineIndex {
  readonly windows: readonly BaselineWindow[];
  readonly vectors: readonly Float32Array[];
  readonly lexical: Bm25;
}

/**
 * Cuts a text into windows of at most `limit` tokens at white space, each as full as can be. Words are counted one by one,
 * which is exact for tokenizers that split at white space first; a longer word is a window of its own.
 */
export async function fixedWindows(
  text: string,
  limit: number,
  countTokens: BaselineTools['countTokens'],
): Promise<string[]> {
  const words = [...text.matchAll(/\S+/g)];
  const counts = await countTokens(words.map((word) => word[0]));
  const windows: string[] = [];
  let start = 0;
  let end = 0;
  let size = 0;
  words.forEach((word, i) => {
    const tokens = counts[i] ?? 0;
    if (end > start && size + tokens > limit) {
      windows.push(text.slice(start, end));
      size = 0;
      start = word.index;
    }
    if (size === 0) start = word.index;
    end = word.index + word[0].length;
    size += tokens;
  });
  if (end > start) windows.push(text.slice(start, end));
  return windows;
}

export async function buildBaseline(
  documents: readonly BaselineDocument[],
  tools: BaselineTools,
  options: BaselineOptions = DEFAULT_BASELINE,
): Promise<BaselineIndex> {
  const windows: BaselineWindow[] = [];
  for (const { id, text } of documents) {
    const limit = options.maxTokens - options.specialTokens;
    for (const window of await fixedWindows(text, limit, tools.countTokens)) {
      windows.push({ documentId: id, text: window });
    }
  }
  const texts = windows.map((window) => window.text);
  const vectors = await tools.embed(texts, 'document');
  return { windows, vectors, lexical: new Bm25(texts.map(tools.analyze)) };
}

/** The windows of both arms' first hits, best first. */
export async function rankBaseline(
  index: BaselineIndex,
  query: string,
  tools: BaselineTools,
  options: BaselineOptions = DEFAULT_BASELINE,
): Promise<BaselineWindow[]> {
  const [vector] = await tools.embed([query], 'query');
  const dense = index.vectors.map((other) => (vector === undefined ? 0 : dot(vector, other)));
  const lexical = index.lexical.scores(tools.analyze(query));
  const sums = new Map<number, number>();
  for (const scores of [top(dense, options.depth), top(lexical, options.depth).filter(([, score]) => score > 0)]) {
    const high = scores[0]?.[1] ?? 0;
    const low = scores.at(-1)?.[1] ?? 0;
    for (const [i, score] of scores) {
      sums.set(i, (sums.get(i) ?? 0) + 0.5 * (high > low ? (score - low) / (high - low) : 0));
    }
  }
  return [...sums]
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .map(([i]) => index.windows[i])
    .filter((window) => window !== undefined);
}

/** The first windows that fit the budget together, with a blank line between them. */
export function packBaseline(ranked: readonly BaselineWindow[], budget: number, counter: TokenCounter): string {
  let context = '';
  for (const { text } of ranked) {
    const longer = context === '' ? text : `${context}\n\n${text}`;
    if (counter.count(longer) > budget) break;
    context = longer;
  }
  return context;
}

/** Places and values of the k highest, equal ones by place. */
function top(values: ArrayLike<number>, k: number): [number, number][] {
  return Array.from(values, (value, i): [number, number] => [i, value])
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, k);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] ?? 0);
  return sum;
}

/** BM25 with k1 = 1.2, b = 0.75 and the idf that is never negative (Robertson & Zaragoza 2009; Lucene's form). */
export class Bm25 {
  readonly #postings = new Map<string, [number, number][]>();
  readonly #lengths: readonly number[];
  readonly #average: number;

  constructor(texts: readonly (readonly string[])[]) {
    this.#lengths = texts.map((terms) => terms.length);
    this.#average = this.#lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, texts.length);
    texts.forEach((terms, i) => {
      const counts = new Map<string, number>();
      for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
      for (const [term, count] of counts) {
        const list = this.#postings.get(term);
        if (list) list.push([i, count]);
        else this.#postings.set(term, [[i, count]]);
      }
    });
  }

  /** By text; 0 where no term of the query stands. A term that the query repeats counts once. */
  scores(query: readonly string[]): Float64Array {
    const n = this.#lengths.length;
    const scores = new Float64Array(n);
    for (const term of new Set(query)) {
      const list = this.#postings.get(term) ?? [];
      const idf = Math.log(1 + (n - list.length + 0.5) / (list.length + 0.5));
      for (const [i, count] of list) {
        const norm = 1.2 * (0.25 + (0.75 * (this.#lengths[i] ?? 0)) / this.#average);
        scores[i] = (scores[i] ?? 0) + (idf * count * 2.2) / (count + norm);
      }
    }
    return scores;
  }
}
