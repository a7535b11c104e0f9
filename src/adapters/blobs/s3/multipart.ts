import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { FootnoteError } from '../../../core/errors.js';
import { NAME_BLOB_WITHIN_MS, UNNAMED_BLOB_GRACE_MS } from '../../../core/ports/blobs.js';
import type { S3Bucket } from './bucket.js';
import { abortUploads } from './stale-uploads.js';
import { tooLarge } from '../source.js';

/** Source: Amazon S3 multipart upload limits. */
const MAX_PARTS = 10_000;

/**
 * S3 dates an object from the beginning of its multipart upload, so one that takes longer could be swept as unnamed before
 * whoever stores it has had its time to name it.
 */
const COMPLETE_WITHIN_MS = UNNAMED_BLOB_GRACE_MS - NAME_BLOB_WITHIN_MS;

interface Sent {
  readonly PartNumber: number;
  readonly ETag: string | undefined;
  readonly ChecksumSHA256: string;
}

/** One multipart upload. Every part carries its SHA-256, which the store checks before it takes it. */
export class Multipart {
  readonly #at: S3Bucket;
  readonly #key: string;
  readonly #startedAt: number;
  readonly #sent: Sent[] = [];
  #uploadId: string | undefined;
  /** An answer was lost, so there may be an upload whose id nobody knows. */
  #strays = false;
  #bytes = 0;

  constructor(at: S3Bucket, key: string) {
    this.#at = at;
    this.#key = key;
    this.#startedAt = at.calls.clock.now();
  }

  /** @param bytes a part; all but the last have the same size */
  async add(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const uploadId = (this.#uploadId ??= await this.#create(signal));
    const { calls, bucket, partBytes } = this.#at;
    const number = this.#sent.length + 1;
    if (number > MAX_PARTS) throw tooLarge(MAX_PARTS * partBytes);
    const sha256 = createHash('sha256').update(bytes).digest('base64');
    const answer = await calls.run(
      'UploadPart',
      ({ abortSignal }) =>
        calls.client.send(
          new UploadPartCommand({
            Bucket: bucket,
            Key: this.#key,
            UploadId: uploadId,
            PartNumber: number,
            Body: bytes,
            ContentLength: bytes.byteLength,
            ChecksumSHA256: sha256,
          }),
          { abortSignal },
        ),
      { signal },
    );
    this.#sent.push({ PartNumber: number, ETag: answer.ETag, ChecksumSHA256: sha256 });
    this.#bytes += bytes.byteLength;
  }

  async complete(signal?: AbortSignal): Promise<void> {
    const { calls, bucket } = this.#at;
    if (calls.clock.now() - this.#startedAt > COMPLETE_WITHIN_MS) {
      const minutes = COMPLETE_WITHIN_MS / 60_000;
      throw new FootnoteError('request_timeout', `The content took longer than ${minutes} minutes to store.`);
    }
    const done = await calls.run<'done' | 'gone'>(
      'CompleteMultipartUpload',
      async ({ abortSignal }) => {
        await calls.client.send(
          new CompleteMultipartUploadCommand({
            Bucket: bucket,
            Key: this.#key,
            UploadId: this.#uploadId,
            MultipartUpload: { Parts: this.#sent },
          }),
          { abortSignal },
        );
        return 'done';
      },
      { signal, answer: ({ name }) => (name === 'NoSuchUpload' ? 'gone' : undefined) },
    );
    if (done === 'gone') await this.#confirm(signal);
    // It can't be told whether one was begun; without a look it would stay for a day.
    if (this.#strays) await abortUploads(this.#at, this.#key);
  }

  /** Leaves no parts behind. */
  async abort(): Promise<void> {
    const { calls, bucket } = this.#at;
    const uploadId = this.#uploadId;
    if (uploadId !== undefined) {
      await calls.run<unknown>(
        'AbortMultipartUpload',
        ({ abortSignal }) =>
          calls.client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: this.#key, UploadId: uploadId }), {
            abortSignal,
          }),
        { answer: ({ name }) => (name === 'NoSuchUpload' ? 'gone' : undefined) },
      );
    }
    if (uploadId === undefined || this.#strays) await abortUploads(this.#at, this.#key);
  }

  async #create(signal: AbortSignal | undefined): Promise<string> {
    const { calls, bucket } = this.#at;
    const answer = await calls.run(
      'CreateMultipartUpload',
      ({ abortSignal, number }) => {
        this.#strays = number > 1;
        return calls.client.send(
          new CreateMultipartUploadCommand({
            Bucket: bucket,
            Key: this.#key,
            ChecksumAlgorithm: 'SHA256',
            ContentType: 'application/octet-stream',
          }),
          { abortSignal },
        );
      },
      { signal },
    );
    if (answer.UploadId === undefined) throw new FootnoteError('unavailable', 'The S3 store gave an upload no id.');
    return answer.UploadId;
  }

  /** The upload is gone: an earlier attempt completed it and its answer was lost, or somebody aborted it. */
  async #confirm(signal: AbortSignal | undefined): Promise<void> {
    const { calls, bucket } = this.#at;
    const found = await calls.run<number>(
      'HeadObject',
      async ({ abortSignal }) => {
        const head = await calls.client.send(new HeadObjectCommand({ Bucket: bucket, Key: this.#key }), {
          abortSignal,
        });
        return head.ContentLength ?? -1;
      },
      { signal, answer: ({ kind }) => (kind === 'missing' ? -1 : undefined) },
    );
    if (found === this.#bytes) return;
    throw new FootnoteError('unavailable', 'The upload was aborted by somebody else before it was complete.');
  }
}
