/** What confidence needs of a candidate: all of it is in a hit, nothing is asked of a store or model. */
export interface ConfidenceCandidate {
  readonly documentId: string;
  /** Dot product of unit vectors, for every candidate (fusion computes it for those that only the lexical arm found). */
  readonly dense?: number | undefined;
  /** Analyzed terms of the chunk's searched text. */
  readonly terms: readonly string[];
  /** Heading path: chunks of one document whose first two headings agree are of one part. */
  readonly headings: readonly string[];
}

export interface ConfidenceFeatures {
  /** 0 to about 2: nearness of the nearest passage of a part, and how much of the query the part's passages name. */
  readonly strength: number;
  /** 0 to about 1: by how much the best document stands out from the five next ones. */
  readonly margin: number;
}

/** Weight of the named share of a query beside the dot product, where a passage's evidence is summed up. */
const NAMED_WEIGHT = 0.25;
/** Headings that name a part of a document: its title and the first division. */
const PART_HEADINGS = 2;
/** Documents that the best one is compared with. */
const OTHERS = 5;

/**
 * Coefficients of the logistic model P(answered) = 1 / (1 + e^-(bias + strength s + margin m)).
 *
 * Fitted by maximum likelihood (ridge 1 on standardised features) on questions that a corpus answers against questions it
 * does not answer and the answerable ones with their document left out; halves, data and figures in
 * docs/decisions/0005-confidence.md. They hold for embedders whose dot products have about the range of MiniLM's;
 * for others the order of queries is kept, the probabilities shift.
 */
export interface ConfidenceModel {
  readonly bias: number;
  readonly strength: number;
  readonly margin: number;
}

const DEFAULT_CONFIDENCE: ConfidenceModel = { bias: -4.08, strength: 5.04, margin: 7.15 };

/** Shares of the query's weight by term: rare terms among the candidates weigh more (BM25's idf over the candidates). */
function weightsOf(terms: readonly string[], candidates: readonly ReadonlySet<string>[]): Map<string, number> {
  const n = candidates.length;
  const weights = new Map<string, number>();
  let total = 0;
  for (const term of new Set(terms)) {
    const holders = candidates.reduce((sum, held) => sum + (held.has(term) ? 1 : 0), 0);
    const weight = Math.log(1 + (n - holders + 0.5) / (holders + 0.5));
    weights.set(term, weight);
    total += weight;
  }
  if (total > 0) for (const [term, weight] of weights) weights.set(term, weight / total);
  return weights;
}

/**
 * The two features, from the query's terms and its candidates (both arms, in any order).
 *
 *     strength = max over parts P of  max_{c in P} cos(c) + sum_t w_t max_{c in P, t in c} cos(c)
 *     margin   = E_1 - mean(E_2 .. E_6),  E_d = max_{c in d} cos(c) + 0.25 sum_{t in c} w_t, documents by falling E
 *
 * cos(c) is the candidate's dot product, not below 0; w_t the share of term t in the query by idf over the candidates,
 * terms that nobody holds included: a query about what the collection never mentions is weak however near its passages.
 * The margin is a score-distribution predictor of query performance (Cummins 2014; NQC of Shtok et al. 2012).
 */
export function confidenceFeatures(
  queryTerms: readonly string[],
  candidates: readonly ConfidenceCandidate[],
): ConfidenceFeatures {
  const held = candidates.map((candidate) => new Set(candidate.terms));
  const weights = weightsOf(queryTerms, held);
  const documents = new Map<string, number>();
  const parts = new Map<string, { near: number; terms: Map<string, number> }>();
  let least = Infinity;
  candidates.forEach((candidate, i) => {
    const near = Math.max(0, candidate.dense ?? 0);
    const key = JSON.stringify([candidate.documentId, ...candidate.headings.slice(0, PART_HEADINGS)]);
    const part = parts.get(key) ?? { near: 0, terms: new Map<string, number>() };
    parts.set(key, part);
    part.near = Math.max(part.near, near);
    let named = 0;
    for (const [term, weight] of weights) {
      if (!held[i]?.has(term)) continue;
      named += weight;
      part.terms.set(term, Math.max(part.terms.get(term) ?? 0, weight * near));
    }
    const evidence = near + NAMED_WEIGHT * named;
    least = Math.min(least, evidence);
    documents.set(candidate.documentId, Math.max(documents.get(candidate.documentId) ?? 0, evidence));
  });
  let strength = 0;
  for (const part of parts.values()) {
    strength = Math.max(strength, part.near + [...part.terms.values()].reduce((sum, value) => sum + value, 0));
  }
  const [first = 0, ...rest] = [...documents.values()].sort((a, b) => b - a);
  return { strength, margin: documents.size === 0 ? 0 : first - meanOr(rest.slice(0, OTHERS), least) };
}

/** The probability, in [0, 1], that the candidates hold an answer: comparable across queries. 0 without candidates. */
export function confidence(
  queryTerms: readonly string[],
  candidates: readonly ConfidenceCandidate[],
  model: ConfidenceModel = DEFAULT_CONFIDENCE,
): number {
  if (candidates.length === 0) return 0;
  const { strength, margin } = confidenceFeatures(queryTerms, candidates);
  return logistic(model.bias + model.strength * strength + model.margin * margin);
}

/** Coefficients of the same kind for one passage alone: dot product and share of the query's terms that it holds. */
const PASSAGE_CONFIDENCE = { bias: -4.29, near: 7.08, named: 2.55 };

/**
 * How likely one passage answers, in [0, 1], seen alone: comparable across queries, but weaker than `confidence`, which
 * knows the other candidates. Where the dense arm did not score the passage its dot product counts as 0.
 */
export function confidenceOfPassage(
  passage: Pick<ConfidenceCandidate, 'dense' | 'terms'>,
  queryTerms: readonly string[],
): number {
  const asked = new Set(queryTerms);
  const held = new Set(passage.terms);
  const named = asked.size === 0 ? 0 : [...asked].filter((term) => held.has(term)).length / asked.size;
  const { bias, near, named: weight } = PASSAGE_CONFIDENCE;
  return logistic(bias + near * Math.max(0, passage.dense ?? 0) + weight * named);
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function meanOr(values: readonly number[], otherwise: number): number {
  return values.length === 0 ? otherwise : values.reduce((sum, value) => sum + value, 0) / values.length;
}
