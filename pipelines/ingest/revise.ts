import type { ParsedDocument } from '../../src/core/document.js';
import { FootnoteError, asFootnoteError, throwIfAborted } from '../../src/core/errors.js';
import type { ContentRef } from '../../src/core/event.js';
import { revisionId } from '../../src/core/ids.js';
import { decodeParsed } from '../../src/core/parsed-codec.js';
import { NAME_BLOB_WITHIN_MS } from '../../src/core/ports/blobs.js';
import type { ParseHints, ParseInput } from '../../src/core/ports/processing.js';
import { parsedJson } from './text-json.js';
import { type Work, nowIso, reach, timed } from './work.js';

export interface Revised {
  readonly revision: string;
  readonly parser: string;
  readonly parsed: ParsedDocument;
}

/**
 * The normalized text of an upsert's content: the stored one when this document had the same content, parser and options
 * before, else parsed in isolation and stored.
 * @throws content_missing when the original is gone; whatever the parser says of the content
 */
export async function revise(work: Work): Promise<Revised> {
  const { ports, documentId, version, change, options } = work;
  const { event } = change;
  const content = event.content;
  if (!content) {
    throw new FootnoteError('invalid_request', `An upsert of ${event.source}/${event.key} carries no content.`);
  }
  const input = await inputOf(work, content);
  const hints: ParseHints = {
    ...(event.mime === undefined ? {} : { mime: event.mime }),
    ...(event.name === undefined ? {} : { name: event.name }),
    ...(event.parse === undefined ? {} : { options: event.parse }),
  };
  const identified = await timed(work, 'identify', () =>
    explained(work, content, () => ports.parsing.identify(input, hints)),
  );
  await reach(work, 'apply:identified');
  const charset = event.parse?.charset;
  const revision = revisionId({
    contentSha256: content.sha256,
    parser: identified.parser,
    options: { mime: identified.mime, ...(charset === undefined ? {} : { charset }) },
  });
  const known = await ports.revisions.use(documentId, revision, version);
  if (known) {
    const parsed = await storedText(work, known.parsed);
    if (parsed) return { revision, parser: identified.parser, parsed };
    if (await headIsNewer(work)) throw gone(content);
    // The record outlived its blob (somebody removed the file): make the text anew. A twin may have done so by now.
    await ports.revisions.forget(documentId, revision, known.parsed.blob);
  }
  throwIfAborted(options.signal);
  const parsed = await timed(work, 'parse', () =>
    explained(work, content, () => ports.parsing.parse(input, hints, options.signal)),
  );
  throwIfAborted(options.signal);
  await reach(work, 'apply:parsed');
  await keepText(work, revision, parsed);
  return { revision, parser: identified.parser, parsed };
}

/** Stores a normalized text beside its revision, unless a twin did so first. */
export async function keepText(work: Work, revision: string, parsed: ParsedDocument): Promise<void> {
  const { ports, documentId, version, change, options } = work;
  const { tenant, collection } = change.event;
  const data = await parsedJson(parsed);
  let ref: ContentRef;
  let storedAt: number;
  do {
    // Put again when this took so long (a suspended machine) that the sweep of unnamed blobs may have taken it.
    ref = await ports.blobs.put(
      { tenant, collection, documentId, kind: 'parsed' },
      data,
      options.signal ? { signal: options.signal } : {},
    );
    storedAt = ports.clock.now();
    await reach(work, 'apply:text-stored');
  } while (ports.clock.now() - storedAt > NAME_BLOB_WITHIN_MS);
  const record = await ports.revisions.add({
    documentId,
    revision,
    version,
    parsed: ref,
    createdAt: nowIso(work),
  });
  if (record.parsed.blob !== ref.blob) await ports.blobs.delete(ref);
  await reach(work, 'apply:revision-added');
}

/** Whether a newer state of the document was accepted meanwhile. */
export async function headIsNewer(work: Work): Promise<boolean> {
  const head = (await work.ports.heads.get([work.documentId])).get(work.documentId);
  return head !== undefined && head.version > work.version;
}

async function inputOf(work: Work, content: ContentRef): Promise<ParseInput> {
  const path = work.ports.blobs.path(content);
  return path === undefined ? { bytes: await work.ports.blobs.read(content) } : { path };
}

/** A reader that was given a path can fail in many ways when the file goes away under it: look whether it did. */
async function explained<T>(work: Work, content: ContentRef, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (work.ports.blobs.path(content) !== undefined) {
      const probe = await work.ports.blobs.get(content, { start: 0, end: 0 });
      probe.destroy();
    }
    throw error;
  }
}

async function storedText(work: Work, ref: ContentRef): Promise<ParsedDocument | undefined> {
  try {
    const bytes = await work.ports.blobs.read(ref);
    return decodeParsed(bytes);
  } catch (error) {
    if (asFootnoteError(error).code === 'content_missing') return undefined;
    throw error;
  }
}

function gone(content: ContentRef): FootnoteError {
  return new FootnoteError(
    'content_missing',
    `The stored original ${content.blob} is gone: ingest the document again.`,
  );
}
