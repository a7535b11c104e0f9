import type { S3Calls } from './calls.js';

/** Where blobs lie: `<prefix>/<blob>` in one bucket. */
export interface S3Bucket {
  readonly calls: S3Calls;
  readonly bucket: string;
  /** With its slash at the end, or empty. */
  readonly prefix: string;
  readonly partBytes: number;
  readonly requestTimeoutMs: number;
}

export function keyOf(at: S3Bucket, blob: string): string {
  return `${at.prefix}${blob}`;
}
