import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
} from '@aws-sdk/client-s3';
import type { S3Bucket } from './bucket.js';

/**
 * Aborts the multipart uploads whose keys begin with `prefix` and which are older than `before`, or all of them.
 * @returns how many; stores without such a listing have none to show
 */
export async function abortUploads(at: S3Bucket, prefix: string, before?: Date): Promise<number> {
  const { calls, bucket } = at;
  let aborted = 0;
  let keyMarker: string | undefined;
  let idMarker: string | undefined;
  for (;;) {
    const page = await calls.run<ListMultipartUploadsCommandOutput>(
      'ListMultipartUploads',
      ({ abortSignal }) =>
        calls.client.send(
          new ListMultipartUploadsCommand({
            Bucket: bucket,
            Prefix: prefix,
            KeyMarker: keyMarker,
            UploadIdMarker: idMarker,
          }),
          { abortSignal },
        ),
      { answer: ({ name, status }) => (name === 'NotImplemented' || status === 501 ? { $metadata: {} } : undefined) },
    );
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key === undefined || UploadId === undefined || !Key.startsWith(prefix)) continue;
      if (before && !(Initiated && Initiated < before)) continue;
      const done = await calls.run<boolean>(
        'AbortMultipartUpload',
        async ({ abortSignal }) => {
          await calls.client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }), { abortSignal });
          return true;
        },
        { answer: ({ name }) => (name === 'NoSuchUpload' ? false : undefined) },
      );
      if (done) aborted += 1;
    }
    const moved = page.NextKeyMarker !== keyMarker || page.NextUploadIdMarker !== idMarker;
    if (!page.IsTruncated || !moved) return aborted;
    keyMarker = page.NextKeyMarker;
    idMarker = page.NextUploadIdMarker;
  }
}
