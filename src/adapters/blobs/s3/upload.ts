import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { throwIfAborted } from '../../../core/errors.js';
import { SourceFailure, endWhenAborted, piecesOf, tooLarge } from '../source.js';
import type { S3Bucket } from './bucket.js';
import { Multipart } from './multipart.js';
import { partsOf } from './parts.js';

export interface UploadOptions {
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * Stores a blob under a key that nobody else uses, so that every request may be sent again. One request when it fits into a
 * part, a multipart upload otherwise; `partBytes` of memory either way.
 * @returns size and SHA-256 (hex) of what was read and acknowledged
 * @throws document_too_large, cancelled, request_timeout; whatever the source throws, unchanged; errors.ts
 */
export async function upload(
  at: S3Bucket,
  key: string,
  data: Readable | Uint8Array,
  options: UploadOptions,
): Promise<{ bytes: number; sha256: string }> {
  const { signal } = options;
  const counted = new Counted(options.maxBytes ?? Infinity);
  const begun: { whole?: true; multipart?: Multipart } = {};
  const done = endWhenAborted(data, signal);
  try {
    throwIfAborted(signal);
    for await (const { bytes, last } of partsOf(counted.of(piecesOf(data)), at.partBytes)) {
      if (last && !begun.multipart) {
        const sha256 = counted.digest();
        begun.whole = true;
        await putWhole(at, key, bytes, sha256, signal);
        return { bytes: counted.bytes, sha256: sha256.toString('hex') };
      }
      begun.multipart ??= new Multipart(at, key);
      await begun.multipart.add(bytes, signal);
    }
    begun.whole = true;
    await begun.multipart?.complete(signal);
    return { bytes: counted.bytes, sha256: counted.digest().toString('hex') };
  } catch (error) {
    // What can't be removed now is named by nothing: the sweeps of unnamed blobs and of old uploads take it.
    await begun.multipart?.abort().catch(() => undefined);
    if (begun.whole) await remove(at, key).catch(() => undefined);
    throwIfAborted(signal);
    throw error instanceof SourceFailure ? error.cause : error;
  } finally {
    done();
    // Left before it was read to its end (cancelled from the start).
    if (!(data instanceof Uint8Array)) data.destroy();
  }
}

class Counted {
  bytes = 0;
  readonly #hash: Hash = createHash('sha256');

  constructor(private readonly limit: number) {}

  async *of(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const piece of pieces) {
      this.bytes += piece.byteLength;
      if (this.bytes > this.limit) throw tooLarge(this.limit);
      this.#hash.update(piece);
      yield piece;
    }
  }

  digest(): Buffer {
    return this.#hash.digest();
  }
}

async function putWhole(
  { calls, bucket }: S3Bucket,
  key: string,
  bytes: Uint8Array,
  sha256: Buffer,
  signal: AbortSignal | undefined,
): Promise<void> {
  await calls.run(
    'PutObject',
    ({ abortSignal }) =>
      calls.client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: bytes,
          ContentLength: bytes.byteLength,
          ContentType: 'application/octet-stream',
          ChecksumSHA256: sha256.toString('base64'),
        }),
        { abortSignal },
      ),
    { signal },
  );
}

/** Idempotent. */
export async function remove({ calls, bucket }: S3Bucket, key: string): Promise<void> {
  await calls.run<unknown>(
    'DeleteObject',
    ({ abortSignal }) => calls.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }), { abortSignal }),
    { answer: ({ kind }) => (kind === 'missing' ? 'gone' : undefined) },
  );
}
