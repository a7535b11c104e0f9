import { GetObjectCommand } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { Transform, type Readable } from 'node:stream';
import { FootnoteError } from '../../../core/errors.js';
import type { ContentRef } from '../../../core/event.js';
import { keyOf, type S3Bucket } from './bucket.js';
import type { Attempt } from './calls.js';

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Sends the request of a blob's bytes, or of `[start, end)` of them, and gives the answer's checked body. */
export async function fetchBody(
  at: S3Bucket,
  ref: ContentRef,
  range: Range | undefined,
  { abortSignal, answered }: Pick<Attempt, 'abortSignal' | 'answered'>,
): Promise<Readable> {
  const answer = await at.calls.client.send(
    new GetObjectCommand({
      Bucket: at.bucket,
      Key: keyOf(at, ref.blob),
      // The end of a range is inclusive there.
      ...(range ? { Range: `bytes=${range.start}-${range.end - 1}` } : {}),
    }),
    { abortSignal },
  );
  answered();
  const body = answer.Body as Readable;
  const length = answer.ContentLength;
  const wanted = range ? Math.min(range.end, ref.bytes) - range.start : ref.bytes;
  if (length !== undefined && length !== wanted) {
    body.destroy();
    throw damaged(ref, `${length} bytes instead of ${wanted}`);
  }
  return checked(body, ref, wanted, range === undefined, at.requestTimeoutMs);
}

/** Fails instead of ending when bytes are missing, too many, other than they were, or do not come. */
function checked(body: Readable, ref: ContentRef, wanted: number, whole: boolean, idleMs: number): Readable {
  const hash = createHash('sha256');
  let seen = 0;
  const out: Transform = new Transform({
    transform(chunk: Uint8Array, _encoding, next) {
      seen += chunk.byteLength;
      if (whole) hash.update(chunk);
      next(null, chunk);
    },
    flush(next) {
      if (seen < wanted) next(broken('ended early'));
      else if (seen > wanted) next(damaged(ref, `more than ${wanted} bytes`));
      else if (whole && hash.digest('hex') !== ref.sha256) next(damaged(ref, 'another SHA-256'));
      else next();
    },
  });
  let before = -1;
  const timer = setInterval(() => {
    // A reader that takes its time is no fault of the store.
    if (out.readableLength > 0 || out.writableNeedDrain) return;
    if (seen === before) out.destroy(broken('stopped'));
    before = seen;
  }, idleMs);
  timer.unref();
  body.once('error', (error) => out.destroy(broken((error as NodeJS.ErrnoException).code ?? 'broke off')));
  out.once('close', () => {
    clearInterval(timer);
    body.destroy();
  });
  return body.pipe(out);
}

function broken(how: string): FootnoteError {
  return new FootnoteError('unavailable', `The stored content did not come whole from S3 (${how}).`);
}

function damaged(ref: ContentRef, how: string): FootnoteError {
  return new FootnoteError('data_corrupt', `The stored content ${ref.blob} is damaged in S3: ${how}.`);
}
