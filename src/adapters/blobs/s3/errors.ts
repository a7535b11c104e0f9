import { FootnoteError } from '../../../core/errors.js';
import { contentMissing } from '../source.js';

/** Requests that are made of the store, by the permission of IAM that each needs. */
const PERMISSIONS = {
  PutObject: 's3:PutObject',
  CreateMultipartUpload: 's3:PutObject',
  UploadPart: 's3:PutObject',
  CompleteMultipartUpload: 's3:PutObject',
  AbortMultipartUpload: 's3:AbortMultipartUpload',
  ListMultipartUploads: 's3:ListBucketMultipartUploads',
  GetObject: 's3:GetObject',
  HeadObject: 's3:GetObject',
  DeleteObject: 's3:DeleteObject',
  DeleteObjects: 's3:DeleteObject',
  ListObjectsV2: 's3:ListBucket',
  GetBucketVersioning: 's3:GetBucketVersioning',
  CreateBucket: 's3:CreateBucket',
} as const;

export type Operation = keyof typeof PERMISSIONS;

export interface Failure {
  /** `again`: another attempt can help at once. */
  readonly kind: 'missing' | 'no_bucket' | 'refused' | 'credentials' | 'settings' | 'full' | 'again' | 'other';
  /** S3's error code, or the network's. */
  readonly name: string;
  readonly status?: number;
  readonly requestId?: string;
  /** What the store asks to be waited for. */
  readonly retryAfterMs?: number;
  /** The typed form where it is known already. */
  readonly error?: FootnoteError;
}

const BY_NAME: Readonly<Record<string, Failure['kind']>> = {
  NoSuchKey: 'missing',
  NotFound: 'missing',
  NoSuchBucket: 'no_bucket',
  AccessDenied: 'refused',
  Forbidden: 'refused',
  AllAccessDisabled: 'refused',
  InvalidAccessKeyId: 'credentials',
  // Versity's gateway for the same.
  XAdminUserNotFound: 'credentials',
  SignatureDoesNotMatch: 'credentials',
  ExpiredToken: 'credentials',
  InvalidToken: 'credentials',
  TokenRefreshRequired: 'credentials',
  RequestTimeTooSkewed: 'credentials',
  CredentialsProviderError: 'credentials',
  PermanentRedirect: 'settings',
  AuthorizationHeaderMalformed: 'settings',
  IllegalLocationConstraintException: 'settings',
  InvalidBucketName: 'settings',
  NotImplemented: 'settings',
  QuotaExceeded: 'full',
  XMinioStorageFull: 'full',
  // Damaged on the way: the store refused it, and what we hold is whole.
  BadDigest: 'again',
  InvalidDigest: 'again',
  XAmzContentSHA256Mismatch: 'again',
  XAmzContentChecksumMismatch: 'again',
  IncompleteBody: 'again',
  RequestTimeout: 'again',
  SlowDown: 'again',
  InternalError: 'again',
  ServiceUnavailable: 'again',
  OperationAborted: 'again',
  TimeoutError: 'again',
};

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/;

interface SdkError {
  readonly name?: string;
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> };
}

/** What an error of the SDK, the network or one key of a batch says. Undefined for what is none of these: a mistake of ours. */
export function failureOf(error: unknown, now: number): Failure | undefined {
  if (error instanceof FootnoteError) return { kind: 'again', name: error.code, error };
  const { name = '', code, $metadata, $response } = error as SdkError;
  const status = $metadata?.httpStatusCode ?? $response?.statusCode;
  const retryAfterMs = waitAsked($response?.headers?.['retry-after'], now);
  const rest = {
    ...(status === undefined ? {} : { status }),
    ...($metadata?.requestId === undefined ? {} : { requestId: $metadata.requestId }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
  const known = BY_NAME[name];
  if (known) return { kind: known, name, ...rest };
  if (status !== undefined) return { kind: kindOf(status), name: name || String(status), ...rest };
  if (typeof code === 'string') return { kind: CERTIFICATE.test(code) ? 'settings' : 'again', name: code };
  return undefined;
}

function kindOf(status: number): Failure['kind'] {
  if (status === 403 || status === 401) return 'refused';
  if (status === 507) return 'full';
  if (status === 501 || status === 301 || status === 307) return 'settings';
  // An answer whose body was broken off cannot be read, though it says 200.
  return status < 300 || status >= 500 || status === 429 || status === 408 ? 'again' : 'other';
}

/** Retry-After (RFC 9110, 10.2.3): seconds or a date. @returns milliseconds from now */
function waitAsked(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/**
 * What a failure is to the rest of Footnote. What an operator has to mend is transient: nothing is given up over it, and
 * work goes on once it is mended. Neither the message nor the cause holds what was sent, signed or answered.
 */
export function typedError(failure: Failure, operation: Operation, place: string): FootnoteError {
  if (failure.error) return failure.error;
  const { kind, name, status, requestId } = failure;
  const said = `${name}${status === undefined ? '' : `, status ${status}`}`;
  const cause = new Error(`${operation}: ${said}${requestId === undefined ? '' : `, request ${requestId}`}`);
  const mend = (message: string): FootnoteError =>
    new FootnoteError('invalid_config', message, { cause, permanence: 'transient' });
  switch (kind) {
    case 'missing':
      return contentMissing();
    case 'no_bucket':
      return mend(`${place} does not exist: create the bucket, or correct its name and region.`);
    case 'refused':
      return mend(`${place} refuses ${operation} (${said}): the credentials need ${PERMISSIONS[operation]} there.`);
    case 'credentials':
      return mend(
        `${place} does not accept the credentials (${said}): check the key, its secret and this machine's clock.`,
      );
    case 'settings':
      return mend(
        `${place} does not take ${operation} as it is set up (${said}): check endpoint, region and certificate.`,
      );
    case 'full':
      return new FootnoteError('disk_full', `${place} is full: free some space; work goes on by itself then.`, {
        cause,
      });
    case 'again':
      return new FootnoteError('unavailable', `${place} did not answer ${operation} as it should (${said}).`, {
        cause,
        ...(failure.retryAfterMs === undefined ? {} : { retryAfter: Math.ceil(failure.retryAfterMs / 1000) }),
      });
    case 'other':
      return new FootnoteError('internal', `${place} refused ${operation} (${said}).`, {
        cause,
        permanence: 'transient',
      });
  }
}
