import { MatchQuery } from '@lancedb/lancedb';
import type { RecordBatch } from 'apache-arrow';
import { throwIfAborted } from '../../../core/errors.js';
import type { Arm, Hit, Point } from '../../../core/ports/vectors.js';
import { checkQueries } from '../spec.js';
import { quote } from './compile.js';
import { decodePoints, encodeTerm, numbers, pointColumns, strings } from './rows.js';
import { COLUMN, vectorColumn } from './schema.js';
import type { OpenTable } from './table.js';

/** Candidates kept while walking the HNSW graph, at least; a smaller one costs recall. */
const EF = 128;
/** Candidates a hit that are scored again with full vectors, since the graph holds them quantized. */
const REFINE = 2;
/** How many times k hits are looked at when the last place is shared. */
const TIE_DEPTH = 8;
/** Distinct terms of one query, the first ones. */
const MAX_TERMS = 256;

/** One list an arm; all arms at once. */
export async function searchArms(
  open: OpenTable,
  arms: readonly Arm[],
  where: string,
  k: number,
  signal: AbortSignal | undefined,
): Promise<Hit[][]> {
  checkQueries(arms, open.dims);
  const known = new Map<string, Point>();
  const lists = await Promise.all(arms.map((arm) => searchArm(open, arm, where, k, known)));
  throwIfAborted(signal);
  return lists;
}

type Known = Map<string, Point>;

async function searchArm(open: OpenTable, arm: Arm, where: string, k: number, known: Known): Promise<Hit[]> {
  if (k < 1 || where === 'FALSE') return [];
  // One more than asked for shows whether the last place is shared.
  const hits = await fetchHits(open, arm, where, k + 1, known);
  const last = hits[k - 1];
  if (hits.length <= k || last === undefined || hits[k]?.score !== last.score) return hits.slice(0, k);
  return settleTie(open, arm, where, k, hits, known);
}

/**
 * Several points share the last place: the ones with the least ids get it, wherever the store keeps them. Looks at ids
 * and scores of many more hits and fetches those that are missing. (Of more equal points than that, any.)
 */
async function settleTie(
  open: OpenTable,
  arm: Arm,
  where: string,
  k: number,
  hits: readonly Hit[],
  known: Known,
): Promise<Hit[]> {
  const batches = await query(open, arm, where, TIE_DEPTH * k, [COLUMN.id]);
  const ranked = batches
    .flatMap((batch) => {
      const ids = strings(batch, COLUMN.id);
      return scoresOf(batch, arm).map((score, i) => ({ id: ids(i), score }));
    })
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    .slice(0, k);
  const byId = new Map(hits.map((hit) => [hit.point.id, hit.point]));
  const missing = ranked.filter(({ id }) => !byId.has(id));
  if (missing.length > 0) {
    const rows = open.table
      .query()
      .where(`${COLUMN.id} IN (${missing.map(({ id }) => quote(id)).join(',')})`)
      .select(pointColumns(open.vectorNames));
    for await (const batch of rows) {
      for (const point of decodePoints(batch, open.vectorNames, known)) byId.set(point.id, point);
    }
  }
  // A point may be gone since the last query.
  return ranked.flatMap(({ id, score }) => {
    const point = byId.get(id);
    return point ? [{ point, score }] : [];
  });
}

/** Best first, ties by id. */
async function fetchHits(open: OpenTable, arm: Arm, where: string, limit: number, known: Known): Promise<Hit[]> {
  const hits: Hit[] = [];
  for (const batch of await query(open, arm, where, limit, pointColumns(open.vectorNames))) {
    const scores = scoresOf(batch, arm);
    decodePoints(batch, open.vectorNames, known).forEach((point, i) =>
      hits.push({ point, score: scores[i] as number }),
    );
  }
  return hits.sort((a, b) => b.score - a.score || (a.point.id < b.point.id ? -1 : 1));
}

/** Lance's dot distance is 1 - dot product. */
function scoresOf(batch: RecordBatch, arm: Arm): number[] {
  if (arm.kind === 'lexical') return Array.from(numbers(batch, '_score'));
  return Array.from(numbers(batch, '_distance'), (distance) => 1 - distance);
}

async function query(
  { table }: OpenTable,
  arm: Arm,
  where: string,
  limit: number,
  columns: readonly string[],
): Promise<RecordBatch[]> {
  if (arm.kind === 'dense') {
    const result = await table
      .query()
      .nearestTo(arm.query)
      .column(vectorColumn(arm.vector))
      .distanceType('dot')
      .where(where)
      .select([...columns, '_distance'])
      .ef(Math.max(EF, REFINE * limit))
      .refineFactor(REFINE)
      .limit(limit)
      .toArrow();
    return result.batches;
  }
  const terms = [...new Set(arm.terms)].filter(Boolean).slice(0, MAX_TERMS).map(encodeTerm);
  if (terms.length === 0) return [];
  const result = await table
    .query()
    .fullTextSearch(new MatchQuery(terms.join(' '), COLUMN.terms))
    .where(where)
    .select([...columns, '_score'])
    .limit(limit)
    .toArrow();
  return result.batches;
}
