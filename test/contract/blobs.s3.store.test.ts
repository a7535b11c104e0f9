import {
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openS3Blobs, type S3BlobOptions } from '../../src/adapters/blobs/s3/index.js';
import type { BlobOwner } from '../../src/core/ports/blobs.js';
import { forEachConcurrent } from '../../src/runtime/concurrency.js';
import { describeWith } from '../support/needs.js';
import { PART, madeS3, rawClient, s3Options } from '../support/s3.js';

const OWNER: BlobOwner = { tenant: 't', collection: 'c', documentId: 'd', kind: 'original' };
const DAY = 24 * 60 * 60_000;

function sha256(bytes: Uint8Array, encoding: 'hex' | 'base64'): string {
  return createHash('sha256').update(bytes).digest(encoding);
}

describeWith('S3_ENDPOINT', 'what S3 blobs are on the server', () => {
  let made: Awaited<ReturnType<typeof madeS3>>;
  let raw: ReturnType<typeof rawClient>;
  beforeEach(async () => {
    made = await madeS3();
    raw = rawClient(made.options);
  });
  afterEach(async () => {
    raw.destroy();
    await made.close();
  });

  async function keys(): Promise<string[]> {
    const { bucket: Bucket, prefix } = made.options;
    const { Contents = [] } = await raw.send(new ListObjectsV2Command({ Bucket, Prefix: `${prefix}/` }));
    return Contents.map(({ Key }) => Key!.slice(prefix.length + 1)).filter((key) => key !== 'format.json');
  }

  async function uploads(prefix = made.options.prefix): Promise<number> {
    const where = { Bucket: made.options.bucket, Prefix: `${prefix}/` };
    return ((await raw.send(new ListMultipartUploadsCommand(where))).Uploads ?? []).length;
  }

  async function head(blob: string) {
    const where = { Bucket: made.options.bucket, Key: `${made.options.prefix}/${blob}` };
    return raw.send(new HeadObjectCommand({ ...where, ChecksumMode: 'ENABLED' }));
  }

  it('sends what is larger than a part in parts, and gives back the same bytes, whole and in ranges', async () => {
    for (const [size, parts] of [
      [3 * PART + 12_345, 4],
      [2 * PART, 2],
    ] as const) {
      const bytes = randomBytes(size);
      const ref = await made.blobs.put(OWNER, Readable.from(pieces(bytes, 999_983)));
      expect(ref).toMatchObject({ bytes: size, sha256: sha256(bytes, 'hex') });
      expect(Buffer.compare(await made.blobs.read(ref), bytes)).toBe(0);
      const across = await buffer(await made.blobs.get(ref, { start: PART - 7, end: PART + 9 }));
      expect(Buffer.compare(across, bytes.subarray(PART - 7, PART + 9))).toBe(0);
      expect((await head(ref.blob)).ETag).toMatch(new RegExp(`-${parts}"$`));
    }
    expect(await uploads()).toBe(0);
  });

  it('sends what fits into a part in one request, with its SHA-256 for the server to check and keep', async () => {
    const bytes = randomBytes(PART);
    const ref = await made.blobs.put(OWNER, bytes);
    const found = await head(ref.blob);
    expect(found.ChecksumSHA256).toBe(sha256(bytes, 'base64'));
    expect(found.ETag).not.toContain('-');
  });

  it('leaves neither an upload nor an object when it ends in the middle', async () => {
    const stop = new AbortController();
    const failure = new Error('source failed');
    const cases: [string, () => Readable, { maxBytes?: number; signal?: AbortSignal }][] = [
      ['source failed', () => Readable.from(endless(2 * PART, () => Promise.reject(failure))), {}],
      ['document_too_large', () => Readable.from(endless(100 * PART)), { maxBytes: 2 * PART + 1 }],
      [
        'cancelled',
        () =>
          Readable.from(
            endless(2 * PART, async () => {
              expect(await uploads()).toBe(1);
              stop.abort();
            }),
          ),
        { signal: stop.signal },
      ],
    ];
    for (const [expected, source, options] of cases) {
      const error: unknown = await made.blobs.put(OWNER, source(), options).catch((reason: unknown) => reason);
      expect(error instanceof Error && 'code' in error ? error.code : (error as Error).message).toBe(expected);
      expect(await uploads()).toBe(0);
      expect(await keys()).toEqual([]);
    }
  });

  it('aborts uploads of its prefix that are older than a day when it opens, and no others', async () => {
    const other = `${made.options.prefix}-other`;
    for (const prefix of [made.options.prefix, other]) {
      const where = { Bucket: made.options.bucket, Key: `${prefix}/t/c/00/d/original-x` };
      await raw.send(new CreateMultipartUploadCommand(where));
    }
    expect(await made.blobs.sweepUploads()).toBe(0);
    expect(await uploads()).toBe(1);
    const late = { now: () => Date.now() + 2 * DAY, sleep: () => Promise.resolve() };
    (await openS3Blobs({ ...made.options, clock: late })).close();
    expect(await uploads()).toBe(0);
    expect(await uploads(other)).toBe(1);
    const others = await openS3Blobs({ ...made.options, prefix: other, clock: late });
    expect(await uploads(other)).toBe(0);
    others.close();
  });

  it('lists and deletes more than a page', async () => {
    const count = 1_030;
    await forEachConcurrent(Array.from({ length: count }).keys(), 16, async (i) => {
      await made.blobs.put({ ...OWNER, documentId: `d${i}` }, Buffer.from(String(i)));
    });
    const found = new Set<string>();
    for await (const { documentId } of made.blobs.list(OWNER)) found.add(documentId);
    expect(found.size).toBe(count);
    await made.blobs.put({ ...OWNER, collection: 'kept' }, Buffer.from('x'));
    await made.blobs.deleteCollection(OWNER);
    expect(await keys()).toHaveLength(1);
  });

  it('gives each tenant a prefix, and hostile names no way out of it', async () => {
    for (const [tenant, collection, documentId] of [
      ['a', 'b', 'c'],
      ['a/b', 'c', '..'],
      ['..', '../..', '/'],
      ['', ' ', '\u0000\n'],
      ['A', '_', '%2F?x=1&y#+'],
    ] as const) {
      const bytes = Buffer.from(tenant);
      const ref = await made.blobs.put({ ...OWNER, tenant, collection, documentId }, bytes);
      expect(Buffer.from(await made.blobs.read(ref))).toEqual(bytes);
    }
    const found = await keys();
    expect(new Set(found.map((key) => key.split('/')[0]))).toEqual(new Set(['a', 'a_2fb', '_2e_2e', '_', '_41']));
    expect(found.every((key) => /^[a-z0-9_-]+(\/[a-z0-9_-]+){4}$/.test(key))).toBe(true);
  });

  it('tells damaged content from content that is gone', async () => {
    const ref = await made.blobs.put(OWNER, Buffer.from('0123456789'));
    for (const damage of ['0123456780', '01234', '']) {
      const Key = `${made.options.prefix}/${ref.blob}`;
      await raw.send(new PutObjectCommand({ Bucket: made.options.bucket, Key, Body: Buffer.from(damage) }));
      await expect(made.blobs.read(ref)).rejects.toMatchObject({ code: 'data_corrupt' });
      await expect(made.blobs.get(ref).then(buffer)).rejects.toMatchObject({ code: 'data_corrupt' });
    }
  });

  it('refuses a prefix that newer software wrote', async () => {
    const Key = `${made.options.prefix}/format.json`;
    await raw.send(new PutObjectCommand({ Bucket: made.options.bucket, Key, Body: '{"format": 99}' }));
    await expect(openS3Blobs(made.options)).rejects.toMatchObject({ code: 'data_newer' });
    await raw.send(new PutObjectCommand({ Bucket: made.options.bucket, Key, Body: 'x' }));
    await expect(openS3Blobs(made.options)).rejects.toMatchObject({ code: 'data_corrupt' });
  });

  it('says what is wrong with credentials, bucket and settings, and never shows a secret', async () => {
    const { credentials } = made.options;
    const wrong: [Partial<S3BlobOptions>, RegExp][] = [
      [{ credentials: { ...credentials!, secretAccessKey: 'WRONG-SECRET' } }, /does not accept the credentials/],
      [{ credentials: { ...credentials!, accessKeyId: 'UNKNOWN-KEY' } }, /does not accept the credentials/],
      [{ bucket: 'no-such-bucket' }, /does not exist/],
      [{ prefix: '../x' }, /prefix/],
      [{ partBytes: 1 }, /Parts/],
      [{ endpoint: 'nowhere' }, /endpoint/],
    ];
    for (const [change, message] of wrong) {
      const options = s3Options(change);
      const error: unknown = await openS3Blobs(options).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'invalid_config', message: expect.stringMatching(message) as string });
      const shown = inspect(error, { depth: 10, showHidden: true });
      for (const secret of Object.values(options.credentials!)) expect(shown).not.toContain(secret);
    }
  });
});

function* pieces(bytes: Uint8Array, size: number): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

/** A source that calls `then` once so much of it was taken, and goes on for a while. */
async function* endless(after: number, then: () => Promise<unknown> = () => Promise.resolve()) {
  const piece = randomBytes(1 << 20);
  for (let sent = 0; sent < 50 * after; sent += piece.byteLength) {
    if (sent > after) await then();
    yield piece;
  }
}
