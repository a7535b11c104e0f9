import { DeleteObjectsCommand, ListObjectsV2Command, type _Object as S3Object } from '@aws-sdk/client-s3';
import type { S3Bucket } from './bucket.js';

/** Keys below a prefix, a page of at most 1,000 at a time, in the order of their bytes. */
export async function* pagesOf({ calls, bucket }: S3Bucket, prefix: string): AsyncIterable<readonly S3Object[]> {
  let token: string | undefined;
  do {
    const page = await calls.run('ListObjectsV2', ({ abortSignal }) =>
      calls.client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }), {
        abortSignal,
      }),
    );
    yield page.Contents ?? [];
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

/** Deletes what lies below a prefix, page by page. @throws when the store keeps any of them */
export async function removeBelow(at: S3Bucket, prefix: string): Promise<void> {
  for await (const page of pagesOf(at, prefix)) {
    await removeKeys(
      at,
      page.flatMap(({ Key }) => (Key === undefined ? [] : [Key])),
    );
  }
}

/** At most 1,000. Idempotent. @throws when the store keeps any of them */
export async function removeKeys({ calls, bucket }: S3Bucket, keys: readonly string[]): Promise<void> {
  let left = keys;
  if (left.length === 0) return;
  await calls.run('DeleteObjects', async ({ abortSignal }) => {
    const answer = await calls.client.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Quiet: true, Objects: left.map((Key) => ({ Key })) } }),
      { abortSignal },
    );
    const kept = (answer.Errors ?? []).filter(({ Code }) => Code !== 'NoSuchKey');
    if (kept.length === 0) return;
    // The request succeeded, these keys did not; only they are asked for again.
    left = kept.flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
    const name = kept[0]!.Code ?? 'InternalError';
    throw Object.assign(new Error('keys were not deleted'), { name, $metadata: { httpStatusCode: 200 } });
  });
}
