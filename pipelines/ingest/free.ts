import { eventVersion } from '../../src/core/event.js';
import { streamOf } from '../../src/core/generation.js';
import type { DocumentRow } from '../../src/core/ports/catalog.js';
import { versionKey } from '../../src/core/version.js';
import { type Work, nowIso, reach, timed } from './work.js';

/**
 * Removes points that no row can show again: below the row's visible version, and those of another parser at exactly
 * that version. The only removal of points there is; monotone, so safe for anyone at any time.
 */
export async function prune(work: Work, row: DocumentShown): Promise<void> {
  const { ports, generation, documentId } = work;
  await timed(work, 'free', () =>
    row.visible
      ? ports.vectors.prune(generation.id, documentId, row.visible.version, row.visible.revision)
      : ports.vectors.prune(generation.id, documentId, row.seen.version),
  );
  await reach(work, 'apply:pruned');
}

export type DocumentShown = Pick<DocumentRow, 'state' | 'seen' | 'visible'>;

/**
 * Frees what nothing can need again, given the generation's row as it is now. Every end of a change does this, also of
 * superseded and repeated ones, so what a crash left is freed by the redelivery.
 */
export async function free(work: Work, row: DocumentShown): Promise<void> {
  await timed(work, 'free', async () => {
    await freeContents(work);
    if (row.state === 'deleted') await freeDeleted(work, row);
    else await work.ports.revisions.mark(work.documentId, nowIso(work));
    await freeLetters(work, row);
  });
}

async function freeContents(work: Work): Promise<void> {
  const { ports, documentId } = work;
  const contents = await ports.contents.freeable(documentId);
  if (contents.length === 0) return;
  await reach(work, 'apply:contents-listed');
  for (const ref of contents) await ports.blobs.delete(ref);
  await reach(work, 'apply:blob-deleted');
  await ports.contents.forget(
    documentId,
    contents.map((ref) => ref.blob),
  );
  await reach(work, 'apply:contents-forgotten');
}

/** Law 6: texts and vectors go with the document. */
async function freeDeleted(work: Work, row: DocumentShown): Promise<void> {
  const { ports, documentId } = work;
  const tombstone = row.seen.version;
  for (const record of await ports.revisions.takeFreeable(documentId, tombstone)) {
    await ports.blobs.delete(record.parsed);
  }
  await reach(work, 'apply:revisions-freed');
  await ports.cache.forget(documentId);
  await reach(work, 'apply:cache-forgotten');
}

/** A tombstone ends every dead letter before it; any other state those of its generation, which could only be superseded. */
async function freeLetters(work: Work, row: DocumentShown): Promise<void> {
  const { ports, generation, documentId, change, options } = work;
  const { state, seen } = row;
  const versionOf = options.versionOf ?? eventVersion;
  await ports.deadLetters.removeDocument(streamOf(change.event.tenant, change.event.collection), documentId, {
    ...(state === 'deleted' ? {} : { group: generation.id }),
    keep: (letter) => {
      const version = versionKey(versionOf(letter.event, letter.position));
      return version > seen.version || (version === seen.version && state === 'failed');
    },
  });
  await reach(work, 'apply:letters-removed');
}

/**
 * After an update: drops cached vectors of inputs that no generation's visible version has any more. The cache alone
 * would keep the words' vectors until it is full.
 * @param inputs those of this generation's visible version, where they are at hand
 */
export async function forgetReplacedVectors(work: Work, inputs?: readonly string[]): Promise<void> {
  const { ports, documentId, generation } = work;
  const keep = new Set(inputs);
  for (const row of await ports.documents.everywhere(documentId)) {
    if ((inputs && row.generation === generation.id) || !row.visible) continue;
    const shown = await ports.vectors.inputs(row.generation, documentId, row.visible.version);
    for (const input of shown) keep.add(input);
  }
  await ports.cache.forget(documentId, keep);
  await reach(work, 'apply:cache-forgotten');
}
