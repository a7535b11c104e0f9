import { S3Client } from '@aws-sdk/client-s3';
import { FootnoteError } from '../../../core/errors.js';
import type { Clock } from '../../../core/ports/clock.js';

export interface S3BlobOptions {
  readonly bucket: string;
  /** Begins every key, without slashes at its ends; empty for the whole bucket. One prefix belongs to one Footnote. */
  readonly prefix: string;
  readonly region: string;
  /** `https://host:port` of a store that is not AWS. */
  readonly endpoint?: string;
  /** Without them the SDK's own chain looks: environment, profile, container and instance roles. */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** `https://host/bucket/key` instead of `https://bucket.host/key`; by default where an endpoint is given. */
  readonly forcePathStyle?: boolean;
  /** Size of a part of a multipart upload, 5 MiB to 512 MiB: what a put holds in memory, and the largest blob sent in one request. */
  readonly partBytes: number;
  /** Of one request, the first one included. */
  readonly maxAttempts: number;
  /** Until an answer has begun, and between two pieces of its body. */
  readonly requestTimeoutMs: number;
  /** Longest wait before another attempt, also when the store asks for more. */
  readonly maxWaitMs?: number;
  readonly maxConnections?: number;
  /** Takes a bucket that keeps former versions: then a lifecycle rule has to end what Footnote deletes. */
  readonly versioned?: boolean;
  readonly clock?: Clock;
  /** In [0, 1): the jitter of waits. */
  readonly random?: () => number;
}

const MIB = 1 << 20;
const MIN_PART = 5 * MIB;
const MAX_PART = 512 * MIB;
const PREFIX = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?$/;
/** S3 keys have at most 1024 bytes, and a blob's own name has at most 411. */
const MAX_PREFIX = 500;
const CONNECT_MS = 5_000;
const CONNECTIONS = 64;

/** @throws invalid_config */
export function checkOptions(options: S3BlobOptions): void {
  const { bucket, prefix, partBytes, maxAttempts, requestTimeoutMs } = options;
  const wrong =
    bucket === ''
      ? 'The name of the S3 bucket is missing.'
      : !PREFIX.test(prefix) || prefix.length > MAX_PREFIX
        ? `The S3 prefix has to be names of letters, digits and ._- with / between them, ${MAX_PREFIX} characters at most.`
        : !(partBytes >= MIN_PART && partBytes <= MAX_PART)
          ? `Parts of S3 uploads have ${MIN_PART} to ${MAX_PART} bytes, not ${partBytes}.`
          : !(maxAttempts >= 1 && requestTimeoutMs >= 1)
            ? 'S3 requests need at least one attempt and a time limit.'
            : options.endpoint !== undefined && !URL.canParse(options.endpoint)
              ? 'The S3 endpoint is not a URL such as https://host:port.'
              : undefined;
  if (wrong !== undefined) throw new FootnoteError('invalid_config', wrong);
}

/** Attempts, waits and checks of whole bodies are ours (calls.ts, download.ts), so the SDK's are off. */
export function makeClient(options: S3BlobOptions): S3Client {
  const agent = { keepAlive: true, maxSockets: options.maxConnections ?? CONNECTIONS };
  return new S3Client({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    forcePathStyle: options.forcePathStyle ?? options.endpoint !== undefined,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECT_MS, httpAgent: agent, httpsAgent: agent },
  });
}
