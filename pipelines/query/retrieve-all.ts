import { FootnoteError } from '../../src/core/errors.js';
import type { Release } from '../../src/core/generation.js';
import { forEachConcurrent } from '../../src/runtime/concurrency.js';
import type { Retrieved, RetrievedCandidate, RetrievePorts, RetrieveRequest } from './retrieve.js';
import { TEXT_VECTOR, retrieve } from './retrieve.js';
import type { Stopwatch } from './stopwatch.js';

/** Collections that are asked at once for one query. */
const AT_ONCE = 4;

/** What several collections gave for one query, as one list of candidates. */
export interface Pooled extends Pick<Retrieved, 'vector' | 'terms' | 'lexicalComplete'> {
  readonly candidates: readonly RetrievedCandidate[];
  readonly releases: ReadonlyMap<string, Release>;
}

/**
 * Asks each collection and pools what it gives: fusion and ranking then look at all candidates as if they were of one, so
 * that a weak collection's best is not taken for a strong one's. Dot products compare within one model space only, and so
 * collections of different ones are refused (law 9) unless the query is lexical. BM25 is each collection's own: its rare
 * words are rare there.
 * @param collections different names
 * @throws space_mismatch, what `retrieve` throws for any of them
 */
export async function retrieveAll(
  ports: RetrievePorts,
  collections: readonly string[],
  request: Omit<RetrieveRequest, 'collection'>,
  watch: Stopwatch,
): Promise<Pooled> {
  const found = new Map<string, Retrieved>();
  await forEachConcurrent(collections, AT_ONCE, async (collection) => {
    found.set(collection, await retrieve(ports, { ...request, collection }, watch));
  });
  const each = collections.map((collection) => found.get(collection)!);
  if (request.mode !== 'lexical') requireOneSpace(each);
  const vector = each[0]?.vector;
  return {
    candidates: each.flatMap(({ candidates }) => candidates),
    ...(vector === undefined ? {} : { vector }),
    terms: [...new Set(each.flatMap(({ terms }) => terms))],
    lexicalComplete: each.every(({ lexicalComplete }) => lexicalComplete),
    releases: new Map(collections.map((collection, i) => [collection, each[i]!.release])),
  };
}

function requireOneSpace(found: readonly Retrieved[]): void {
  const modelOf = ({ generation }: Retrieved) => generation.spec.models[TEXT_VECTOR];
  const first = found[0] && modelOf(found[0]);
  const other = found.find((each) => modelOf(each)?.space !== first?.space);
  if (!first || !other) return;
  throw new FootnoteError(
    'space_mismatch',
    `${found[0]!.generation.collection} was built with ${first.model}, ${other.generation.collection} with ` +
      `${modelOf(other)?.model ?? 'none'}: what they find can't be compared. Ask them one by one, in mode lexical, or reindex.`,
  );
}
