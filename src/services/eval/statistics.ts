import { seededRandom } from '../../runtime/random.js';
/**
 * The statistics of `eval`: ranking measures, areas under the ROC curve, and bootstrap intervals. All are pure, and the
 * resampling is seeded, so that the same run prints the same numbers.
 */

/** A point estimate with the ends of its 95 % bootstrap percentile interval (Efron & Tibshirani 1993, chapter 13). */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  /** Resamples; 10,000 unless told. */
  readonly resamples?: number;
  /** Seed of the generator; 1 unless told. */
  readonly seed?: number;
}

export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return values.length === 0 ? Number.NaN : sum / values.length;
}

/** The q-quantile (0 to 1) with linear interpolation (Hyndman & Fan 1996, type 7). `sorted` is ascending. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = (sorted.length - 1) * q;
  const below = Math.floor(at);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (at - below);
}

function percentileInterval(value: number, samples: Float64Array): Interval {
  samples.sort();
  return { value, low: quantile(samples, 0.025), high: quantile(samples, 0.975) };
}

/** The mean of per-query values, with a bootstrap interval over queries. */
export function bootstrapMean(values: readonly number[], options: BootstrapOptions = {}): Interval {
  const { resamples = 10_000, seed = 1 } = options;
  const random = seededRandom(seed);
  const n = values.length;
  const samples = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[Math.floor(random() * n)] as number;
    samples[r] = sum / n;
  }
  return percentileInterval(mean(values), samples);
}

/**
 * The mean of `a[i] - b[i]` with a paired bootstrap interval: queries are drawn, both systems are read on the same draw
 * (Sakai, "Evaluating evaluation metrics based on the bootstrap", SIGIR 2006).
 */
export function pairedBootstrap(a: readonly number[], b: readonly number[], options: BootstrapOptions = {}): Interval {
  if (a.length !== b.length) throw new RangeError(`paired bootstrap of ${a.length} and ${b.length} values`);
  return bootstrapMean(
    a.map((value, i) => value - (b[i] as number)),
    options,
  );
}

/** Ranks from 1, ties share the mean of their ranks. */
function midranks(values: readonly number[]): Float64Array {
  const order = values.map((_, i) => i).sort((x, y) => (values[x] as number) - (values[y] as number));
  const ranks = new Float64Array(values.length);
  for (let i = 0; i < order.length;) {
    let j = i;
    while (j + 1 < order.length && values[order[j + 1] as number] === values[order[i] as number]) j++;
    for (let k = i; k <= j; k++) ranks[order[k] as number] = (i + j) / 2 + 1;
    i = j + 1;
  }
  return ranks;
}

/**
 * Area under the ROC curve: the probability that a positive scores above a negative, a tie counting half
 * (the Mann-Whitney statistic; Hanley & McNeil 1982).
 */
export function auc(positives: readonly number[], negatives: readonly number[]): number {
  const m = positives.length;
  const n = negatives.length;
  if (m === 0 || n === 0) return Number.NaN;
  const ranks = midranks([...positives, ...negatives]);
  let sum = 0;
  for (let i = 0; i < m; i++) sum += ranks[i] as number;
  return (sum - (m * (m + 1)) / 2) / (m * n);
}

/** AUC with a bootstrap interval; positives and negatives are drawn apart, so that both classes keep their sizes. */
export function aucInterval(
  positives: readonly number[],
  negatives: readonly number[],
  options: BootstrapOptions = {},
): Interval {
  const { resamples = 10_000, seed = 1 } = options;
  const m = positives.length;
  const n = negatives.length;
  const value = auc(positives, negatives);
  if (m === 0 || n === 0) return { value, low: Number.NaN, high: Number.NaN };
  const random = seededRandom(seed);
  // One sort for all draws: a draw is how often each item was taken, read along the distinct scores.
  const scores = [...new Set([...positives, ...negatives])].sort((x, y) => x - y);
  const level = new Map(scores.map((score, i) => [score, i]));
  const positiveLevel = Int32Array.from(positives, (score) => level.get(score) as number);
  const negativeLevel = Int32Array.from(negatives, (score) => level.get(score) as number);
  const drawnPositives = new Int32Array(scores.length);
  const drawnNegatives = new Int32Array(scores.length);
  const samples = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    drawnPositives.fill(0);
    drawnNegatives.fill(0);
    for (let i = 0; i < m; i++) {
      const at = positiveLevel[Math.floor(random() * m)] as number;
      drawnPositives[at] = (drawnPositives[at] as number) + 1;
    }
    for (let i = 0; i < n; i++) {
      const at = negativeLevel[Math.floor(random() * n)] as number;
      drawnNegatives[at] = (drawnNegatives[at] as number) + 1;
    }
    let below = 0;
    let wins = 0;
    for (let i = 0; i < scores.length; i++) {
      const ties = drawnNegatives[i] as number;
      wins += (drawnPositives[i] as number) * (below + ties / 2);
      below += ties;
    }
    samples[r] = wins / (m * n);
  }
  return percentileInterval(value, samples);
}

/** Judged gain of each relevant document; documents that are absent have gain 0. */
export type Judgements = ReadonlyMap<string, number>;

/**
 * nDCG at k with linear gains and the logarithmic discount log2(rank + 1), as trec_eval's `ndcg_cut` computes it
 * (Järvelin & Kekäläinen 2002). 0 when nothing is relevant.
 */
export function ndcgAt(k: number, ranking: readonly string[], judgements: Judgements): number {
  const discount = (gains: readonly number[]): number =>
    gains.slice(0, k).reduce((sum, gain, i) => sum + gain / Math.log2(i + 2), 0);
  const gains = ranking.map((id) => Math.max(0, judgements.get(id) ?? 0));
  const ideal = [...judgements.values()].filter((gain) => gain > 0).sort((x, y) => y - x);
  const best = discount(ideal);
  return best === 0 ? 0 : discount(gains) / best;
}

/** The share of the relevant documents (gain above 0) among the first k; 0 when nothing is relevant. */
export function recallAt(k: number, ranking: readonly string[], judgements: Judgements): number {
  const relevant = [...judgements.values()].filter((gain) => gain > 0).length;
  if (relevant === 0) return 0;
  const found = new Set(ranking.slice(0, k).filter((id) => (judgements.get(id) ?? 0) > 0));
  return found.size / relevant;
}

/** The reciprocal rank of the first relevant document among the first k; 0 when there is none. */
export function reciprocalRankAt(k: number, ranking: readonly string[], judgements: Judgements): number {
  const at = ranking.slice(0, k).findIndex((id) => (judgements.get(id) ?? 0) > 0);
  return at === -1 ? 0 : 1 / (at + 1);
}
