import { openS3Blobs } from '../../src/adapters/blobs/s3/index.js';
import type { BlobStore } from '../../src/core/ports/blobs.js';
import { describeWith } from '../support/needs.js';
import { emptyS3, s3Options } from '../support/s3.js';
import { describeBlobsContract } from './blobs.js';
import type { Made } from './catalog/maker.js';

async function make(): Promise<Made<BlobStore>> {
  const options = s3Options();
  const open = async (): Promise<Made<BlobStore>> => {
    const port = await openS3Blobs(options);
    const close = async (): Promise<void> => {
      port.close();
      await emptyS3(options);
    };
    return { port, close, reopen: open };
  };
  return open();
}

describeWith('S3_ENDPOINT', 'BlobStore: s3', () => describeBlobsContract('s3', make));
