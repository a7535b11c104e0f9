import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { S3Calls } from './calls.js';
import { checkOptions, makeClient, type S3BlobOptions } from './options.js';

/** AWS takes no name for this region, and demands one for every other. */
const UNNAMED_REGION = 'us-east-1';

/**
 * Makes the bucket unless it is there. Only when somebody asked for it: a mistyped name must not become a bucket.
 * @returns whether it was made now
 * @throws invalid_config, unavailable
 */
export async function createBucket(options: S3BlobOptions): Promise<boolean> {
  checkOptions(options);
  const { bucket: Bucket, region } = options;
  const client = makeClient(options);
  const place =
    options.endpoint === undefined && region !== UNNAMED_REGION
      ? { CreateBucketConfiguration: { LocationConstraint: region as 'eu-central-1' } }
      : {};
  try {
    return await new S3Calls(client, options).run<boolean>(
      'CreateBucket',
      async ({ abortSignal }) => {
        await client.send(new CreateBucketCommand({ Bucket, ...place }), { abortSignal });
        return true;
      },
      // BucketAlreadyExists: somebody else's, or ours on stores that don't tell; opening it shows which.
      { answer: ({ name }) => (/^BucketAlready(OwnedByYou|Exists)$/.test(name) ? false : undefined) },
    );
  } finally {
    client.destroy();
  }
}
