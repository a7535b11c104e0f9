import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FootnoteError } from '../../src/core/errors.js';
import type { BatchResult, DocumentView } from '../../src/core/schemas/documents.js';
import type { JobView } from '../../src/core/schemas/jobs.js';
import type { SearchResult } from '../../src/core/schemas/query.js';
import { temporaryFolder } from '../support/fixtures.js';
import type { Answer, Call } from '../support/openapi-client.js';
import type { ServedEngine } from '../support/served-engine.js';
import { serveEngine } from '../support/served-engine.js';

const BY_KEY = '/sources/{source}/documents/{key}';
const BY_ID = '/documents/{documentId}';
const markdown = { 'content-type': 'text/markdown' };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let served: ServedEngine;
let call: ReturnType<ServedEngine['in']>;
let collections = 0;
let reach: (point: string) => void = () => undefined;
beforeAll(async () => {
  folder = await temporaryFolder();
  const faults = { reach: async (point: string) => reach(point) };
  served = await serveEngine(folder.path, { http: { documentBytes: 200_000 } }, { faults });
});
afterAll(async () => {
  await served.close();
  await folder.remove();
});
beforeEach(async () => {
  call = served.in(`c${(collections += 1)}`);
  expect((await call('PUT', '', { json: {} })).status).toBe(201);
});

const put = (key: string, body: string, more: Partial<Call> = {}) =>
  call('PUT', BY_KEY, {
    params: { source: 'api', key },
    query: { wait: 'true' },
    body,
    ...more,
    headers: { ...markdown, ...more.headers },
  });
const search = async (query: string, more: object = {}): Promise<SearchResult['hits']> => {
  const answer = await call('POST', '/search', { json: { query, mode: 'lexical', ...more } });
  return (answer.body as SearchResult).hits;
};
const keysOf = async (query: string, more: object = {}) => (await search(query, more)).map(({ key }) => key);
const view = (answer: Answer) => answer.body as DocumentView;

async function ended(answer: Answer): Promise<JobView> {
  const { job } = answer.body as { job: JobView };
  for (;;) {
    const now = (await served.client.call('GET', '/v1/jobs/{id}', { params: { id: job.id } })).body as JobView;
    if (!['queued', 'running', 'paused'].includes(now.state)) return now;
    await delay(20);
  }
}

describe('a document put over HTTP', () => {
  it('is searchable, readable and cited once the waiting put has answered', async () => {
    const text = '# Keys\n\nTurn the copper key to the left.\n';
    const answer = await put('guide/a.md', text);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ source: 'api', key: 'guide/a.md', state: 'live', chunks: 1 });
    const { documentId, revision } = answer.body as { documentId: string; revision: string };
    const [hit] = await search('copper');
    expect(hit).toMatchObject({ documentId, revision, source: 'api', key: 'guide/a.md' });
    expect(hit!.chunkId).toBe(
      ((await call('GET', `${BY_ID}/chunks`, { params: { documentId } })).body as { chunks: { id: string }[] })
        .chunks[0]!.id,
    );
    expect(text.slice(hit!.citation.span.start, hit!.citation.span.end)).toBe(hit!.citation.quote);

    const read = view(await call('GET', BY_ID, { params: { documentId } }));
    expect(read).toMatchObject({ state: 'live', revision, mime: 'text/markdown', chunks: 1 });
    expect(view(await call('GET', BY_KEY, { params: { source: 'api', key: 'guide/a.md' } }))).toEqual(read);
    const plain = await call('GET', `${BY_ID}/text`, { params: { documentId } });
    expect(plain.body).toBe(text);
    expect(plain.headers.get('footnote-revision')).toBe(revision);
    const original = await call('GET', `${BY_ID}/original`, { params: { documentId } });
    expect(Buffer.from(original.bytes).toString()).toBe(text);
    expect(original.headers.get('content-type')).toBe('text/markdown');
  });

  it('is accepted at once with a job when nobody waits', async () => {
    const answer = await put('a', 'A note on zinc.', { query: {} });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ key: 'a', state: 'pending', job: { kind: 'document' } });
    const { job } = answer.body as { job: JobView };
    expect(answer.headers.get('location')).toBe(`/v1/jobs/${job.id}`);
    expect(await ended(answer)).toMatchObject({ state: 'succeeded', progress: { done: 1, total: 1 } });
    expect(await keysOf('zinc')).toEqual(['a']);
    const listed = (await served.client.call('GET', '/v1/jobs', { query: { kind: 'document' } })).body;
    expect((listed as { jobs: JobView[] }).jobs.map(({ id }) => id)).toContain(job.id);
  });

  it('comes as JSON and as a form alike', async () => {
    const type = 'application/vnd.footnote.document+json';
    const json = { title: 'Tin', uri: 'https://example.com/tin', metadata: { year: 2024 }, text: 'Of tin.' };
    const viaJson = await put('json', JSON.stringify(json), { headers: { 'content-type': type } });
    expect(viaJson.status).toBe(200);
    const form = new FormData();
    form.set('file', new File(['Of tin.'], 'tin.txt', { type: 'text/plain' }));
    form.set('document', JSON.stringify({ title: 'Tin', metadata: { year: 2023 } }));
    const params = { source: 'api', key: 'form' };
    const viaForm = await call('PUT', BY_KEY, { params, query: { wait: 'true' }, body: form });
    expect(viaForm.status).toBe(200);
    expect(await keysOf('tin', { filter: { eq: ['metadata.year', 2024] } })).toEqual(['json']);
    const [hit] = await search('tin', { filter: { eq: ['source', 'api'] } });
    expect(hit).toMatchObject({ title: 'Tin' });
  });

  it('gets a key of its own by POST, the same one for a repeated request', async () => {
    const once = { query: { wait: 'true' }, headers: { 'content-type': 'text/plain' }, body: 'Of lead.' };
    const [one, two] = [await call('POST', '/documents', once), await call('POST', '/documents', once)];
    const keys = [one, two].map((answer) => (answer.body as DocumentView).key);
    expect(keys[0]).not.toBe(keys[1]);
    const again = { ...once, headers: { ...once.headers, 'idempotency-key': 'first-try' } };
    const [three, four] = [await call('POST', '/documents', again), await call('POST', '/documents', again)];
    expect(four.body).toEqual(three.body);
    expect(four.headers.get('etag')).toBe(three.headers.get('etag'));
    const listed = (await call('GET', '/documents')).body as { documents: DocumentView[] };
    expect(listed.documents).toHaveLength(3);
  });

  it('is the first answer again for a repeated Idempotency-Key, and 409 for another request under it', async () => {
    const headers = { 'idempotency-key': 'k-1' };
    const first = await put('a', 'Of iron.', { headers });
    await put('a', 'Of iron and steel.');
    const again = await put('a', 'Of iron.', { headers });
    expect(again.headers.get('etag')).toBe(first.headers.get('etag'));
    expect(await keysOf('steel')).toEqual(['a']);
    const other = await put('a', 'Of something else.', { headers });
    expect(other.body).toMatchObject({ status: 409, code: 'idempotency_conflict' });
  });

  it('is written only over the version that If-Match names', async () => {
    const first = await put('a', 'Of iron.');
    const stale = first.headers.get('etag')!;
    const second = await put('a', 'Of steel.', { headers: { 'if-match': stale } });
    expect(second.status).toBe(200);
    expect(second.headers.get('etag')).not.toBe(stale);
    const late = await put('a', 'Of brass.', { headers: { 'if-match': stale } });
    expect(late.body).toMatchObject({ status: 412, code: 'precondition_failed' });
    expect((await put('b', 'New.', { headers: { 'if-match': '*' } })).status).toBe(412);
    const { documentId } = second.body as DocumentView;
    const read = await call('GET', BY_ID, { params: { documentId } });
    expect(read.headers.get('etag')).toBe(second.headers.get('etag'));
    const patched = await call('PATCH', BY_ID, {
      params: { documentId },
      headers: { 'if-match': stale },
      json: { title: 'x' },
    });
    expect(patched.status).toBe(412);
    const params = { documentId };
    expect((await call('DELETE', BY_ID, { params, headers: { 'if-match': stale } })).status).toBe(412);
  });

  it('that cannot be read answers 422 with the code of its row', async () => {
    const broken = '%PDF-1.7\nthis is no document\n%%EOF\n';
    const answer = await put('a.pdf', broken, { headers: { 'content-type': 'application/pdf' } });
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ code: 'corrupt_document' });
    const { documentId } = (answer.body as { details: { documentId: string } }).details;
    const read = view(await call('GET', BY_ID, { params: { documentId } }));
    expect(read).toMatchObject({ state: 'failed', error: { code: 'corrupt_document' } });
    const failed = (await call('GET', '/documents', { query: { state: 'failed' } })).body;
    expect((failed as { documents: DocumentView[] }).documents).toHaveLength(1);
    const letters = (await call('GET', '/dlq')).body as { deadLetters: object[] };
    expect(letters.deadLetters).toMatchObject([{ key: 'a.pdf', code: 'corrupt_document', bytes: broken.length }]);
    const job = await put('b.pdf', broken, { query: {}, headers: { 'content-type': 'application/pdf' } });
    expect(await ended(job)).toMatchObject({ state: 'failed', error: { code: 'corrupt_document' } });
  });

  it('that fails to replace a good one leaves that searchable, marked as stale', async () => {
    const good = await put('a', 'Of platinum.');
    await put('a', '%PDF-1.7\nno document\n%%EOF\n', { headers: { 'content-type': 'application/pdf' } });
    expect(await search('platinum')).toMatchObject([{ key: 'a', stale: true }]);
    const { documentId, revision } = good.body as { documentId: string; revision: string };
    expect(view(await call('GET', BY_ID, { params: { documentId } }))).toMatchObject({
      state: 'failed',
      stale: true,
      revision,
    });
  });
});

describe('a patch', () => {
  it('merges title, uri and metadata, and keeps text, ids and vectors', async () => {
    const body = JSON.stringify({ title: 'Old', metadata: { a: 1, b: { c: 2, d: 3 } }, text: 'Of nickel.' });
    const made = await put('a', body, { headers: { 'content-type': 'application/vnd.footnote.document+json' } });
    const { documentId } = made.body as DocumentView;
    const before = (await call('GET', '/export')).body as Record<string, unknown>[];
    const patched = await call('PATCH', BY_ID, {
      params: { documentId },
      query: { wait: 'true' },
      json: { title: null, uri: 'https://example.com/a', metadata: { a: null, b: { c: 4 } } },
    });
    expect(patched.body).toMatchObject({ state: 'live', revision: (made.body as DocumentView).revision });
    const read = view(await call('GET', BY_ID, { params: { documentId } }));
    expect(read).toMatchObject({ uri: 'https://example.com/a', metadata: { b: { c: 4, d: 3 } } });
    expect(read.title).toBeUndefined();
    expect(await keysOf('nickel', { filter: { eq: ['metadata.b.c', 4] } })).toEqual(['a']);
    const after = (await call('GET', '/export')).body as Record<string, unknown>[];
    const identity = ({ id, revision, vectorSha256, span }: Record<string, unknown>) => ({
      id,
      revision,
      vectorSha256,
      span,
    });
    expect(after.map(identity)).toEqual(before.map(identity));
    expect(after[0]!.metadataSha256).not.toBe(before[0]!.metadataSha256);
  });

  it('of the policy holds for the next query, before it is applied', async () => {
    const made = await put('a', 'Of silver.');
    const { documentId } = made.body as DocumentView;
    const [hit] = await search('silver');
    const revoked = await call('PATCH', BY_ID, {
      params: { documentId },
      json: { policy: { principals: ['staff'] } },
    });
    expect(revoked.status).toBe(202);
    expect(await keysOf('silver')).toEqual([]);
    const context = await call('POST', '/context', { json: { query: 'silver', budget: { tokens: 100 } } });
    expect(context.body).toMatchObject({ context: '', citations: [] });
    expect((await call('GET', BY_ID, { params: { documentId } })).status).toBe(404);
    expect((await call('GET', `${BY_ID}/original`, { params: { documentId } })).status).toBe(404);
    expect((await call('GET', '/documents')).body).toEqual({ documents: [] });
    const checks = await call('POST', '/citations/verify', { json: { citations: [hit!.citation.id] } });
    expect(checks.body).toMatchObject({ results: [{ valid: false, reason: 'not_found' }] });
    const overwrite = await put('a', 'Mine.');
    expect(overwrite.body).toMatchObject({ status: 403, code: 'forbidden' });
  });

  it('is refused for what a connector owns, as is a put', async () => {
    const source = await temporaryFolder();
    const { surface, caller } = served.engine;
    const { signal } = new AbortController();
    const collection = `c${collections}`;
    try {
      await writeFile(join(source.path, 'a.md'), 'Of gold.');
      for await (const _ of surface.ingest(caller, collection, { paths: [source.path] }, signal));
      const { documentId } = (await search('gold'))[0]!;
      const owned = { status: 409, code: 'source_owned' };
      expect((await call('PATCH', BY_ID, { params: { documentId }, json: { title: 'x' } })).body).toMatchObject(owned);
      expect((await put('a.md', 'x', { params: { source: 'files', key: 'a.md' } })).body).toMatchObject(owned);
      expect(await keysOf('gold')).toEqual(['a.md']);
    } finally {
      await source.remove();
    }
  });
});

describe('a deletion', () => {
  it('holds at once, by key and by id, and ends with the original gone', async () => {
    const made = await put('a', 'Of mercury.');
    const { documentId } = made.body as DocumentView;
    const params = { source: 'api', key: 'a' };
    const deleted = await call('DELETE', BY_KEY, { params });
    expect(deleted.status).toBe(202);
    expect(await keysOf('mercury')).toEqual([]);
    expect((await call('GET', BY_ID, { params: { documentId } })).status).toBe(404);
    expect(await ended(deleted)).toMatchObject({ state: 'succeeded' });
    const gone = (await call('GET', '/documents', { query: { state: 'deleted' } })).body;
    expect((gone as { documents: DocumentView[] }).documents).toMatchObject([{ key: 'a', state: 'deleted' }]);
    expect((await call('DELETE', BY_KEY, { params })).body).toMatchObject({ code: 'document_not_found' });

    const second = await put('b', 'Of mercury.');
    const byId = await call('DELETE', BY_ID, {
      params: { documentId: (second.body as DocumentView).documentId },
      query: { wait: 'true' },
    });
    expect(byId.body).toMatchObject({ key: 'b', state: 'deleted', chunks: 0 });
    expect((await call('GET', '/export')).body).toEqual([]);
  });

  it('of a whole source is a job', async () => {
    for (const key of ['a', 'b', 'c']) await put(key, `Of cobalt, ${key}.`);
    const other = { source: 'other', key: 'd' };
    await put('d', 'Of cobalt, d.', { params: other });
    const answer = await call('DELETE', '/sources/{source}', { params: { source: 'api' } });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ kind: 'delete-source' });
    expect(await ended({ ...answer, body: { job: answer.body } })).toMatchObject({ state: 'succeeded' });
    expect(await keysOf('cobalt')).toEqual(['d']);
    expect((await call('DELETE', '/sources/{source}', { params: { source: 'none' } })).status).toBe(404);
  });
});

describe('a collection that is deleted', () => {
  it('takes everything along, what waits for it too', async () => {
    await put('a', 'Of radium.');
    reach = (point) => {
      if (point === 'apply:parsed') throw new FootnoteError('unavailable', 'Not yet.');
    };
    const waiting = await put('b', 'Of radium, too.', { query: {} });
    const { signal } = new AbortController();
    const { surface, caller } = served.engine;
    const source = await temporaryFolder();
    try {
      await writeFile(join(source.path, 'c.md'), 'Of radium, as well.');
      const ingesting = (async () => {
        for await (const _ of surface.ingest(caller, `c${collections}`, { paths: [source.path] }, signal));
      })();
      const outcome = ingesting.then(
        () => 'done',
        (error: unknown) => error,
      );
      const pending = async () =>
        ((await call('GET', '/documents', { query: { state: 'pending' } })).body as { documents: object[] }).documents;
      while ((await pending()).length < 2) await delay(10);
      expect((await call('DELETE', '')).status).toBe(204);
      const { job } = waiting.body as { job: JobView };
      expect((await served.client.call('GET', '/v1/jobs/{id}', { params: { id: job.id } })).status).toBe(404);
      expect(await outcome).toBeInstanceOf(FootnoteError);
    } finally {
      reach = () => undefined;
      await source.remove();
    }
    expect((await call('GET', '')).status).toBe(404);
    expect((await call('PUT', '', { json: {} })).status).toBe(201);
    expect((await call('GET', '/documents')).body).toEqual({ documents: [] });
    await put('b', 'Of radium, again.');
    expect(await keysOf('radium')).toEqual(['b']);
  });
});

describe('a batch', () => {
  it('writes and deletes many, tells each, and repeats its answer', async () => {
    await put('old', 'Of bronze.');
    const documents = [
      { key: 'a', text: 'Of bronze, too.', metadata: { n: 1 } },
      { key: 'b', mime: 'application/pdf', base64: Buffer.from('%PDF-1.7\nno\n%%EOF').toString('base64') },
      { op: 'delete', key: 'old' },
      { op: 'delete', key: 'never' },
      { text: 'Of bronze, without a key.' },
    ];
    const request = { query: { wait: 'true' }, headers: { 'idempotency-key': 'b-1' }, json: { documents } };
    const answer = await call('POST', '/documents:batch', request);
    expect(answer.status).toBe(200);
    const { results } = answer.body as BatchResult;
    expect(results).toMatchObject([
      { key: 'a', state: 'live', chunks: 1 },
      { key: 'b', state: 'failed', error: { code: 'corrupt_document' } },
      { key: 'old', state: 'deleted' },
      { key: 'never', error: { code: 'document_not_found' } },
      { state: 'live', chunks: 1 },
    ]);
    const again = (await call('POST', '/documents:batch', request)).body as BatchResult;
    expect(again.results.map(({ documentId, key }) => ({ documentId, key }))).toEqual(
      results.map(({ documentId, key }) => ({ documentId, key })),
    );
    expect(new Set(await keysOf('bronze'))).toEqual(new Set(['a', results[4]!.key]));
  });

  it('gives the ids that single puts give', async () => {
    const text = 'Of brass – naïve, façade.';
    await call('POST', '/documents:batch', { query: { wait: 'true' }, json: { documents: [{ key: 'a', text }] } });
    const batched = view(await call('GET', BY_KEY, { params: { source: 'api', key: 'a' } }));
    const single = await put('a', JSON.stringify({ text }), {
      headers: { 'content-type': 'application/vnd.footnote.document+json' },
    });
    expect((single.body as DocumentView).revision).toBe(batched.revision);
  });

  it('takes no document larger than a put does', async () => {
    const documents = [
      { key: 'big', text: 'x'.repeat(200_001) },
      { key: 'small', text: 'Fine.' },
    ];
    const answer = await call('POST', '/documents:batch', { query: { wait: 'true' }, json: { documents } });
    expect(answer.body).toMatchObject({ results: [{ error: { code: 'document_too_large' } }, { state: 'live' }] });
  });
});

describe('reading', () => {
  it('lists by source, key and state, in pages', async () => {
    for (const key of ['a', 'b', 'c']) await put(key, `Note ${key}.`);
    await put('d', 'Note d.', { params: { source: 'other', key: 'd' } });
    const list = async (query: Record<string, string | number>) =>
      (await call('GET', '/documents', { query })).body as { documents: DocumentView[]; next?: string };
    expect((await list({ source: 'other' })).documents.map(({ key }) => key)).toEqual(['d']);
    expect((await list({ source: 'api', key: 'b' })).documents.map(({ key }) => key)).toEqual(['b']);
    expect((await list({ state: 'deleted' })).documents).toEqual([]);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list({ limit: 3, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.documents.map(({ key }) => key));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(seen.sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('gives texts of replaced revisions, and says when one is not kept', async () => {
    const first = (await put('a', 'The first text.')).body as DocumentView;
    const second = (await put('a', 'The second text.')).body as DocumentView;
    expect(second.revision).not.toBe(first.revision);
    const text = async (revision?: string, accept = 'text/plain') =>
      call('GET', `${BY_ID}/text`, {
        params: { documentId: first.documentId },
        query: revision === undefined ? {} : { revision },
        headers: { accept },
      });
    expect((await text()).body).toBe('The second text.');
    expect((await text(first.revision)).body).toBe('The first text.');
    expect((await text(first.revision, 'application/json')).body).toEqual({
      documentId: first.documentId,
      revision: first.revision,
      text: 'The first text.',
    });
    expect((await text('0'.repeat(32))).body).toMatchObject({ status: 410, code: 'content_missing' });
  });

  it('pages through chunks by ordinal', async () => {
    const sentences = Array.from({ length: 120 }, (_, n) => `Paragraph ${n} speaks of metal number ${n} at length.`);
    const { documentId, chunks } = (await put('a', sentences.join('\n\n'))).body as DocumentView;
    expect(chunks).toBeGreaterThan(2);
    const ordinals: number[] = [];
    let cursor: string | undefined;
    do {
      const query = { limit: 2, ...(cursor === undefined ? {} : { cursor }) };
      const page = (await call('GET', `${BY_ID}/chunks`, { params: { documentId }, query })).body as {
        chunks: { ordinal: number }[];
        next?: string;
      };
      ordinals.push(...page.chunks.map(({ ordinal }) => ordinal));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(ordinals).toEqual(Array.from({ length: chunks! }, (_, n) => n));
  });

  it('narrows by as, and never widens', async () => {
    const { documentId } = (await put('a', 'Of chrome.')).body as DocumentView;
    const asked = (principals: string[]) => keysOf('chrome', { as: { principals } });
    expect(await asked(['local'])).toEqual(['a']);
    expect(await asked(['staff'])).toEqual([]);
    expect(await asked([])).toEqual([]);
    expect((await call('GET', BY_ID, { params: { documentId }, query: { as: 'staff' } })).status).toBe(404);
    expect((await call('GET', BY_ID, { params: { documentId }, query: { as: ['staff', 'local'] } })).status).toBe(200);
  });

  it('says collection_not_found for every way into a collection that is not there', async () => {
    const none = served.in('none');
    const documentId = '3f0c2f6e-4a3b-5d1c-8e9f-0a1b2c3d4e5f';
    const key = { source: 'api', key: 'a' };
    const ways: [string, string, Call][] = [
      ['GET', '', {}],
      ['DELETE', '', {}],
      ['GET', '/documents', {}],
      ['GET', BY_ID, { params: { documentId } }],
      ['PATCH', BY_ID, { params: { documentId }, json: { title: 'x' } }],
      ['DELETE', BY_ID, { params: { documentId } }],
      ['GET', `${BY_ID}/text`, { params: { documentId } }],
      ['GET', `${BY_ID}/chunks`, { params: { documentId } }],
      ['GET', `${BY_ID}/original`, { params: { documentId } }],
      ['GET', BY_KEY, { params: key }],
      ['PUT', BY_KEY, { params: key, headers: markdown, body: 'x' }],
      ['DELETE', BY_KEY, { params: key }],
      ['POST', '/documents', { headers: markdown, body: 'x' }],
      ['POST', '/documents:batch', { json: { documents: [{ text: 'x' }] } }],
      ['DELETE', '/sources/{source}', { params: { source: 'api' } }],
      ['POST', '/search', { json: { query: 'x' } }],
      ['POST', '/context', { json: { query: 'x', budget: { tokens: 10 } } }],
      ['POST', '/why', { json: { query: 'x', documentId } }],
      ['POST', '/citations/verify', { json: { citations: ['c1x'] } }],
      ['GET', '/export', {}],
      ['POST', '/verify', {}],
      ['GET', '/dlq', {}],
      ['GET', '/release', {}],
    ];
    for (const [method, path, more] of ways) {
      const { body } = await none(method, path, more);
      expect(body, `${method} ${path}`).toMatchObject({ status: 404, code: 'collection_not_found' });
      expect((body as { detail: string }).detail, `${method} ${path}`).toMatch(/Create it with PUT/);
    }
  });
});
