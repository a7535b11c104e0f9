import { FootnoteError, collectionNotFound } from '../../src/core/errors.js';
import type { Filter } from '../../src/core/filter.js';
import { fieldsOf, matches } from '../../src/core/filter.js';
import type { Generation, Release } from '../../src/core/generation.js';
import type { Caller } from '../../src/core/policy.js';
import { mayUse } from '../../src/core/policy.js';
import type { Catalog, Visibility } from '../../src/core/ports/catalog.js';
import type { Embedder } from '../../src/core/ports/models.js';
import type { QueryAnalysis } from '../../src/core/ports/processing.js';
import type { Arm, Hit, Point, VectorStore } from '../../src/core/ports/vectors.js';
import { isVisible } from '../../src/core/visibility.js';
import type { Telemetry } from '../../src/runtime/telemetry.js';
import type { Candidate } from '../../src/stages/fuse.js';
import { unite } from '../../src/stages/fuse.js';
import { requireKnownTerms } from '../../src/stages/analyze/known.js';
import type { QueryVectors } from './query-vectors.js';
import type { Stopwatch } from './stopwatch.js';

/** The name of the passage vector in every generation. */
export const TEXT_VECTOR = 'text';
/** Most points asked of one arm, however much is dropped. */
const MAX_K = 6400;
const REFILL_FACTOR = 4;

export type Mode = 'hybrid' | 'dense' | 'lexical';

export interface RetrievePorts {
  readonly catalog: Pick<Catalog, 'documents' | 'releases' | 'generations'>;
  readonly vectors: Pick<VectorStore, 'search'>;
  readonly analysis: QueryAnalysis;
  readonly embedderFor: (generation: Generation) => Promise<Embedder>;
  readonly queryVectors: QueryVectors;
  readonly telemetry: Telemetry;
}

export interface RetrieveRequest {
  readonly caller: Caller;
  readonly collection: string;
  readonly query: string;
  readonly mode: Mode;
  readonly filter?: Filter;
  /** Candidates asked of each arm at first. */
  readonly k: number;
  /** Visible candidates wanted; when checks drop so many that fewer are left, the arms are asked for more. */
  readonly wanted: number;
  readonly signal?: AbortSignal;
}

export interface RetrievedCandidate extends Candidate {
  readonly point: Point;
  readonly text: string;
  readonly collection: string;
  /** The passage is of an older version than the newest accepted one. */
  readonly stale: boolean;
}

export interface Retrieved {
  readonly release: Release;
  readonly generation: Generation;
  readonly candidates: readonly RetrievedCandidate[];
  /** The query's unit vector; absent in lexical mode. */
  readonly vector?: Float32Array;
  readonly terms: readonly string[];
  /** The lexical arm has no more than what is here: who is not in it holds no term of the query. */
  readonly lexicalComplete: boolean;
  readonly weighs: { readonly dropped: number; readonly refills: number };
}

/**
 * Asks the arms of the live release and keeps what the caller may see now: version and revision equal the generation's
 * row, the head is neither deleted nor closed to the caller (law 7), and the filter holds exactly.
 *
 * @throws FootnoteError collection_not_found, space_mismatch, and what the store and the model throw
 */
export async function retrieve(ports: RetrievePorts, request: RetrieveRequest, watch: Stopwatch): Promise<Retrieved> {
  const { caller, signal } = request;
  if (!mayUse(caller, request.collection)) throw collectionNotFound(request.collection);
  const { release, generation } = await watch.time('release', async () => {
    const release = await ports.catalog.releases.current(caller.tenant, request.collection);
    return { release, generation: release && (await ports.catalog.generations.get(release.generation)) };
  });
  if (!release || !generation || generation.tenant !== caller.tenant) throw collectionNotFound(request.collection);
  if (request.mode !== 'dense') requireKnownTerms(generation);
  const terms = request.mode === 'dense' ? [] : ports.analysis.analyzeQuery(request.query, generation.id);
  const vector =
    request.mode === 'lexical' ? undefined : await watch.time('embed', () => queryVector(ports, request, generation));
  const arms = armsOf(vector, terms);
  const search = { principals: caller.principals, ...(request.filter === undefined ? {} : { filter: request.filter }) };

  let refills = 0;
  for (let k = request.k; ; k = Math.min(MAX_K, k * REFILL_FACTOR)) {
    const lists =
      arms.length === 0 || caller.principals.length === 0
        ? []
        : await watch.time('retrieve', () => ports.vectors.search(generation.id, arms, search, k, signal));
    const ids = [...new Set(lists.flat().map((hit) => hit.point.documentId))];
    const rows = await watch.time('check', () => ports.catalog.documents.visibility(generation.id, ids));
    const allowed = lists.map((list) => list.filter((hit) => mayShow(hit, rows, request)));
    const candidates = uniteArms(arms, allowed, rows, request.collection);
    const dropped = lists.reduce((sum, list, arm) => sum + list.length - allowed[arm]!.length, 0);
    if (dropped > 0) ports.telemetry.count('hits_dropped', dropped);
    const more = lists.some((list) => list.length >= k);
    if (candidates.length >= request.wanted || dropped === 0 || !more || k >= MAX_K) {
      return {
        release,
        generation,
        candidates,
        ...(vector === undefined ? {} : { vector }),
        terms,
        lexicalComplete: arms.every(({ kind }, arm) => kind !== 'lexical' || (lists[arm]?.length ?? 0) < k),
        weighs: { dropped, refills },
      };
    }
    refills += 1;
    ports.telemetry.count('refills');
  }
}

async function queryVector(
  ports: RetrievePorts,
  request: RetrieveRequest,
  generation: Generation,
): Promise<Float32Array> {
  const model = generation.spec.models[TEXT_VECTOR];
  if (!model) throw new FootnoteError('internal', `Generation ${generation.id} has no text model.`);
  const embedder = await ports.embedderFor(generation);
  if (embedder.space !== model.space) {
    const message = `Collection ${request.collection} was built with another model space (${model.model}): queries of ${embedder.model} can't be compared with it. Configure that model, or reindex.`;
    throw new FootnoteError('space_mismatch', message);
  }
  return ports.queryVectors.get(embedder, request.caller.tenant, request.query, request.signal);
}

function armsOf(vector: Float32Array | undefined, terms: readonly string[]): Arm[] {
  const arms: Arm[] = [];
  if (vector) arms.push({ kind: 'dense', vector: TEXT_VECTOR, query: vector });
  if (terms.length > 0) arms.push({ kind: 'lexical', terms });
  return arms;
}

function mayShow(hit: Hit, rows: ReadonlyMap<string, Visibility>, request: RetrieveRequest): boolean {
  const { point } = hit;
  if (!isVisible(point, rows.get(point.documentId), request.caller)) return false;
  return request.filter === undefined || matches(request.filter, fieldsOf(point));
}

function uniteArms(
  arms: readonly Arm[],
  lists: readonly Hit[][],
  rows: ReadonlyMap<string, Visibility>,
  collection: string,
): RetrievedCandidate[] {
  const found: { dense: RetrievedCandidate[]; lexical: RetrievedCandidate[] } = { dense: [], lexical: [] };
  arms.forEach((arm, index) => {
    for (const { point, score } of lists[index] ?? []) {
      const vector = point.vectors[TEXT_VECTOR];
      found[arm.kind].push({
        id: point.id,
        documentId: point.documentId,
        point,
        text: point.text,
        collection,
        stale: rows.get(point.documentId)?.stale ?? false,
        ...(vector === undefined ? {} : { vector }),
        ...(arm.kind === 'dense' ? { dense: score } : { lexical: score }),
      });
    }
  });
  return unite(found.dense, found.lexical);
}
