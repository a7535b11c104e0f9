import { asFootnoteError, FootnoteError, throwIfAborted } from '../../core/errors.js';
import type { ContentRef } from '../../core/event.js';
import type { Generation } from '../../core/generation.js';
import type { DocumentRow, Head } from '../../core/ports/catalog.js';
import type { Point } from '../../core/ports/vectors.js';
import { parseVersionKey } from '../../core/version.js';
import { forEachConcurrent } from '../../runtime/concurrency.js';
import { raiseFences } from '../fences.js';
import type { Storage } from '../storage.js';
import type { Move } from './copy.js';

/** Documents a page: its points are asked for at once. */
export const PAGE = 64;
const AT_ONCE = 8;
/** Points of one write. */
const POINTS = 256;

/** A page of a collection's documents, by id, with what belongs to each. */
export async function pageOf(
  { catalog }: Storage,
  { tenant, name }: Move['collection'],
  after: string | undefined,
): Promise<Head[]> {
  return catalog.heads.list(tenant, name, {
    includeDeleted: true,
    limit: PAGE,
    ...(after === undefined ? {} : { after }),
  });
}

/** A document's rows in the generations that are moved. */
export async function rowsOf({ catalog }: Storage, id: string, moved: ReadonlySet<string>): Promise<DocumentRow[]> {
  return (await catalog.documents.everywhere(id)).filter(({ generation }) => moved.has(generation));
}

/**
 * Copies one page: originals and texts, then what is known of each document, then its points as they are, and last the rows
 * that show them. Everything may be repeated.
 */
export async function copyPage(move: Move, heads: readonly Head[], generations: readonly Generation[]): Promise<void> {
  const moved = new Set(generations.map(({ id }) => id));
  const rows: DocumentRow[] = [];
  const fences = new Map<string, number>();
  await forEachConcurrent(heads, AT_ONCE, async (head) => {
    throwIfAborted(move.signal);
    await copyBlobs(move, head);
    const { source } = head.event;
    const its = await rowsOf(move.source, head.documentId, moved);
    rows.push(...its);
    for (const version of [head.version, ...its.map(({ seen }) => seen.version)]) {
      fences.set(source, Math.max(fences.get(source) ?? 0, parseVersionKey(version).fence));
    }
  });
  await move.reach('migrate:blobs');
  const { tenant, name: collection } = move.collection;
  await raiseFences(move.target.catalog.sources, { tenant, collection }, fences);
  for (const { id } of generations) await copyPoints(move, id, rows);
  await move.reach('migrate:points');
  await forEachConcurrent(heads, AT_ONCE, async (head) => {
    const { heads: known, documents } = move.target.catalog;
    await known.raise(head);
    for (const { token: _, ...row } of rows) {
      if (row.documentId === head.documentId) await documents.compareAndSet(row, undefined);
    }
    await move.reach('migrate:document', head.documentId);
  });
}

async function copyBlobs({ source, target, signal, collection }: Move, { documentId }: Head): Promise<void> {
  const owner = { tenant: collection.tenant, collection: collection.name };
  for (const { version, ref } of await source.catalog.contents.list(documentId)) {
    if (await copyBlob(source, target, ref, signal)) {
      await target.catalog.contents.record(documentId, version, ref, owner);
      continue;
    }
    // A worker that died between freeing a blob and forgetting it.
    const free = await source.catalog.contents.freeable(documentId);
    if (!free.some(({ blob }) => blob === ref.blob)) throw missing(documentId, ref);
  }
  for (const record of await source.catalog.revisions.list(documentId)) {
    if (!(await copyBlob(source, target, record.parsed, signal))) throw missing(documentId, record.parsed);
    const { revisions } = target.catalog;
    // `add` would say of one that is there that it is shown again.
    if (!(await revisions.get(documentId, record.revision))) await revisions.add(record);
  }
}

/** @returns false when the source has no such blob */
async function copyBlob(source: Storage, target: Storage, ref: ContentRef, signal: AbortSignal): Promise<boolean> {
  try {
    const bytes = await source.blobs.get(ref);
    await target.blobs.putAs(ref, bytes, { signal });
    return true;
  } catch (error) {
    if (asFootnoteError(error).code === 'content_missing') return false;
    throw error;
  }
}

function missing(documentId: string, { blob }: ContentRef): FootnoteError {
  return new FootnoteError(
    'content_missing',
    `The source has lost the blob ${blob} of document ${documentId}. Bring it back with footnote migrate --undo, see footnote verify, ingest the document again, then migrate.`,
  );
}

/** Vectors are copied, never made again. Points that no row shows stay behind. */
async function copyPoints(
  { source, target, signal }: Move,
  generation: string,
  rows: readonly DocumentRow[],
): Promise<void> {
  const shown = new Map(
    rows.flatMap((row) => (row.generation === generation && row.visible ? [[row.documentId, row.visible]] : [])),
  );
  let batch: Point[] = [];
  for await (const point of source.vectors.scroll(generation, { documentIds: [...shown.keys()], signal })) {
    const visible = shown.get(point.documentId);
    if (visible?.version !== point.version || visible.revision !== point.revision) continue;
    batch.push(point);
    if (batch.length < POINTS) continue;
    await target.vectors.write(generation, batch);
    batch = [];
  }
  if (batch.length > 0) await target.vectors.write(generation, batch);
}
