import { byFinal } from './fuse.js';
import type { Candidate, Ranked } from './fuse.js';

export interface RankOptions {
  /** How many of the first candidates are adjusted. The work grows with its square. */
  readonly depth: number;
  /** Neighbours a candidate, at most. */
  readonly neighbours: number;
  /** The share of the final score that neighbours at cosine 1 would have, 0 (fusion as it is) to 1. */
  readonly share: number;
}

/** Own evidence never counts less than the neighbours': two near-equal passages draw together but never change places. */
const MOST = 0.5;

/** One default for all data; see docs/decisions/0003-fusion-and-ranking.md. */
export const DEFAULT_RANK: RankOptions = { depth: 40, neighbours: 8, share: 0.75 };

/**
 * Adjusts the first candidates by what their neighbours scored, best first, ties by the fused order:
 *
 *     final_i = (1 - a_i) fused_i + a_i * sum_j s_ij fused_j / sum_j s_ij,  a_i = min(1/2, share * mean_j s_ij)
 *
 * over the `neighbours` nearest j of other documents among the first `depth`, s_ij = cosine > 0. Closely related passages
 * tend to be relevant to the same queries (van Rijsbergen's cluster hypothesis), so a passage that one arm overrated falls,
 * and one whose wording both arms missed rises: score regularization of Diaz (2005, "Regularizing ad hoc retrieval
 * scores"; one step of its iteration). The nearer the neighbours, the more they say.
 *
 * Passages of the same document are no neighbours: they share headings and topic whatever they say, and would drown the
 * one passage that answers. For the same reason the passages of a document keep the order that fusion gave them: the
 * neighbours decide where a document's scores lie, its own evidence which passage gets the best of them.
 *
 * Everything comes from the candidates' own vectors: no call to a store or model, and well under a millisecond for
 * 40 x 384. A candidate without a vector, or with no neighbour, keeps its fused score. The rest stays behind the first
 * `depth` in its own order, since a mean of scores of the head is never below the least of them.
 *
 * @param fused from `fuse`: best first
 */
export function rank<C extends Candidate>(
  fused: readonly Ranked<C>[],
  options: RankOptions = DEFAULT_RANK,
): Ranked<C>[] {
  const head = fused.slice(0, options.depth);
  if (head.length < 2 || options.share === 0 || options.neighbours === 0) return [...fused];
  const similarity = cosines(head.map((entry) => entry.candidate.vector));
  const documents = head.map((entry) => entry.candidate.documentId);
  const finals = head.map((entry, i) => {
    const near = nearest(documents, similarity, i, options.neighbours);
    if (near.length === 0) return entry.scores.fused;
    let weight = 0;
    let sum = 0;
    for (const j of near) {
      const s = similarity[i * head.length + j] as number;
      weight += s;
      sum += s * (head[j] as Ranked<C>).scores.fused;
    }
    const share = Math.min(MOST, (options.share * weight) / near.length);
    return (1 - share) * entry.scores.fused + share * (sum / weight);
  });
  keepOrderWithin(documents, finals);
  const adjusted = head.map((entry, i): Ranked<C> => ({
    candidate: entry.candidate,
    scores: { ...entry.scores, final: finals[i] as number },
  }));
  return [...adjusted, ...fused.slice(options.depth)].sort(byFinal);
}

/** Hands each document's scores out again, the best to its first passage. */
function keepOrderWithin(documents: readonly string[], finals: number[]): void {
  const members = new Map<string, number[]>();
  documents.forEach((document, i) => {
    const found = members.get(document);
    if (found === undefined) members.set(document, [i]);
    else found.push(i);
  });
  for (const indices of members.values()) {
    if (indices.length === 1) continue;
    const scores = indices.map((i) => finals[i] as number).sort((a, b) => b - a);
    indices.forEach((i, place) => {
      finals[i] = scores[place] as number;
    });
  }
}

/** Indices of the nearest candidates of other documents, nearest first, equal ones by their place in the fused order. */
function nearest(documents: readonly string[], similarity: Float64Array, i: number, count: number): number[] {
  const n = documents.length;
  const own = documents[i];
  const found: number[] = [];
  const values: number[] = [];
  let least = 0;
  for (let j = 0; j < n; j++) {
    const s = similarity[i * n + j] as number;
    if (s <= least || documents[j] === own) continue;
    // Insertion into a short sorted list: `count` is about 8.
    let at = found.length < count ? found.length : count - 1;
    for (; at > 0 && s > (values[at - 1] as number); at--) {
      found[at] = found[at - 1] as number;
      values[at] = values[at - 1] as number;
    }
    found[at] = j;
    values[at] = s;
    if (found.length === count) least = values[count - 1] as number;
  }
  return found;
}

/**
 * n x n dot products, row-major; 0 where a vector is missing or has other dimensions than the first one. Four rows by two
 * columns at a time in double precision: twice as fast as pair by pair, since each number is loaded and widened less often.
 */
function cosines(vectors: readonly (Float32Array | undefined)[]): Float64Array {
  const n = vectors.length;
  const dims = vectors.find((vector) => vector !== undefined)?.length ?? 0;
  const rows = Math.ceil(n / 4) * 4;
  const x = new Float64Array(rows * dims);
  vectors.forEach((vector, i) => {
    if (vector?.length === dims) x.set(vector, i * dims);
  });
  const square = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i += 4) {
    for (let j = i; j < rows; j += 2) {
      multiply(x, dims, i, j, square, rows);
    }
  }
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    // Blocks lie on and above the diagonal.
    for (let j = i; j < n; j++) {
      const value = square[i * rows + j] as number;
      result[i * n + j] = value;
      result[j * n + i] = value;
    }
  }
  return result;
}

/** Dot products of rows i to i + 3 with rows j and j + 1 of `x` (row-major, `dims` columns) into `out` (`size` columns). */
function multiply(x: Float64Array, dims: number, i: number, j: number, out: Float64Array, size: number): void {
  const a = i * dims;
  const b = a + dims;
  const c = b + dims;
  const d = c + dims;
  const p = j * dims;
  const q = p + dims;
  let ap = 0;
  let aq = 0;
  let bp = 0;
  let bq = 0;
  let cp = 0;
  let cq = 0;
  let dp = 0;
  let dq = 0;
  for (let k = 0; k < dims; k++) {
    const u = x[p + k] as number;
    const v = x[q + k] as number;
    const ak = x[a + k] as number;
    const bk = x[b + k] as number;
    const ck = x[c + k] as number;
    const dk = x[d + k] as number;
    ap += ak * u;
    aq += ak * v;
    bp += bk * u;
    bq += bk * v;
    cp += ck * u;
    cq += ck * v;
    dp += dk * u;
    dq += dk * v;
  }
  const at = i * size + j;
  out[at] = ap;
  out[at + 1] = aq;
  out[at + size] = bp;
  out[at + size + 1] = bq;
  out[at + 2 * size] = cp;
  out[at + 2 * size + 1] = cq;
  out[at + 3 * size] = dp;
  out[at + 3 * size + 1] = dq;
}
