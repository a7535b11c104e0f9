import { throwIfAborted } from '../../src/core/errors.js';
import { eventVersion } from '../../src/core/event.js';
import type { ContentRef } from '../../src/core/event.js';
import { UNNAMED_BLOB_GRACE_MS } from '../../src/core/ports/blobs.js';
import type { DocumentRow } from '../../src/core/ports/catalog.js';
import { versionKey } from '../../src/core/version.js';
import { type Check, stays } from './check.js';

const PAGE = 500;

/** Dead letters whose event can no longer be applied: a replay would only report `superseded`. */
export async function checkLetters(check: Check): Promise<void> {
  const { ports, options, stream } = check;
  let after: string | undefined;
  for (;;) {
    throwIfAborted(options.signal);
    const letters = await ports.deadLetters.list(stream, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const letter of letters) {
      after = letter.id;
      const version = versionKey(eventVersion(letter.event, letter.position));
      const row = await ports.documents.get(letter.group, letter.documentId);
      const head = (await ports.heads.get([letter.documentId])).get(letter.documentId);
      const over = (row && row.seen.version > version) ?? false;
      const deleted = head?.deleted === true && head.version > version;
      const applied = row?.seen.version === version && row.state !== 'failed';
      if (!over && !deleted && !applied) continue;
      if (options.repair) await ports.deadLetters.remove(letter.id);
      else if (!(await stays(check, letter.group, async () => (await ports.deadLetters.get(letter.id)) !== undefined)))
        continue;
      const of = { generation: letter.group, documentId: letter.documentId, detail: `dead letter ${letter.id}` };
      check.found('letter_left', of, options.repair);
    }
    if (letters.length < PAGE) return;
  }
}

/** Originals, texts and cached vectors that a worker did not come to free. */
export async function checkLeftContents(check: Check): Promise<void> {
  const { ports, options, owner } = check;
  let after: string | undefined;
  for (;;) {
    throwIfAborted(options.signal);
    const heads = await ports.heads.list(owner.tenant, owner.collection, {
      includeDeleted: true,
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const head of heads) {
      after = head.documentId;
      await freeLeft(check, head.documentId);
    }
    if (heads.length < PAGE) return;
  }
}

async function freeLeft(check: Check, documentId: string): Promise<void> {
  const { ports, options } = check;
  let contents = await ports.contents.freeable(documentId);
  if (contents.length > 0 && !options.repair) {
    for (const { generation } of await ports.documents.everywhere(documentId)) {
      const left = await stays(check, generation, async () => {
        contents = await ports.contents.freeable(documentId);
        return contents.length > 0;
      });
      if (!left) return;
    }
  }
  if (contents.length > 0) {
    if (options.repair) {
      for (const ref of contents) await ports.blobs.delete(ref);
      await ports.contents.forget(
        documentId,
        contents.map((ref) => ref.blob),
      );
    }
    check.found('content_left', { documentId, detail: `${contents.length} originals` }, options.repair);
  }
  if (!options.repair) return;
  const rows = await ports.documents.everywhere(documentId);
  const tombstones = rows.filter((row) => row.state === 'deleted').map((row) => row.seen.version);
  if (rows.length > 0 && tombstones.length === rows.length) {
    // The highest: what any generation's tombstone covers is older than it, and no row shows anything.
    const below = tombstones.reduce((a, b) => (a > b ? a : b));
    const records = await ports.revisions.takeFreeable(documentId, below);
    for (const record of records) await ports.blobs.delete(record.parsed);
    if (records.length > 0) check.found('content_left', { documentId, detail: `${records.length} texts` }, true);
    await ports.cache.forget(documentId);
  } else if (rows.length > 0) {
    await ports.revisions.mark(documentId, new Date(ports.clock.now()).toISOString());
    await ports.cache.forget(documentId, await visibleInputs(check, rows));
  }
}

/** Inputs whose vectors some generation shows; one that is being embedded now is at worst embedded again. */
async function visibleInputs(check: Check, rows: readonly DocumentRow[]): Promise<ReadonlySet<string>> {
  const inputs = new Set<string>();
  for (const { generation, documentId, visible } of rows) {
    if (!visible) continue;
    for (const input of await check.ports.vectors.inputs(generation, documentId, visible.version)) inputs.add(input);
  }
  return inputs;
}

/**
 * Blobs that neither an event nor a revision names, once they are old enough not to belong to a write under way.
 * `appliedAt`: everything appended before it has been applied, so the catalog knows its contents.
 */
export async function sweepBlobs(check: Check, appliedAt: number): Promise<void> {
  const { ports, options, owner } = check;
  const before = appliedAt - (options.blobGraceMs ?? UNNAMED_BLOB_GRACE_MS);
  let batch: Pick<ContentRef, 'blob' | 'bytes'>[] = [];
  for await (const { ref, modifiedAt } of ports.blobs.list(owner)) {
    throwIfAborted(options.signal);
    if (modifiedAt.getTime() > before) continue;
    batch.push(ref);
    if (batch.length >= PAGE) {
      await sweep(check, batch);
      batch = [];
    }
  }
  if (batch.length > 0) await sweep(check, batch);
}

async function sweep(check: Check, refs: readonly Pick<ContentRef, 'blob' | 'bytes'>[]): Promise<void> {
  const { ports, options } = check;
  const names = refs.map((ref) => ref.blob);
  const originals = await ports.contents.known(names);
  const texts = await ports.revisions.known(names);
  for (const ref of refs) {
    if (originals.has(ref.blob) || texts.has(ref.blob)) continue;
    if (options.repair) await ports.blobs.delete({ ...ref, sha256: '' });
    check.found('blob_left', { detail: `blob ${ref.blob}, ${ref.bytes} bytes` }, options.repair);
  }
}
