import { DeleteBucketCommand, DeleteObjectsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { randomUUID } from 'node:crypto';
import { openS3Blobs, type S3BlobOptions } from '../../src/adapters/blobs/s3/index.js';

/** The smallest that S3 takes. */
export const PART = 5 << 20;

/** The store of the variables, with a prefix that nobody else uses. */
export function s3Options(change: Partial<S3BlobOptions> = {}): S3BlobOptions {
  const of = (name: string): string => process.env[name] ?? '';
  return {
    endpoint: of('S3_ENDPOINT'),
    region: of('S3_REGION'),
    bucket: of('S3_BUCKET'),
    credentials: { accessKeyId: of('S3_ACCESS_KEY_ID'), secretAccessKey: of('S3_SECRET_ACCESS_KEY') },
    prefix: `test/${randomUUID()}`,
    partBytes: PART,
    maxAttempts: 4,
    requestTimeoutMs: 60_000,
    ...change,
  };
}

/** The SDK as it is, for what a test looks at or puts there itself. */
export function rawClient(options: S3BlobOptions): S3Client {
  return new S3Client({
    endpoint: options.endpoint!,
    region: options.region,
    credentials: options.credentials!,
    forcePathStyle: true,
  });
}

/** Everything below the prefix of these options goes away. */
export async function emptyS3(options: S3BlobOptions): Promise<void> {
  const client = rawClient(options);
  const where = { Bucket: options.bucket, Prefix: `${options.prefix}/` };
  for (;;) {
    const { Contents: found = [] } = await client.send(new ListObjectsV2Command(where));
    if (found.length === 0) break;
    const Objects = found.map(({ Key }) => ({ Key: Key! }));
    await client.send(new DeleteObjectsCommand({ Bucket: options.bucket, Delete: { Objects, Quiet: true } }));
  }
  client.destroy();
}

/** A store of its own, emptied and closed afterwards. */
export async function madeS3(change: Partial<S3BlobOptions> = {}) {
  const options = s3Options(change);
  const blobs = await openS3Blobs(options);
  return {
    options,
    blobs,
    close: async (): Promise<void> => {
      blobs.close();
      await emptyS3(s3Options({ prefix: options.prefix }));
    },
  };
}

/** A bucket of the variables' store, with everything in it; none is no error. */
export async function dropBucket(bucket: string): Promise<void> {
  const options = s3Options({ bucket });
  const client = rawClient(options);
  try {
    for (;;) {
      const { Contents: found = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
      if (found.length === 0) break;
      const Objects = found.map(({ Key }) => ({ Key: Key! }));
      await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
    }
    await client.send(new DeleteBucketCommand({ Bucket: bucket }));
  } catch (error) {
    if ((error as Error).name !== 'NoSuchBucket') throw error;
  } finally {
    client.destroy();
  }
}
