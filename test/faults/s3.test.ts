import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openS3Blobs, type S3BlobOptions } from '../../src/adapters/blobs/s3/index.js';
import type { BlobOwner } from '../../src/core/ports/blobs.js';
import { httpFaults, type Asked, type HttpFault, type HttpFaults } from '../support/http-faults.js';
import { describeWith } from '../support/needs.js';
import { PART, madeS3, rawClient, s3Options } from '../support/s3.js';

const OWNER: BlobOwner = { tenant: 't', collection: 'c', documentId: 'd', kind: 'original' };
const ATTEMPTS = 4;
const NOW = Date.parse('2026-01-01T00:00:00Z');
const MINUTE = 60_000;

const puts = ({ method, url }: Asked) => method === 'PUT' && url.includes('/original-');
const gets = ({ method, url }: Asked) => method === 'GET' && url.includes('/original-');
const creates = ({ method, url }: Asked) => method === 'POST' && url.includes('uploads');
const completes = ({ method, url }: Asked) => method === 'POST' && url.includes('uploadId=');
const batches = ({ method, url }: Asked) => method === 'POST' && url.includes('delete');

function refused(code: string, status: number, headers: Record<string, string> = {}): HttpFault {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`;
  return { kind: 'answer', status, headers: { 'content-type': 'application/xml', ...headers }, body };
}

describeWith('S3_ENDPOINT', 'S3 blobs behind a broken wire', (address) => {
  let faults: HttpFaults;
  let made: Awaited<ReturnType<typeof madeS3>>;
  let waits: number[];
  let now: number;
  const change = (): Partial<S3BlobOptions> => ({
    endpoint: faults.endpoint,
    maxAttempts: ATTEMPTS,
    random: () => 0,
    clock: {
      now: () => now,
      sleep: (ms) => {
        waits.push(ms);
        return Promise.resolve();
      },
    },
  });
  beforeEach(async () => {
    waits = [];
    now = NOW;
    faults = await httpFaults(address);
    made = await madeS3(change());
  });
  afterEach(async () => {
    await made.close();
    await faults.close();
  });

  /** The fault for the first so many requests that `which` takes. */
  function breakFirst(which: (asked: Asked) => boolean, fault: HttpFault, times = 1): () => number {
    let seen = 0;
    faults.decide((asked) => (which(asked) && (seen += 1) <= times ? fault : undefined));
    return () => seen;
  }

  async function listed(): Promise<number> {
    faults.decide(() => undefined);
    let count = 0;
    for await (const _ of made.blobs.list(OWNER)) count += 1;
    return count;
  }

  async function uploads(): Promise<number> {
    const raw = rawClient(s3Options());
    const where = { Bucket: made.options.bucket, Prefix: `${made.options.prefix}/` };
    const { Uploads = [] } = await raw.send(new ListMultipartUploadsCommand(where));
    raw.destroy();
    return Uploads.length;
  }

  it('waits as long as it is told, within bounds, and goes on', async () => {
    breakFirst(puts, refused('SlowDown', 503, { 'retry-after': '3' }), 2);
    const ref = await made.blobs.put(OWNER, Buffer.from('x'));
    expect(waits).toEqual([3000, 3000]);
    expect(Buffer.from(await made.blobs.read(ref)).toString()).toBe('x');
    breakFirst(gets, refused('TooManyRequests', 429, { 'retry-after': new Date(NOW + 9_000).toUTCString() }));
    await made.blobs.read(ref);
    expect(waits).toEqual([3000, 3000, 9000]);
  });

  it('gives up when the wait is too long or no attempt helps, and leaves nothing behind', async () => {
    let seen = breakFirst(puts, refused('SlowDown', 503, { 'retry-after': '3600' }), Infinity);
    await expect(made.blobs.put(OWNER, Buffer.from('x'))).rejects.toMatchObject({
      code: 'unavailable',
      permanence: 'transient',
      retryAfter: 3600,
    });
    expect(seen()).toBe(1);
    for (const fault of [refused('InternalError', 500), { kind: 'drop' } as const]) {
      seen = breakFirst(puts, fault, Infinity);
      await expect(made.blobs.put(OWNER, Buffer.from('x'))).rejects.toMatchObject({ code: 'unavailable' });
      expect(seen()).toBe(ATTEMPTS);
    }
    expect(await listed()).toBe(0);
  });

  it('stores once what the server applied and never answered', async () => {
    breakFirst(puts, { kind: 'reset_after_apply' }, 2);
    const ref = await made.blobs.put(OWNER, Buffer.from('once'));
    expect(await listed()).toBe(1);
    expect(Buffer.from(await made.blobs.read(ref)).toString()).toBe('once');
    breakFirst(puts, { kind: 'reset_after_apply' }, Infinity);
    await expect(made.blobs.put(OWNER, Buffer.from('lost'))).rejects.toMatchObject({ code: 'unavailable' });
    expect(await listed()).toBe(1);
  });

  it('completes a multipart upload once, whichever answer is lost', async () => {
    const bytes = randomBytes(2 * PART + 1);
    for (const which of [creates, puts, completes]) {
      breakFirst(which, { kind: 'reset_after_apply' });
      const ref = await made.blobs.put(OWNER, bytes);
      faults.decide(() => undefined);
      expect(Buffer.compare(await made.blobs.read(ref), bytes)).toBe(0);
      expect(await uploads()).toBe(0);
    }
    for (const which of [creates, puts, completes]) {
      breakFirst(which, { kind: 'reset_after_apply' }, Infinity);
      await expect(made.blobs.put(OWNER, bytes)).rejects.toMatchObject({ code: 'unavailable' });
      expect(await uploads()).toBe(0);
    }
    expect(await listed()).toBe(3);
  });

  it('tells a completed upload whose answer was lost from one that somebody aborted', async () => {
    const bytes = randomBytes(PART + 1);
    const gone = refused('NoSuchUpload', 404);
    let seen = 0;
    faults.decide((asked) => {
      if (!completes(asked)) return undefined;
      return (seen += 1) === 1 ? { kind: 'reset_after_apply' } : gone;
    });
    await made.blobs.put(OWNER, bytes);
    breakFirst(completes, gone, Infinity);
    await expect(made.blobs.put(OWNER, bytes)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await listed()).toBe(1);
    expect(await uploads()).toBe(0);
  });

  it('ends an upload that took so long that the sweep of unnamed blobs could come before its name', async () => {
    faults.decide((asked) => {
      if (puts(asked)) now += 30 * MINUTE;
      return undefined;
    });
    const bytes = randomBytes(2 * PART);
    await expect(made.blobs.put(OWNER, bytes)).rejects.toMatchObject({ code: 'request_timeout' });
    expect(await listed()).toBe(0);
    expect(await uploads()).toBe(0);
  });

  it('has the server refuse an upload that was damaged on the way', async () => {
    const seen = breakFirst(puts, { kind: 'damage_request' });
    const ref = await made.blobs.put(OWNER, Buffer.from('whole'));
    expect(seen()).toBe(2);
    expect(Buffer.from(await made.blobs.read(ref)).toString()).toBe('whole');
    breakFirst(puts, { kind: 'damage_request' }, Infinity);
    await expect(made.blobs.put(OWNER, randomBytes(2 * PART))).rejects.toMatchObject({ code: 'unavailable' });
    expect(await listed()).toBe(1);
    expect(await uploads()).toBe(0);
  });

  it('never takes a part of the content for all of it', async () => {
    const bytes = randomBytes(300_000);
    const ref = await made.blobs.put(OWNER, bytes);
    const range = { start: 10, end: 250_000 };
    breakFirst(gets, { kind: 'truncate' }, Infinity);
    await expect(made.blobs.get(ref).then(buffer)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(made.blobs.get(ref, range).then(buffer)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(made.blobs.read(ref)).rejects.toMatchObject({ code: 'unavailable' });
    breakFirst(gets, { kind: 'truncate' }, 2);
    expect(Buffer.compare(await made.blobs.read(ref), bytes)).toBe(0);
  });

  it('sees content that was changed on the way', async () => {
    const ref = await made.blobs.put(OWNER, randomBytes(1000));
    breakFirst(gets, { kind: 'damage' });
    await made.blobs.read(ref);
    breakFirst(gets, { kind: 'damage' }, Infinity);
    await expect(made.blobs.read(ref)).rejects.toMatchObject({ code: 'data_corrupt' });
    await expect(made.blobs.get(ref).then(buffer)).rejects.toMatchObject({ code: 'data_corrupt' });
  });

  it('waits neither for an answer nor for the rest of one without end', async () => {
    const ref = await made.blobs.put(OWNER, randomBytes(100_000));
    const impatient = await openS3Blobs({ ...made.options, requestTimeoutMs: 1_000, maxAttempts: 2 });
    breakFirst(gets, { kind: 'silence' }, Infinity);
    await expect(impatient.get(ref)).rejects.toMatchObject({ code: 'unavailable' });
    breakFirst(gets, { kind: 'stall' }, Infinity);
    await expect(impatient.get(ref).then(buffer)).rejects.toMatchObject({ code: 'unavailable' });
    impatient.close();
  });

  it('tells what has to be mended from content that is gone', async () => {
    const ref = await made.blobs.put(OWNER, Buffer.from('x'));
    const { bucket } = made.options;
    for (const [code, status, said] of [
      ['AccessDenied', 403, new RegExp(`${bucket}.* s3:GetObject`)],
      ['NoSuchBucket', 404, new RegExp(`${bucket}.* does not exist`)],
      ['ExpiredToken', 400, /credentials/],
    ] as const) {
      const seen = breakFirst(gets, refused(code, status), Infinity);
      const message = expect.stringMatching(said) as string;
      const expected = { code: 'invalid_config', permanence: 'transient', message };
      await expect(made.blobs.get(ref)).rejects.toMatchObject(expected);
      expect(seen()).toBe(1);
    }
    breakFirst(puts, refused('QuotaExceeded', 403), Infinity);
    await expect(made.blobs.put(OWNER, Buffer.from('x'))).rejects.toMatchObject({ code: 'disk_full' });
  });

  it('asks again for the keys that a batch did not delete, and says when they stay', async () => {
    const kept = (code: string): HttpFault => {
      const body = `<DeleteResult><Error><Key>${key}</Key><Code>${code}</Code><Message>no</Message></Error></DeleteResult>`;
      return { kind: 'answer', status: 200, headers: { 'content-type': 'application/xml' }, body };
    };
    const ref = await made.blobs.put(OWNER, Buffer.from('x'));
    const key = `${made.options.prefix}/${ref.blob}`;
    breakFirst(batches, kept('AccessDenied'), Infinity);
    await expect(made.blobs.deleteDocument(OWNER)).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringContaining('s3:DeleteObject') as string,
    });
    const seen = breakFirst(batches, kept('InternalError'), 2);
    await made.blobs.deleteDocument(OWNER);
    expect(seen()).toBe(3);
    expect(await listed()).toBe(0);
  });

  it('refuses a bucket that keeps former versions, unless that is wanted', async () => {
    const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
    faults.decide(({ url }) =>
      url.includes('versioning') ? { kind: 'answer', status: 200, headers: {}, body } : undefined,
    );
    await expect(openS3Blobs(made.options)).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringContaining('former versions') as string,
    });
    (await openS3Blobs({ ...made.options, versioned: true })).close();
  });

  it('takes stores that know neither versions nor a list of uploads', async () => {
    faults.decide(({ url }) => (/[?&](versioning|uploads)/.test(url) ? refused('NotImplemented', 501) : undefined));
    (await openS3Blobs(made.options)).close();
  });

  it('says that a store is not there', async () => {
    await faults.close();
    await expect(openS3Blobs(made.options)).rejects.toMatchObject({ code: 'unavailable', permanence: 'transient' });
    faults = await httpFaults(address);
  });
});
