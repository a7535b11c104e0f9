import {
  GetBucketVersioningCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type GetBucketVersioningCommandOutput,
} from '@aws-sdk/client-s3';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { FootnoteError } from '../../../core/errors.js';
import { readFormat } from '../../../core/format.js';
import { FORMAT_FILE } from '../../../runtime/format-file.js';
import { keyOf, type S3Bucket } from './bucket.js';

/** How blobs are laid out below the prefix and how they are named: as in files. */
const FORMAT = 1;

/** The bucket is there and may be listed; without that right a missing key and a refused one look alike. */
export async function checkBucket({ calls, bucket, prefix }: S3Bucket): Promise<void> {
  await calls.run('ListObjectsV2', ({ abortSignal }) =>
    calls.client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: 1 }), { abortSignal }),
  );
}

/**
 * A bucket that keeps former versions keeps what was deleted. Stores that don't tell, or not to us, are believed.
 * @throws invalid_config
 */
export async function refuseVersions({ calls, bucket }: S3Bucket): Promise<void> {
  const { Status } = await calls.run<GetBucketVersioningCommandOutput>(
    'GetBucketVersioning',
    ({ abortSignal }) => calls.client.send(new GetBucketVersioningCommand({ Bucket: bucket }), { abortSignal }),
    { answer: ({ kind }) => (kind === 'again' || kind === 'no_bucket' ? undefined : { $metadata: {} }) },
  );
  if (Status !== 'Enabled') return;
  throw new FootnoteError(
    'invalid_config',
    `The S3 bucket ${bucket} keeps former versions, so deleted documents would stay: use a bucket without versioning, or allow it (versioned: true) and expire noncurrent versions by a lifecycle rule.`,
  );
}

/** Checks the format that the prefix carries; a new one gets this software's. @throws data_newer, data_corrupt */
export async function keepFormat(at: S3Bucket): Promise<void> {
  const { calls, bucket } = at;
  const Key = keyOf(at, FORMAT_FILE);
  const stored = await calls.run<string>(
    'GetObject',
    async ({ abortSignal }) => {
      const answer = await calls.client.send(new GetObjectCommand({ Bucket: bucket, Key }), { abortSignal });
      return text(answer.Body as Readable);
    },
    { answer: ({ kind }) => (kind === 'missing' ? '' : undefined) },
  );
  if (stored === '') {
    const Body = Buffer.from(
      `${JSON.stringify({ format: FORMAT, createdAt: new Date(calls.clock.now()).toISOString() })}\n`,
    );
    await calls.run('PutObject', ({ abortSignal }) =>
      calls.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType: 'application/json' }), {
        abortSignal,
      }),
    );
    return;
  }
  const what = `The blob layout of ${Key} in the S3 bucket ${bucket}`;
  readFormat(formatOf(stored), { what, newest: FORMAT, orElse: 'or use another prefix' });
}

function formatOf(stored: string): unknown {
  try {
    return (JSON.parse(stored) as { format?: unknown } | null)?.format;
  } catch {
    // readFormat says what an unreadable one means.
    return undefined;
  }
}
