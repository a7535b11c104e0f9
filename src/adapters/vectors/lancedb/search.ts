import { MatchQuery, type Table } from '@lancedb/lancedb';
import type { RecordBatch } from 'apache-arrow';
import { FootnoteError, throwIfAborted } from '../../../core/errors.js';
import type { Arm, Hit, Point } from '../../../core/ports/vectors.js';
import { decodePoints, encodeTerm, numbers, pointColumns } from './rows.js';
import { COLUMN, vectorColumn, type VectorDims } from './schema.js';
import type { OpenTable } from './table.js';

/** Candidates kept while walking the HNSW graph, at least; a smaller one costs recall. */
const EF = 128;
/** Candidates a hit that are scored again with full vectors, since the graph holds them quantized. */
const REFINE = 2;
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
  for (const arm of arms) if (arm.kind === 'dense') checkQuery(arm, open.dims);
  const lists = await Promise.all(arms.map((arm) => searchArm(open, arm, where, k)));
  throwIfAborted(signal);
  return lists;
}

async function searchArm(open: OpenTable, arm: Arm, where: string, k: number): Promise<Hit[]> {
  if (k < 1 || where === 'FALSE') return [];
  // One more than asked for shows whether the last place is shared, and then who gets it must not depend on storage.
  const first = await run(open, arm, where, k + 1);
  if (first.length <= k || first[k]?.score !== first[k - 1]?.score) return first.slice(0, k);
  return (await run(open, arm, where, 4 * k + 64)).slice(0, k);
}

/** Best first, ties by id. */
async function run(open: OpenTable, arm: Arm, where: string, limit: number): Promise<Hit[]> {
  const batches =
    arm.kind === 'dense' ? await dense(open.table, arm, where, limit, open) : await lexical(open, arm, where, limit);
  const hits: Hit[] = [];
  for (const batch of batches) {
    const scores = numbers(batch, arm.kind === 'dense' ? '_distance' : '_score');
    decodePoints(batch, open.vectorNames).forEach((point, i) => {
      const value = scores[i] as number;
      // Lance's dot distance is 1 - dot product.
      hits.push({ point, score: arm.kind === 'dense' ? 1 - value : value });
    });
  }
  return hits.sort((a, b) => b.score - a.score || byId(a.point, b.point));
}

async function dense(
  table: Table,
  arm: Extract<Arm, { kind: 'dense' }>,
  where: string,
  limit: number,
  open: OpenTable,
): Promise<RecordBatch[]> {
  const column = vectorColumn(arm.vector);
  const result = await table
    .query()
    .nearestTo(arm.query)
    .column(column)
    .distanceType('dot')
    .where(where === 'TRUE' ? `${column} IS NOT NULL` : `${column} IS NOT NULL AND ${where}`)
    .select([...pointColumns(open.vectorNames), '_distance'])
    .ef(Math.max(EF, REFINE * limit))
    .refineFactor(REFINE)
    .limit(limit)
    .toArrow();
  return result.batches;
}

async function lexical(
  open: OpenTable,
  arm: Extract<Arm, { kind: 'lexical' }>,
  where: string,
  limit: number,
): Promise<RecordBatch[]> {
  const terms = [...new Set(arm.terms)].filter(Boolean).slice(0, MAX_TERMS).map(encodeTerm);
  if (terms.length === 0) return [];
  const result = await open.table
    .query()
    .fullTextSearch(new MatchQuery(terms.join(' '), COLUMN.terms))
    .where(where)
    .select([...pointColumns(open.vectorNames), '_score'])
    .limit(limit)
    .toArrow();
  return result.batches;
}

function checkQuery(arm: Extract<Arm, { kind: 'dense' }>, dims: VectorDims): void {
  if (dims[arm.vector] === arm.query.length) return;
  throw new FootnoteError(
    'dimension_mismatch',
    dims[arm.vector] === undefined
      ? `The generation has no vectors named ${JSON.stringify(arm.vector)}.`
      : `The query has ${arm.query.length} dimensions, the generation's ${JSON.stringify(arm.vector)} vectors ${dims[arm.vector]}.`,
  );
}

function byId(a: Point, b: Point): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
