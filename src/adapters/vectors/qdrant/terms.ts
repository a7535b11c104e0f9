/**
 * The lexical arm: BM25 as a product of sparse vectors. The point's side is the saturated term frequency, below; the
 * server multiplies the query's weights of 1 by ln(1 + (N - n + 0.5) / (n + 0.5)) (modifier `idf`). k1 and b are those
 * of the embedded store.
 *
 * Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, section 3.4.
 */
const K1 = 1.2;
const B = 0.75;
/**
 * Terms of a passage of average length. A point's weights may depend on nothing but the point, so the true average of a
 * generation, which moves with every write, has no place here.
 */
const REFERENCE_LENGTH = 48;

export interface SparseVector {
  /** Unsigned 32-bit, distinct. */
  readonly indices: number[];
  readonly values: number[];
}

/** The weights of a point's terms, or undefined when it has none. */
export function termWeights(terms: readonly string[]): SparseVector | undefined {
  if (terms.length === 0) return undefined;
  const counts = new Map<number, number>();
  for (const term of terms) {
    const index = termIndex(term);
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  const norm = K1 * (1 - B + (B * terms.length) / REFERENCE_LENGTH);
  return {
    indices: [...counts.keys()],
    values: Array.from(counts.values(), (count) => (count * (K1 + 1)) / (count + norm)),
  };
}

/** A query: each term once. */
export function queryWeights(terms: readonly string[]): SparseVector {
  const indices = [...new Set(terms.map(termIndex))];
  return { indices, values: indices.map(() => 1) };
}

/**
 * A term's place in the sparse vectors: MurmurHash3 x86 32-bit (Austin Appleby, public domain), seed 0, of its UTF-8
 * bytes. Two of a vocabulary's V terms share a place with a chance of V^2 / 2^33; they are then one term to the search.
 */
export function termIndex(term: string): number {
  const bytes = Buffer.from(term);
  const blocks = bytes.length & ~3;
  let hash = 0;
  for (let i = 0; i < blocks; i += 4) {
    hash ^= scramble(bytes.readInt32LE(i));
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = bytes.length - 1; i >= blocks; i--) tail = (tail << 8) | (bytes[i] as number);
  hash ^= scramble(tail) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  const product = Math.imul(block, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}
