import type { Schemas } from '@qdrant/js-client-rest';
import type { Arm, Hit, Point } from '../../../core/ports/vectors.js';
import type { VectorDims } from '../spec.js';
import type { Connection } from './connection.js';
import { decodePoint, WHOLE_PAYLOAD } from './points.js';
import { TERMS_VECTOR } from './schema.js';
import { queryWeights } from './terms.js';

/** Candidates kept while walking the HNSW graph, at least; a smaller one costs recall. */
const EF = 128;
/** Candidates a hit that are scored again with full vectors, where they are quantized. */
const OVERSAMPLING = 2;
/** How many times k hits are looked at when the last place is shared. */
const TIE_DEPTH = 8;
/** Distinct terms of one query, the first ones. */
const MAX_TERMS = 256;

/** A generation's collection, as its requests need it. */
export interface Collection {
  readonly generation: string;
  readonly name: string;
  readonly dims: VectorDims;
}

interface Search {
  readonly connection: Connection;
  readonly collection: Collection;
  readonly filter: Schemas['Filter'];
  readonly k: number;
  readonly signal: AbortSignal | undefined;
  /** Points that were decoded already: one that several arms found is decoded once. */
  readonly known: Map<string, Point>;
}

/** One list an arm, all arms in one request. */
export async function searchArms(
  connection: Connection,
  collection: Collection,
  arms: readonly Arm[],
  filter: Schemas['Filter'] | undefined,
  k: number,
  signal: AbortSignal | undefined,
): Promise<Hit[][]> {
  const lists: Hit[][] = arms.map(() => []);
  const asked = arms.flatMap((arm, index) => {
    const query = queryOf(arm);
    return query === undefined ? [] : [{ index, query }];
  });
  if (k < 1 || filter === undefined || asked.length === 0) return lists;
  const search: Search = { connection, collection, filter, k, signal, known: new Map() };
  const names = Object.keys(collection.dims);
  // One more than asked for shows whether the last place is shared.
  const answers = await ask(
    search,
    asked.map(({ query }) => ({ ...query, limit: k + 1, with_payload: WHOLE_PAYLOAD, with_vector: names })),
  );
  const tied: number[] = [];
  asked.forEach(({ index }, i) => {
    const hits = inOrder(
      (answers[i] ?? []).map((found) => ({ id: String(found.id), score: found.score, point: decoded(search, found) })),
    );
    if (hits.length > k && hits[k]?.score === hits[k - 1]?.score) tied.push(i);
    lists[index] = hits.slice(0, k).map(({ point, score }) => ({ point, score }));
  });
  if (tied.length === 0) return lists;
  const settled = await settleTies(
    search,
    tied.map((i) => asked[i]!.query),
  );
  tied.forEach((i, j) => (lists[asked[i]!.index] = settled[j]!));
  return lists;
}

/**
 * Several points share the last place: the ones with the least ids get it, wherever the store keeps them. Looks at ids
 * and scores of many more hits and fetches those that are missing. (Of more equal points than that, any.)
 */
async function settleTies(search: Search, queries: readonly Schemas['QueryRequest'][]): Promise<Hit[][]> {
  const { k, known } = search;
  const answers = await ask(
    search,
    queries.map((query) => ({ ...query, limit: TIE_DEPTH * k, with_payload: false, with_vector: false })),
  );
  const ranked = answers.map((found) => inOrder(found.map(({ id, score }) => ({ id: String(id), score }))).slice(0, k));
  const unknown = new Set(ranked.flat().flatMap(({ id }) => (known.has(id) ? [] : [id])));
  if (unknown.size > 0) await fetchPoints(search, [...unknown]);
  // A point may be gone since the last request.
  return ranked.map((list) =>
    list.flatMap(({ id, score }) => {
      const point = known.get(id);
      return point ? [{ point, score }] : [];
    }),
  );
}

async function ask(
  { connection, collection, filter, signal }: Search,
  queries: readonly Schemas['QueryRequest'][],
): Promise<Schemas['ScoredPoint'][][]> {
  const searches = queries.map((query) => ({ ...query, filter }));
  const answers = await connection.call(
    collection.generation,
    (api, init) => api.queryBatchPoints({ collection_name: collection.name, searches }, init),
    signal,
  );
  return answers.map(({ points }) => points);
}

async function fetchPoints(search: Search, ids: string[]): Promise<void> {
  const { connection, collection, signal } = search;
  const records = await connection.call(
    collection.generation,
    (api, init) =>
      api.getPoints(
        {
          collection_name: collection.name,
          ids,
          with_payload: WHOLE_PAYLOAD,
          with_vector: Object.keys(collection.dims),
        },
        init,
      ),
    signal,
  );
  for (const record of records) decoded(search, record);
}

function decoded({ known, collection }: Search, record: Parameters<typeof decodePoint>[0]): Point {
  const id = String(record.id);
  let point = known.get(id);
  if (point === undefined) known.set(id, (point = decodePoint(record, Object.keys(collection.dims))));
  return point;
}

/** Best first, ties by id. */
function inOrder<T extends { readonly id: string; readonly score: number }>(found: T[]): T[] {
  return found.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}

/** Undefined for an arm that can find nothing. */
function queryOf(arm: Arm): Schemas['QueryRequest'] | undefined {
  if (arm.kind === 'dense') {
    return {
      query: Array.from(arm.query),
      using: arm.vector,
      params: { hnsw_ef: EF, quantization: { rescore: true, oversampling: OVERSAMPLING } },
    };
  }
  const terms = [...new Set(arm.terms)].filter(Boolean).slice(0, MAX_TERMS);
  return terms.length === 0 ? undefined : { query: queryWeights(terms), using: TERMS_VECTOR };
}
