import { copyFile, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReportLine } from '../../src/core/schemas/operations.js';
import type { SearchResult } from '../../src/core/schemas/query.js';
import { complaints, runCli } from '../support/cli.js';
import { encryptedPdf } from '../support/encrypted-pdf.js';
import { temporaryFolder } from '../support/fixtures.js';
import type { Answer, Call } from '../support/openapi-client.js';
import type { ServedEngine } from '../support/served-engine.js';
import { serveEngine } from '../support/served-engine.js';

const NO_TEXT = fileURLToPath(new URL('../fixtures/parse/no-text.pdf', import.meta.url));
const SECRET = 'correct horse';
const pdf = encryptedPdf('The mooring is ninety fathoms deep.', SECRET);
/** The smallest picture there is: one transparent pixel. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==',
  'base64',
);
/** UTF-8 with a cut sequence and a surrogate encoded as three bytes, as some Java programs write it. */
const INVALID_UTF8 = Buffer.concat([
  Buffer.from('Möwen – gulls – fliegen über die Bucht. '),
  Buffer.from([0xc3, 0x20, 0xed, 0xa0, 0xbd, 0x20]),
  Buffer.from('Kormorane tauchen. Öl glänzt auf Wasser – naïve façade.\n'),
]);
const MiB = 1024 * 1024;

describe('a folder with bad files', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const lines: Record<string, ReportLine> = {};
  let result: Awaited<ReturnType<typeof runCli>>;
  const cli = (...args: string[]) => runCli(args, { cwd: folder.path });
  beforeAll(async () => {
    folder = await temporaryFolder();
    const file = (name: string, content: string | Buffer) => writeFile(join(folder.path, name), content);
    await file('footnote.yaml', 'data: .index\nembedding: {model: test-hash}\nlog: {level: silent}\n');
    await runCli(['collections', 'create', 'c'], { cwd: folder.path });
    await file('good.md', '# Good\n\nOf copper.\n');
    await file('empty.md', '');
    await file('blank.txt', ' \n\n\t\n');
    await file('picture.md', PNG);
    await file('page.pdf', '<html><body><p>A page that is called a PDF, of brass.</p></body></html>');
    await file('noise.bin', Buffer.from(Array.from({ length: 4096 }, (_, n) => (n * 7919) % 256)));
    await file('locked.pdf', pdf);
    await copyFile(NO_TEXT, join(folder.path, 'scan.pdf'));
    await file('broken.pdf', '%PDF-1.7\n1 0 obj\n<< /Type /Catalog');
    await file('legacy.txt', INVALID_UTF8);
    const huge = await open(join(folder.path, 'huge.log'), 'w');
    await huge.truncate(300 * MiB);
    await huge.close();
    result = await cli('ingest', '.', '--collection', 'c', '--report', '.report.jsonl', '--json');
    for (const line of (await readFile(join(folder.path, '.report.jsonl'), 'utf8')).trim().split('\n')) {
      const parsed = JSON.parse(line) as ReportLine;
      lines[parsed.file] = parsed;
    }
  });
  afterAll(() => folder.remove());

  it('ends with 1 as files failed, and tells an outcome for every file', () => {
    expect(result.code).toBe(1);
    expect(complaints(result)).toEqual([]);
    expect(Object.keys(lines).sort()).toEqual(
      [
        ...['blank.txt', 'broken.pdf', 'empty.md', 'footnote.yaml', 'good.md', 'huge.log'],
        ...['legacy.txt', 'locked.pdf', 'noise.bin', 'page.pdf', 'picture.md', 'scan.pdf'],
      ].sort(),
    );
    expect(JSON.parse(result.stdout)).toMatchObject({ files: 12, indexed: 4, skipped: 6, failed: 2 });
  });

  it.each([
    ['good.md', 'indexed', undefined, undefined],
    ['page.pdf', 'indexed', undefined, undefined],
    ['legacy.txt', 'indexed', undefined, undefined],
    ['empty.md', 'skipped', 'empty_document', /no text/],
    ['blank.txt', 'skipped', 'empty_document', /no text/],
    ['scan.pdf', 'skipped', 'no_text_layer', /no text/],
    ['picture.md', 'skipped', 'unsupported_media_type', /image\/png/],
    ['noise.bin', 'skipped', 'unknown_type', /convert it/],
    ['huge.log', 'skipped', 'document_too_large', /parsing\.maxBytes/],
    ['locked.pdf', 'failed', 'password_required', /password/],
    ['broken.pdf', 'failed', 'corrupt_document', /.+/],
  ] as const)('%s: %s %s', (file, outcome, code, message) => {
    expect(lines[file]).toMatchObject({ outcome, ...(code === undefined ? {} : { code }) });
    if (message) expect(lines[file]!.message).toMatch(message);
  });

  it('goes by the content and not by the name', () => {
    expect(lines['page.pdf']).toMatchObject({ mime: 'text/html' });
  });

  it('indexes what is there, and nothing else', async () => {
    const search = async (query: string) =>
      (
        JSON.parse(
          (await cli('search', query, '--collection', 'c', '--mode', 'lexical', '--json')).stdout,
        ) as SearchResult
      ).hits.map(({ key }) => key);
    expect(await search('copper')).toEqual(['good.md']);
    expect(await search('Kormorane')).toEqual(['legacy.txt']);
    const { stdout } = await cli('status', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      collections: { c: { documents: { pending: 0, failed: 2 }, deadLetters: 2, lag: 0 } },
    });
  });

  it('tells the same when nothing changed, failures included', async () => {
    const again = await cli('ingest', '.', '--collection', 'c', '--report', '.again.jsonl', '--json');
    expect(again.code).toBe(1);
    expect(JSON.parse(again.stdout)).toMatchObject({ files: 12, indexed: 0, failed: 2, embedded: 0 });
    const report = await readFile(join(folder.path, '.again.jsonl'), 'utf8');
    expect(report).toContain('"password_required"');
  });

  it('shows people what was left out and why', async () => {
    const text = await cli('ingest', 'locked.pdf', '--collection', 'c', '--source', 'one');
    expect(text.code).toBe(1);
    expect(text.stderr).toMatch(/failed\s+locked\.pdf: .*password.*\(password_required\)/);
    expect(text.stdout).toContain('footnote dlq list --collection c');
  });

  it('reads a locked file with its password by parse', async () => {
    const wrong = await cli('parse', 'locked.pdf', '--password', 'nonsense', '--json');
    expect(wrong.code).toBe(1);
    expect(JSON.parse(wrong.stdout)).toMatchObject({ lines: [{ outcome: 'failed', code: 'password_wrong' }] });
    const right = await cli('parse', 'locked.pdf', '--password', SECRET, '--json');
    expect(right.code).toBe(0);
    expect(JSON.parse(right.stdout)).toMatchObject({ indexed: 1 });
  });
});

describe('a bad document over HTTP', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let served: ServedEngine;
  let call: ReturnType<ServedEngine['in']>;
  beforeAll(async () => {
    folder = await temporaryFolder();
    served = await serveEngine(folder.path, { http: { documentBytes: MiB, jsonBytes: 2048 } });
    call = served.in('c');
    await call('PUT', '', { json: {} });
  });
  afterAll(async () => {
    await served.close();
    await folder.remove();
  });
  const put = (key: string, more: Partial<Call>): Promise<Answer> =>
    call('PUT', '/sources/{source}/documents/{key}', {
      params: { source: 'api', key },
      query: { wait: 'true' },
      ...more,
    });
  const asJson = (document: object): Partial<Call> => ({
    body: JSON.stringify(document),
    headers: { 'content-type': 'application/vnd.footnote.document+json' },
  });

  it('is asked for its password, told when it is wrong, and read with the right one', async () => {
    const base64 = pdf.toString('base64');
    const without = await put('a.pdf', asJson({ base64 }));
    expect(without.body).toMatchObject({ status: 422, code: 'password_required' });
    expect((without.body as { detail: string }).detail).toMatch(/password/);
    const wrong = await put('a.pdf', asJson({ base64, parse: { password: 'nonsense' } }));
    expect(wrong.body).toMatchObject({ status: 422, code: 'password_wrong' });
    const right = await put('a.pdf', asJson({ base64, parse: { password: SECRET } }));
    expect(right.body).toMatchObject({ state: 'live', chunks: 1 });
    const { hits } = (await call('POST', '/search', { json: { query: 'fathoms', mode: 'lexical' } }))
      .body as SearchResult;
    expect(hits).toMatchObject([{ key: 'a.pdf', page: 1 }]);
    const { documentId } = right.body as { documentId: string };
    const read = await call('GET', '/documents/{documentId}', { params: { documentId } });
    expect(JSON.stringify(read.body)).not.toContain(SECRET);
  });

  it('without a byte is kept, has no chunk and says so', async () => {
    const answer = await put('empty', { body: '', headers: { 'content-type': 'text/plain' } });
    expect(answer.body).toMatchObject({ state: 'live', chunks: 0 });
    const { documentId } = answer.body as { documentId: string };
    const read = await call('GET', '/documents/{documentId}', { params: { documentId } });
    expect(read.body).toMatchObject({ warnings: [expect.stringMatching(/^empty_document: /)] });
  });

  it('of no type that can be read is 422 with the type', async () => {
    const answer = await put('p.md', { body: PNG, headers: { 'content-type': 'text/markdown' } });
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ code: 'unsupported_media_type' });
    expect((answer.body as { detail: string }).detail).toContain('image/png');
  });

  it('with invalid UTF-8 is indexed, with a warning', async () => {
    const answer = await put('u.txt', { body: INVALID_UTF8, headers: { 'content-type': 'text/plain' } });
    expect(answer.status).toBe(200);
    const { documentId } = answer.body as { documentId: string };
    const read = await call('GET', '/documents/{documentId}', { params: { documentId } });
    expect(read.body).toMatchObject({ warnings: [expect.stringMatching(/^invalid_encoding: .*UTF-8/)] });
    const text = (await call('GET', '/documents/{documentId}/text', { params: { documentId } })).body as string;
    expect(text.isWellFormed()).toBe(true);
    expect(text).toContain('\ufffd');
  });

  it('in an unknown charset is refused with names to use', async () => {
    const answer = await put('c.txt', { body: 'x', headers: { 'content-type': 'text/plain; charset=klingon' } });
    expect(answer.body).toMatchObject({ code: 'invalid_request' });
    expect((answer.body as { detail: string }).detail).toContain('windows-1252');
  });

  it('with half a surrogate pair in JSON is refused by its place, wherever it stands', async () => {
    const type = { 'content-type': 'application/json' };
    const half = String.raw`\ud800`;
    const ways: [string, string, Record<string, string>, string, string][] = [
      ['PUT', '/sources/api/documents/s', asJson({}).headers!, `{"text": "a${half}b"}`, 'text'],
      ['POST', '/documents:batch', type, `{"documents": [{"key": "k", "text": "${half}"}]}`, 'documents[0].text'],
      ['POST', '/documents:batch', type, `{"documents": [{"key": "${half}", "text": "x"}]}`, 'documents[0].key'],
      ['POST', '/search', type, `{"query": "${half}"}`, 'query'],
      ['POST', '/search', type, `{"query": "x", "filter": {"eq": ["key", "${half}"]}}`, 'filter.eq[1]'],
    ];
    for (const [method, path, headers, body, place] of ways) {
      const answer = await fetch(`${served.url}/v1/collections/c${path}`, { method, headers, body });
      expect(answer.status, path).toBe(400);
      expect(await answer.json(), path).toMatchObject({
        errors: [{ path: place, message: 'holds half of a surrogate pair' }],
      });
    }
    const { documents } = (await call('GET', '/documents', { query: { key: 's' } })).body as { documents: object[] };
    expect(documents).toEqual([]);
  });

  it('larger than the limit is refused, announced or not', async () => {
    const big = Buffer.alloc(MiB + 1, 'x');
    const announced = await put('big', { body: big, headers: { 'content-type': 'text/plain' } });
    expect(announced.body).toMatchObject({ status: 413, code: 'document_too_large', details: { limit: MiB } });
    const query = { query: 'x'.repeat(4000) };
    const search = await call('POST', '/search', { json: query });
    expect(search.body).toMatchObject({ status: 413, code: 'request_too_large', details: { limit: 2048 } });
  });

  it.each([
    ['{"query": ', /not valid JSON/],
    ['', /not valid JSON/],
    ['[1, 2]', /expected object/],
    ['{"query": "x", "limitt": 3}', /limitt: is not a known field/],
    ['{"query": "x", "limit": "three"}', /limit/],
    ['{"query": "  "}', /query: is blank/],
    ['{"query": "x", "mode": "psychic"}', /mode/],
  ])('with the body %s is told what is wrong', async (body, says) => {
    const answer = await call('POST', '/search', {
      body,
      headers: { 'content-type': 'application/json' },
      wrong: true,
    });
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_request' });
    expect((answer.body as { detail: string }).detail).toMatch(says);
  });

  it.each([
    [{ like: ['key', 'x'] }, 'filter.like'],
    [{ eq: ['key'] }, 'filter.eq'],
    [{ eq: ['secret', 'x'] }, 'filter.eq'],
    [{ and: [{ eq: ['key', 'x'] }, { gte: ['observedAt', {}] }] }, 'filter.and[1]'],
    [{ eq: ['key', 'x'], ne: ['key', 'y'] }, 'filter'],
    ['key = x', 'filter'],
  ])('with the filter %j is told where it is wrong', async (filter, path) => {
    const answer = await call('POST', '/search', { json: { query: 'x', filter }, wrong: true });
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_filter' });
    const { errors } = answer.body as { errors: { path: string }[] };
    expect(errors[0]!.path.startsWith(path)).toBe(true);
  });
});
