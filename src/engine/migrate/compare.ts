import { isDeepStrictEqual } from 'node:util';
import { exportCanonical } from '../../../pipelines/export.js';
import { FootnoteError, throwIfAborted } from '../../core/errors.js';
import { streamOf } from '../../core/generation.js';
import type { Head, SourceName } from '../../core/ports/catalog.js';
import { verifyCollection } from '../surface/operations.js';
import { systemClock } from '../../runtime/clock.js';
import type { Storage } from '../storage.js';
import type { Move } from './copy.js';
import { movedGenerations } from './copy.js';
import { PAGE, pageOf, rowsOf } from './documents.js';

/** Differences that are told; the first says enough. */
const TOLD = 5;
const ROWS = 500;

export interface Compared {
  readonly documents: number;
  /** Of all generations. */
  readonly chunks: number;
}

/**
 * Holds the copy against its source, a page of documents at a time: the canonical dump of each generation with the hashes of
 * the vectors, what is known of each document, and what stands beside them.
 * @throws data_corrupt with what differs
 */
export async function compareSides(move: Move, onProgress: (done: number) => void): Promise<Compared> {
  const { source, target, collection, signal } = move;
  const generations = await movedGenerations(move);
  const moved = new Set(generations.map(({ id }) => id));
  const differences: string[] = [];
  const chunks = new Map<string, number>();
  let documents = 0;
  for (let after: string | undefined; ;) {
    throwIfAborted(signal);
    const [heads, copies] = await Promise.all([pageOf(source, collection, after), pageOf(target, collection, after)]);
    if (!isDeepStrictEqual(heads, copies)) differences.push(`heads after ${after ?? 'the beginning'}`);
    for (const head of heads) differences.push(...(await compareDocument(move, head, moved)));
    const documentIds = heads.map(({ documentId }) => documentId);
    for (const { id } of generations) {
      const [lines, copied] = await Promise.all(
        [source, target].map((side) => canonical(side, id, documentIds, signal)),
      );
      if (!isDeepStrictEqual(lines, copied)) differences.push(`chunks of ${id} after ${after ?? 'the beginning'}`);
      chunks.set(id, (chunks.get(id) ?? 0) + (copied?.length ?? 0));
    }
    documents += heads.length;
    onProgress(documents);
    refuse(differences);
    after = documentIds.at(-1);
    if (heads.length < PAGE) break;
  }
  for (const { id } of generations) {
    const points = await target.vectors.count(id);
    if (points !== chunks.get(id)) differences.push(`${points} points of ${id} where ${chunks.get(id) ?? 0} are shown`);
  }
  differences.push(...(await compareRest(move)));
  refuse(differences);
  return { documents, chunks: [...chunks.values()].reduce((sum, each) => sum + each, 0) };
}

/** The checks of `verify` on the copy. @throws data_corrupt with the first problems */
export async function verifyCopy({ target, collection, signal }: Move): Promise<void> {
  const told: string[] = [];
  const { found } = await verifyCollection(
    // Nobody else is there.
    { storage: target, clock: systemClock, quietly: (_collection, inner, work) => work(inner) },
    collection,
    false,
    signal,
    (problem) => {
      if (told.length < TOLD) told.push(`${problem.kind}${problem.documentId ? ` (${problem.documentId})` : ''}`);
    },
  );
  if (found === 0) return;
  throw new FootnoteError(
    'data_corrupt',
    `footnote verify finds ${found} problems in the copy, as the source has them: ${told.join(', ')}. Bring the source back with footnote migrate --undo, mend it there, then migrate again.`,
  );
}

async function canonical(
  { catalog, vectors }: Storage,
  generation: string,
  documentIds: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const lines: string[] = [];
  const ports = { documents: catalog.documents, vectors };
  for await (const line of exportCanonical(ports, generation, signal, documentIds)) lines.push(line);
  return lines;
}

async function compareDocument(
  { source, target }: Move,
  { documentId }: Head,
  moved: ReadonlySet<string>,
): Promise<string[]> {
  const differences: string[] = [];
  const [rows, copies] = await Promise.all([source, target].map((side) => rowsOf(side, documentId, moved)));
  const plain = (of: typeof rows) => of?.map(({ token: _, ...row }) => row);
  if (!isDeepStrictEqual(plain(rows), plain(copies))) differences.push(`rows of ${documentId}`);
  for (const record of await source.catalog.revisions.list(documentId)) {
    const copy = await target.catalog.revisions.get(documentId, record.revision);
    // A replaced text may have come to the end of its time meanwhile.
    if (!copy && record.replacedAt !== undefined) continue;
    if (!isDeepStrictEqual(copy, record)) differences.push(`text ${record.revision} of ${documentId}`);
  }
  return differences;
}

async function compareRest(move: Move): Promise<string[]> {
  const { source, target, collection } = move;
  const { tenant, name } = collection;
  const stream = streamOf(tenant, name);
  const differences: string[] = [];
  const copies = await target.catalog.generations.list(tenant, name);
  if (!isDeepStrictEqual(await movedGenerations(move), copies)) differences.push('generations');
  const releases = await Promise.all(
    [source, target].map(async ({ catalog }) => (await catalog.releases.history(tenant, name, 1))[0]),
  );
  if (!isDeepStrictEqual(releases[0], releases[1])) differences.push('releases');
  for (const { id } of copies) {
    const counts = await Promise.all([source, target].map(({ catalog }) => catalog.documents.counts(tenant, name, id)));
    if (!isDeepStrictEqual(counts[0], counts[1])) differences.push(`documents of ${id}`);
  }
  for (const { source: of, owner, fence, floor } of await source.catalog.sources.list(tenant, name)) {
    const at = { tenant, collection: name, source: of };
    const copy = await target.catalog.sources.get(at);
    const [cursor, copied] = await Promise.all([source, target].map(({ catalog }) => catalog.cursors.load(at)));
    const equal = copy?.owner === owner && copy.fence >= fence && copy.floor === floor;
    if (!equal || !isDeepStrictEqual(cursor?.cursor, copied?.cursor)) differences.push(`source ${of}`);
    if (!(await sameInventory(move, at))) differences.push(`inventory of ${of}`);
  }
  const letters = await target.log.deadLetters.count(stream);
  const wanted = await countLetters(source, stream, new Set(copies.map(({ id }) => id)));
  if (letters !== wanted) differences.push(`${letters} dead letters of ${wanted}`);
  return differences;
}

async function sameInventory({ source, target, signal }: Move, at: SourceName): Promise<boolean> {
  for (let after: string | undefined; ;) {
    throwIfAborted(signal);
    const page = { limit: ROWS, ...(after === undefined ? {} : { after }) };
    const [items, copies] = await Promise.all(
      [source, target].map(({ catalog }) => catalog.cursors.inventory(at, page)),
    );
    if (!isDeepStrictEqual(items, copies)) return false;
    after = items?.at(-1)?.key;
    if ((items?.length ?? 0) < ROWS) return true;
  }
}

async function countLetters({ log }: Storage, stream: string, moved: ReadonlySet<string>): Promise<number> {
  let count = 0;
  for (const group of moved) {
    for (let after: string | undefined; ;) {
      const page = await log.deadLetters.list(stream, {
        group,
        limit: ROWS,
        ...(after === undefined ? {} : { after }),
      });
      count += page.length;
      after = page.at(-1)?.id;
      if (page.length < ROWS) break;
    }
  }
  return count;
}

function refuse(differences: readonly string[]): void {
  if (differences.length === 0) return;
  const more = differences.length > TOLD ? ` and ${differences.length - TOLD} more` : '';
  throw new FootnoteError(
    'data_corrupt',
    `The copy differs from its source: ${differences.slice(0, TOLD).join(', ')}${more}. Nothing is in service at the target; footnote migrate --undo brings the source back.`,
  );
}
