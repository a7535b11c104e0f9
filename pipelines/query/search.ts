import type { Release } from '../../src/core/generation.js';
import { narrowCaller } from '../../src/core/policy.js';
import type { Caller } from '../../src/core/policy.js';
import type { Search, SearchHit, SearchMany, SearchManyResult, SearchResult } from '../../src/core/schemas/query.js';
import { forEachConcurrent } from '../../src/runtime/concurrency.js';
import { cite } from '../../src/stages/cite.js';
import { confidenceOfPassage } from '../../src/stages/confidence.js';
import { DEFAULT_FOLD_THRESHOLD, fold } from '../../src/stages/fold.js';
import type { Ranked } from '../../src/stages/fuse.js';
import { order } from './ranking.js';
import type { Retrieved, RetrievedCandidate, RetrievePorts, RetrieveRequest } from './retrieve.js';
import { retrieve } from './retrieve.js';
import { retrieveAll } from './retrieve-all.js';
import { Stopwatch } from './stopwatch.js';

export interface SearchPorts extends RetrievePorts {
  /** Candidates asked of each arm. */
  readonly candidates: number;
}

/** A document by its best chunk. */
export interface RankedDocument {
  readonly documentId: string;
  readonly key: string;
  readonly score: number;
}

/** Documents by their best chunk, best first, nothing folded: what evaluations judge. @throws what `retrieve` throws */
export async function rankDocuments(
  ports: SearchPorts,
  caller: Caller,
  collection: string,
  request: Search,
  signal?: AbortSignal,
): Promise<RankedDocument[]> {
  const retrieved = await retrieve(
    ports,
    { ...asked(ports, caller, request, signal), collection },
    new Stopwatch(ports.telemetry),
  );
  const best = new Map<string, RankedDocument>();
  for (const { candidate, scores } of order(request.mode, retrieved)) {
    const { documentId, point } = candidate;
    if (!best.has(documentId)) best.set(documentId, { documentId, key: point.key, score: scores.final });
    if (best.size >= request.limit) break;
  }
  return [...best.values()];
}

/** Each arm gives twice as many chunks as hits are wanted: some are the same, some fold, some are not the caller's. */
const CHUNKS_A_HIT = 2;

function asked(
  ports: SearchPorts,
  caller: Caller,
  request: Search,
  signal: AbortSignal | undefined,
): Omit<RetrieveRequest, 'collection'> {
  return {
    caller: narrowCaller(caller, request.as),
    query: request.query,
    mode: request.mode,
    ...(request.filter === undefined ? {} : { filter: request.filter }),
    k: Math.max(ports.candidates, CHUNKS_A_HIT * request.limit),
    wanted: request.limit,
    ...(signal === undefined ? {} : { signal }),
  };
}

/** Hits for a query, best first, near-duplicates folded, each with its citation. @throws what `retrieve` throws */
export async function search(
  ports: SearchPorts,
  caller: Caller,
  collection: string,
  request: Search,
  signal?: AbortSignal,
): Promise<SearchResult> {
  const { found, releases, timings } = await searchIn(ports, caller, [collection], request, signal);
  return { hits: found.map(({ hit }) => hit), release: releaseRef(releases.get(collection)!), timings };
}

/** The same over several collections and for several queries. @throws what `retrieveAll` throws */
export async function searchMany(
  ports: SearchPorts,
  caller: Caller,
  { collections, queries, ...request }: SearchMany,
  signal?: AbortSignal,
): Promise<SearchManyResult> {
  const results = await eachQuery(queries, async (query) => {
    const { found, releases, timings } = await searchIn(ports, caller, collections, { ...request, query }, signal);
    const hits = found.map(({ hit, collection }) => ({ ...hit, collection }));
    return { query, hits, releases: releaseRefs(releases), timings };
  });
  return { results };
}

async function searchIn(
  ports: SearchPorts,
  caller: Caller,
  collections: readonly string[],
  request: Search,
  signal: AbortSignal | undefined,
) {
  const watch = new Stopwatch(ports.telemetry);
  const pooled = await retrieveAll(ports, collections, asked(ports, caller, request, signal), watch);
  const found = watch.timeSync('rank', () => {
    const entries = order(request.mode, pooled).map((entry) => ({
      id: entry.candidate.point.chunkId,
      text: entry.candidate.text,
      entry,
    }));
    const { kept, folded } = fold(entries, { limit: request.limit, threshold: DEFAULT_FOLD_THRESHOLD });
    const documents = new Map(entries.map(({ id, entry }) => [id, entry.candidate.documentId]));
    return kept.map(({ id, entry }) => {
      const under = (folded.get(id) ?? []).map((chunkId) => ({ chunkId, documentId: documents.get(chunkId)! }));
      return { hit: hitOf(entry, under, pooled), collection: entry.candidate.collection };
    });
  });
  return { found, releases: pooled.releases, timings: watch.timings() };
}

/** Queries of one request that are answered at once. */
const QUERIES_AT_ONCE = 4;

/** In the order asked. */
export async function eachQuery<T>(queries: readonly string[], answer: (query: string) => Promise<T>): Promise<T[]> {
  const results = new Array<T>(queries.length);
  await forEachConcurrent(queries.entries(), QUERIES_AT_ONCE, async ([at, query]) => {
    results[at] = await answer(query);
  });
  return results;
}

export function releaseRefs(releases: ReadonlyMap<string, Release>): Record<string, SearchResult['release']> {
  return Object.fromEntries([...releases].map(([collection, release]) => [collection, releaseRef(release)]));
}

export function releaseRef(release: Release): SearchResult['release'] {
  return {
    number: release.number,
    generation: release.generation,
    ...(release.promptVersion === undefined ? {} : { promptVersion: release.promptVersion }),
  };
}

function hitOf(
  { candidate, scores }: Ranked<RetrievedCandidate>,
  folded: { chunkId: string; documentId: string }[],
  { terms }: Pick<Retrieved, 'terms'>,
): SearchHit {
  const { point } = candidate;
  const { dense, lexical, fused } = scores;
  return {
    chunkId: point.chunkId,
    documentId: point.documentId,
    revision: point.revision,
    source: point.source,
    key: point.key,
    score: scores.final,
    scores: { ...(dense === undefined ? {} : { dense }), ...(lexical === undefined ? {} : { lexical }), fused },
    confidence: confidenceOfPassage({ dense, terms: point.terms }, terms),
    text: point.text,
    ...(point.title === undefined ? {} : { title: point.title }),
    ...(point.uri === undefined ? {} : { uri: point.uri }),
    headings: [...point.headings],
    ...(point.page === undefined ? {} : { page: point.page }),
    kind: point.kind,
    metadata: point.metadata,
    ...(candidate.stale ? { stale: true } : {}),
    ...(folded.length === 0 ? {} : { folded }),
    citation: citationOf(point),
  };
}

/** The citation of a whole chunk. */
function citationOf(point: RetrievedCandidate['point']): SearchHit['citation'] {
  const citation = cite({ ...point, quote: point.text });
  return citation as SearchHit['citation'];
}
