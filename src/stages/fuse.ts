/** What fusion and ranking need of a point that an arm found. The caller's own type may hold more. */
export interface Candidate {
  /** Unique; decides between equal scores. */
  readonly id: string;
  readonly documentId: string;
  /** Dot product of unit vectors, in [-1, 1]; absent when the dense arm did not return the point. */
  readonly dense?: number;
  /** BM25, > 0; absent when the lexical arm did not return the point. */
  readonly lexical?: number;
  /** Unit length, any number of dimensions; absent when the point has none or the store did not return it. */
  readonly vector?: Float32Array;
}

export interface Scores {
  /** Dot product with the query: the dense arm's, or computed here for a point that only the lexical arm returned. */
  readonly dense?: number | undefined;
  /** BM25 as the lexical arm gave it. */
  readonly lexical?: number | undefined;
  /** Weighted sum of both arms' z-scores: 0 is the mean of the query's candidates. Comparable within one query only. */
  readonly fused: number;
  /** What hits are ordered by: `fused`, adjusted by the neighbours of the first candidates (`rank.ts`). */
  readonly final: number;
}

export interface Ranked<C extends Candidate> {
  readonly candidate: C;
  readonly scores: Scores;
}

export interface FusionWeights {
  readonly dense: number;
  readonly lexical: number;
}

/** One default for all data. The dense arm leads; see docs/decisions/0003-fusion-and-ranking.md. */
export const DEFAULT_WEIGHTS: FusionWeights = { dense: 0.7, lexical: 0.3 };

/** Puts the arms' lists together, one candidate an id. A candidate in both lists gets both scores. */
export function unite<C extends Candidate>(dense: readonly C[], lexical: readonly C[]): C[] {
  const byId = new Map<string, C>(dense.map((candidate) => [candidate.id, candidate]));
  for (const candidate of lexical) {
    const other = byId.get(candidate.id);
    if (other === undefined) byId.set(candidate.id, candidate);
    else if (candidate.lexical !== undefined) byId.set(candidate.id, { ...other, lexical: candidate.lexical });
  }
  return [...byId.values()];
}

/**
 * Fuses the arms: `fused = w_dense z(dense) + w_lexical z(lexical)`, best first, ties by id.
 *
 * z(x) = (x - mean) / standard deviation over the candidates of this query, so that a weight means the same for BM25 and
 * for dot products whatever their ranges (Montague and Aslam 2001, "ZMUV"; a convex combination keeps what reciprocal rank
 * fusion throws away: Bruch, Gai and Ingber 2023, "An analysis of fusion functions for hybrid retrieval").
 *
 * A candidate that an arm did not return: its dot product is computed where the vectors are known; otherwise it gets the
 * least score that the arm returned, which is an upper bound of its true score, or 0, its true BM25, when the lexical arm
 * returned all that it has: a term that one passage alone holds would have no say otherwise. An arm that returned nothing,
 * or the same score for everything, has none. Does not depend on the order of the candidates.
 *
 * @param candidates ids are unique (`unite`)
 * @param query unit vector of the query in the candidates' space
 * @param lexicalComplete every point with a term of the query is among the candidates
 */
export function fuse<C extends Candidate>(
  candidates: readonly C[],
  query: Float32Array | undefined,
  weights: FusionWeights = DEFAULT_WEIGHTS,
  lexicalComplete = false,
): Ranked<C>[] {
  // Sums of floating-point numbers depend on their order, so it is fixed first.
  const sorted = [...candidates].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const dense = sorted.map((candidate) => denseScore(candidate, query));
  const lexical = sorted.map((candidate) => candidate.lexical);
  const denseZ = standardize(dense);
  const lexicalZ = standardize(lexical, lexicalComplete ? 0 : undefined);
  return sorted
    .map((candidate, i) => {
      const fused = weights.dense * (denseZ[i] ?? 0) + weights.lexical * (lexicalZ[i] ?? 0);
      return { candidate, scores: { dense: dense[i], lexical: lexical[i], fused, final: fused } };
    })
    .sort(byFinal);
}

/**
 * Best first. Equal final scores stand in the order that fusion gave them (a mean of neighbours rounds two scores to one, and
 * the passages of a document keep their order), then by id, so that the order is the same on every machine and run.
 */
export function byFinal(a: Ranked<Candidate>, b: Ranked<Candidate>): number {
  if (a.scores.final !== b.scores.final) return b.scores.final - a.scores.final;
  if (a.scores.fused !== b.scores.fused) return b.scores.fused - a.scores.fused;
  return a.candidate.id < b.candidate.id ? -1 : a.candidate.id > b.candidate.id ? 1 : 0;
}

function denseScore(candidate: Candidate, query: Float32Array | undefined): number | undefined {
  if (candidate.dense !== undefined) return candidate.dense;
  const { vector } = candidate;
  if (query === undefined || vector?.length !== query.length) return undefined;
  return dot(vector, query);
}

/** Four sums at a time: one alone would wait for its own last addition. */
function dot(a: Float32Array, b: Float32Array): number {
  let s = 0;
  let t = 0;
  let u = 0;
  let v = 0;
  const whole = a.length - (a.length % 4);
  for (let i = 0; i < whole; i += 4) {
    s += (a[i] as number) * (b[i] as number);
    t += (a[i + 1] as number) * (b[i + 1] as number);
    u += (a[i + 2] as number) * (b[i + 2] as number);
    v += (a[i + 3] as number) * (b[i + 3] as number);
  }
  for (let i = whole; i < a.length; i++) s += (a[i] as number) * (b[i] as number);
  return s + t + u + v;
}

/** z-scores; missing values stand at `absent`, or the least known one. All 0 where nothing is known or nothing differs. */
function standardize(values: readonly (number | undefined)[], absent?: number): number[] {
  let least = Infinity;
  for (const value of values) if (value !== undefined && value < least) least = value;
  if (least === Infinity) return values.map(() => 0);
  const filled = values.map((value) => value ?? absent ?? least);
  const mean = filled.reduce((sum, value) => sum + value, 0) / filled.length;
  const deviation = Math.sqrt(filled.reduce((sum, value) => sum + (value - mean) ** 2, 0) / filled.length);
  // Rounding alone may leave a tiny deviation where all values are equal.
  if (!(deviation > 1e-9 * Math.max(1, Math.abs(mean)))) return values.map(() => 0);
  return filled.map((value) => (value - mean) / deviation);
}
