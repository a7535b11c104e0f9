import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ContentRef } from '../../../core/event.js';
import type { BlobOwner, BlobStore } from '../../../core/ports/blobs.js';
import { Coalescer } from '../../../runtime/coalescer.js';
import { collectionFolder, decodeName, documentFolder, isBlobName } from '../names.js';
import { checkBlobName, checkCopied, checkRange, contentMissing } from '../source.js';
import { keyOf, type S3Bucket } from './bucket.js';
import { S3Calls } from './calls.js';
import { fetchBody, type Range } from './download.js';
import { pagesOf, removeBelow, removeKeys } from './listing.js';
import { checkBucket, keepFormat, refuseVersions } from './open.js';
import { checkOptions, makeClient, type S3BlobOptions } from './options.js';
import { abortUploads } from './stale-uploads.js';
import { remove, upload } from './upload.js';

export { createBucket } from './create.js';
export type { S3BlobOptions } from './options.js';

/** No upload of ours is under way for this long (multipart.ts). */
const STALE_UPLOAD_MS = 24 * 60 * 60_000;

export interface S3Blobs extends BlobStore {
  /** Aborts multipart uploads that a crash left behind more than a day ago. @returns how many */
  sweepUploads(): Promise<number>;
  close(): void;
}

/**
 * Blobs in an S3-compatible store, any number of processes at once, under the names that files have:
 * `<prefix>/<tenant>/<collection>/xx/<document>/<kind>-<uuid>`. Opening aborts uploads that a crash left behind.
 * @throws invalid_config, data_newer, data_corrupt, unavailable
 */
export async function openS3Blobs(options: S3BlobOptions): Promise<S3Blobs> {
  checkOptions(options);
  const { bucket, prefix, partBytes, requestTimeoutMs } = options;
  const calls = new S3Calls(makeClient(options), options);
  const at = { calls, bucket, prefix: prefix === '' ? '' : `${prefix}/`, partBytes, requestTimeoutMs };
  const blobs = new S3BlobStore(at);
  try {
    await checkBucket(at);
    if (!options.versioned) await refuseVersions(at);
    await keepFormat(at);
    await blobs.sweepUploads();
  } catch (error) {
    blobs.close();
    throw error;
  }
  return blobs;
}

class S3BlobStore implements S3Blobs {
  readonly #at: S3Bucket;
  /** Of many documents at once: a request for each would cost more than what it deletes. */
  readonly #deletes: Coalescer<string, void>;

  constructor(at: S3Bucket) {
    this.#at = at;
    this.#deletes = new Coalescer((keys) => this.#deleteAll(keys), { most: 1000 });
  }

  async put(
    owner: BlobOwner,
    data: Readable | Uint8Array,
    options: { maxBytes?: number; signal?: AbortSignal } = {},
  ): Promise<ContentRef> {
    const blob = `${documentFolder(owner)}/${owner.kind}-${randomUUID()}`;
    return { blob, ...(await upload(this.#at, keyOf(this.#at, blob), data, options)) };
  }

  async putAs(ref: ContentRef, data: Readable, options: { signal?: AbortSignal } = {}): Promise<void> {
    checkBlobName(ref);
    const key = keyOf(this.#at, ref.blob);
    const written = await upload(this.#at, key, data, options);
    try {
      checkCopied(ref, written);
    } catch (error) {
      await remove(this.#at, key);
      throw error;
    }
  }

  async get(ref: ContentRef, range?: Range): Promise<Readable> {
    checkRange(range);
    if (!isBlobName(ref.blob)) throw contentMissing();
    // An empty range can't be asked for; its first byte tells whether the content is there.
    const empty = range && (range.start === range.end || range.start >= ref.bytes);
    const asked = empty ? { start: 0, end: 1 } : range;
    const { calls } = this.#at;
    const body = await calls.run<Readable>('GetObject', (attempt) => fetchBody(this.#at, ref, asked, attempt), {
      // Nothing is refused of a range that begins within the content, unless there is none.
      answer: ({ name, status }) => (name === 'InvalidRange' || status === 416 ? Readable.from([]) : undefined),
    });
    if (!empty) return body;
    body.destroy();
    return Readable.from([]);
  }

  async read(ref: ContentRef): Promise<Uint8Array> {
    if (!isBlobName(ref.blob)) throw contentMissing();
    return this.#at.calls.run('GetObject', async (attempt) =>
      buffer(await fetchBody(this.#at, ref, undefined, attempt)),
    );
  }

  path(): undefined {
    return undefined;
  }

  async delete(ref: ContentRef): Promise<void> {
    if (isBlobName(ref.blob)) await this.#deletes.ask(keyOf(this.#at, ref.blob));
  }

  async #deleteAll(keys: readonly string[]): Promise<void[]> {
    if (keys.length === 1) await remove(this.#at, keys[0]!);
    else await removeKeys(this.#at, [...new Set(keys)]);
    return keys.map(() => undefined);
  }

  async deleteDocument(owner: Pick<BlobOwner, 'tenant' | 'collection' | 'documentId'>): Promise<void> {
    await removeBelow(this.#at, keyOf(this.#at, `${documentFolder(owner)}/`));
  }

  async deleteCollection(owner: Pick<BlobOwner, 'tenant' | 'collection'>): Promise<void> {
    await removeBelow(this.#at, keyOf(this.#at, `${collectionFolder(owner)}/`));
  }

  async *list(
    owner: Pick<BlobOwner, 'tenant' | 'collection'>,
  ): AsyncIterable<{ ref: Pick<ContentRef, 'blob' | 'bytes'>; documentId: string; modifiedAt: Date }> {
    for await (const page of pagesOf(this.#at, keyOf(this.#at, `${collectionFolder(owner)}/`))) {
      for (const { Key, Size, LastModified } of page) {
        const blob = Key?.slice(this.#at.prefix.length) ?? '';
        if (!isBlobName(blob) || Size === undefined || !LastModified) continue;
        const documentId = decodeName(blob.split('/')[3]!);
        yield { ref: { blob, bytes: Size }, documentId, modifiedAt: LastModified };
      }
    }
  }

  sweepUploads(): Promise<number> {
    const before = new Date(this.#at.calls.clock.now() - STALE_UPLOAD_MS);
    return abortUploads(this.#at, this.#at.prefix, before);
  }

  close(): void {
    this.#at.calls.client.destroy();
  }
}
