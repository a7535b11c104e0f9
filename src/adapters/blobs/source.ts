import type { Readable } from 'node:stream';
import { FootnoteError } from '../../core/errors.js';
import type { ContentRef } from '../../core/event.js';
import { isBlobName } from './names.js';

/** Bytes taken at once when they are all in memory. */
const SLICE = 1 << 20;

/** What the caller's stream throws is not a store's failure and keeps its own form: `cause`. */
export class SourceFailure extends Error {}

/**
 * The bytes of a put, in pieces. A stream that is left early is destroyed.
 * @throws SourceFailure
 */
export function piecesOf(data: Readable | Uint8Array): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  return data instanceof Uint8Array ? slices(data) : bytesOf(data);
}

/**
 * Ends a source that may wait forever once `signal` is aborted, so that whoever reads it stops waiting.
 * @returns what has to be called when the source was read
 */
export function endWhenAborted(data: Readable | Uint8Array, signal: AbortSignal | undefined): () => void {
  const stop = (): void => {
    if (!(data instanceof Uint8Array)) data.destroy(new FootnoteError('cancelled', 'The operation was cancelled.'));
  };
  signal?.addEventListener('abort', stop, { once: true });
  return () => signal?.removeEventListener('abort', stop);
}

export function tooLarge(limit: number): FootnoteError {
  return new FootnoteError('document_too_large', `The document has more than the ${limit} bytes allowed.`);
}

/** @throws invalid_request for a range that ends before it starts */
export function checkRange(range: { readonly start: number; readonly end: number } | undefined): void {
  if (!range || (range.start >= 0 && range.end >= range.start)) return;
  throw new FootnoteError('invalid_request', `There is no range ${range.start} to ${range.end}.`);
}

export function contentMissing(): FootnoteError {
  return new FootnoteError('content_missing', 'The stored content is gone: it was deleted or replaced since.');
}

/** @throws invalid_request, so that no name leads out of the store */
export function checkBlobName(ref: ContentRef): void {
  if (isBlobName(ref.blob)) return;
  throw new FootnoteError('invalid_request', 'No store of blobs gave this name.');
}

/** @throws data_corrupt when a copied blob has other bytes than its reference says */
export function checkCopied(ref: ContentRef, copied: Pick<ContentRef, 'bytes' | 'sha256'>): void {
  if (copied.bytes === ref.bytes && copied.sha256 === ref.sha256) return;
  throw new FootnoteError(
    'data_corrupt',
    `The blob ${ref.blob} has ${copied.bytes} bytes with SHA-256 ${copied.sha256}, and should have ${ref.bytes} with ${ref.sha256}.`,
  );
}

function* slices(data: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < data.byteLength; at += SLICE) yield data.subarray(at, at + SLICE);
}

async function* bytesOf(data: Readable): AsyncIterable<Uint8Array> {
  const iterator = data[Symbol.asyncIterator]() as AsyncIterator<string | Uint8Array>;
  try {
    for (;;) {
      const next = await iterator.next().catch((cause: unknown) => {
        throw new SourceFailure('the source failed', { cause });
      });
      if (next.done) return;
      yield typeof next.value === 'string' ? Buffer.from(next.value) : next.value;
    }
  } finally {
    // Left early (too large, disk full): the source has no reader any more.
    data.destroy();
  }
}
