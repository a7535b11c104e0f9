import { DeleteObjectsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { httpFaults, type Asked, type HttpAnswer, type HttpFault } from '../../../support/http-faults.js';
import { emptyS3, rawClient, s3Options } from '../../../support/s3.js';
import { FaultPlan, type FaultName, type PlannedFault } from '../plan.js';
import type { WireKind } from '../wires.js';
import { HTTP_FAULTS, httpFault, type Refusal } from './http.js';

/** Some of several keys deleted; parts that are all there, and a completion that is refused. */
const PARTLY = ['DeleteObjects', 'CompleteMultipartUpload'];
const PARTLY_FAULTS = [...HTTP_FAULTS, 'partial', 'partial', 'partial'] as const;
/** Of requests that come seldom, most are struck. */
const SHARES: Readonly<Record<string, number>> = { DeleteObjects: 4, CompleteMultipartUpload: 4, UploadPart: 2 };

const CODES = { 429: 'TooManyRequests', 500: 'InternalError', 503: 'SlowDown' } as const;
const XML = { 'content-type': 'application/xml' };
const refusal: Refusal = (status) => ({
  headers: XML,
  body: `<?xml version="1.0"?><Error><Code>${CODES[status]}</Code><Message>by the test</Message></Error>`,
});

export const s3Wire: WireKind = {
  variable: 'S3_ENDPOINT',
  faults: [...new Set<FaultName>(PARTLY_FAULTS)],
  async open() {
    const plan = new FaultPlan();
    const direct = rawClient(s3Options());
    const proxy = await httpFaults(process.env['S3_ENDPOINT']!);
    proxy.decide((asked) => {
      const name = requestName(asked);
      const fault = plan.decide(name, PARTLY.includes(name) ? PARTLY_FAULTS : HTTP_FAULTS, SHARES[name]);
      return fault && faultOf(fault, name, direct);
    });
    const prefixOf = (own: string): string => `test/${own}`;
    return {
      plan,
      stores(own) {
        const { bucket, region, credentials } = s3Options();
        const stores = { kind: 's3' as const, endpoint: proxy.endpoint, bucket, region, ...credentials };
        return { blobs: { ...stores, prefix: prefixOf(own), partBytes: 5 << 20 } };
      },
      idle: () => Promise.resolve(),
      async left(own) {
        const where = { Bucket: s3Options().bucket, Prefix: `${prefixOf(own)}/` };
        const { Contents: found = [] } = await direct.send(new ListObjectsV2Command(where));
        // The store's own note of its format stays.
        return found.map(({ Key }) => Key!).filter((key) => key.split('/').length > 4);
      },
      remove: (own) => emptyS3(s3Options({ prefix: prefixOf(own) })),
      async close() {
        await proxy.close();
        direct.destroy();
      },
    };
  },
};

function faultOf(fault: PlannedFault, request: string, direct: S3Client): HttpFault {
  if (fault.name !== 'partial') return httpFault(fault, refusal);
  if (request === 'DeleteObjects') return { kind: 'instead', act: (body) => deleteHalf(direct, body.toString()) };
  return { kind: 'answer', status: 500, ...refusal(500) };
}

/** What was signed cannot be changed on its way, so the first half of the keys is deleted from here. */
async function deleteHalf(direct: S3Client, body: string): Promise<HttpAnswer> {
  const keys = [...body.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key]) => key!);
  const gone = keys.slice(0, Math.ceil(keys.length / 2));
  const { bucket } = s3Options();
  const Objects = gone.map((Key) => ({ Key }));
  await direct.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
  const errors = keys
    .slice(gone.length)
    .map((key) => `<Error><Key>${key}</Key><Code>InternalError</Code><Message>by the test</Message></Error>`);
  return { status: 200, headers: XML, body: `<DeleteResult>${errors.join('')}</DeleteResult>` };
}

function requestName({ method, url }: Asked): string {
  const query = new URL(url, 'http://s3').searchParams;
  const upload = query.has('uploadId');
  if (query.has('list-type')) return 'ListObjectsV2';
  if (query.has('versioning')) return 'GetBucketVersioning';
  if (query.has('delete')) return 'DeleteObjects';
  if (query.has('uploads')) return method === 'GET' ? 'ListMultipartUploads' : 'CreateMultipartUpload';
  if (upload) return { PUT: 'UploadPart', POST: 'CompleteMultipartUpload' }[method] ?? 'AbortMultipartUpload';
  return { PUT: 'PutObject', GET: 'GetObject', DELETE: 'DeleteObject' }[method] ?? method;
}
