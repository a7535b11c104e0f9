import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CliServer } from '../support/cli-server.js';
import { startCliServer } from '../support/cli-server.js';
import type { CliResult } from '../support/cli.js';
import { complaints, runCli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';

const SAMPLES = fileURLToPath(new URL('../../samples', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../fixtures/parse', import.meta.url));
const HEX = expect.stringMatching(/^[0-9a-f]{64}$/) as string;
const UUID = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) as string;
const NUMBER = expect.any(Number) as number;
const TEXT = expect.any(String) as string;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder.path, 'footnote.yaml'), 'data: index\nembedding: {model: test-hash}\n');
});
afterAll(() => folder.remove());

const cli = (...args: string[]) => runCli(args, { cwd: folder.path });
const linesOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const report = async (name: string) => linesOf(await readFile(join(folder.path, name), 'utf8'));

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const result = await cli(...args, '--json');
  expect({ code: result.code, said: complaints(result) }, args.join(' ')).toEqual({ code: 0, said: [] });
  return JSON.parse(result.stdout) as Record<string, unknown>;
}

/** All that does not differ from one call to the next. */
function timeless(body: Record<string, unknown>): Record<string, unknown> {
  const { timings, startedAt: _, ...rest } = body as { timings?: object; startedAt?: string };
  return { ...rest, ...(timings === undefined ? {} : { timings: Object.keys(timings).sort() }) };
}

describe('the command line', () => {
  it('ingests a folder and reports a line a file', async () => {
    const summary = await json('ingest', SAMPLES, '--collection', 'handbook', '--report', 'ingest.jsonl');
    const chunks = summary['chunks'];
    expect(summary).toEqual({
      collection: 'handbook',
      files: 8,
      indexed: 8,
      unchanged: 0,
      skipped: 0,
      failed: 0,
      deleted: 0,
      chunks,
      embedded: chunks,
      ms: NUMBER,
    });
    const lines = await report('ingest.jsonl');
    expect(lines).toHaveLength(8);
    for (const line of lines) {
      const pages = line['file'] === 'petrel-b2-data-sheet.pdf' ? { pages: NUMBER } : {};
      const figures = { chars: NUMBER, chunks: NUMBER, ms: NUMBER, ...pages };
      expect(line).toEqual({ file: TEXT, documentId: UUID, outcome: 'indexed', mime: TEXT, ...figures });
    }
    const again = await json('ingest', SAMPLES, '--collection', 'handbook', '--report', 'again.jsonl');
    expect(again).toMatchObject({ unchanged: 8, indexed: 0, embedded: 0 });
    expect((await report('again.jsonl')).map(({ outcome }) => outcome)).toEqual(Array(8).fill('unchanged'));
  });

  it('parses without storing anything, with the ids that ingest gives', async () => {
    const out = ['--out', 'parsed', '--report', 'parse.jsonl', '--collection', 'handbook'];
    const summary = await json('parse', SAMPLES, FIXTURES, ...out);
    expect(summary).toMatchObject({ failed: 0 });
    const lines = await report('parse.jsonl');
    const ingested = await report('ingest.jsonl');
    const sheet = (all: typeof lines) => all.find(({ file }) => file === 'petrel-b2-data-sheet.pdf')!;
    expect({ ...sheet(lines), ms: 0 }).toEqual({ ...sheet(ingested), ms: 0 });
    expect(lines.find(({ file }) => file === 'no-text.pdf')).toMatchObject({
      outcome: 'skipped',
      code: 'no_text_layer',
      message: TEXT,
    });
    const text = await readFile(join(folder.path, 'parsed', 'petrel-b2-data-sheet.pdf.txt'), 'utf8');
    const structure = JSON.parse(
      await readFile(join(folder.path, 'parsed', 'petrel-b2-data-sheet.pdf.json'), 'utf8'),
    ) as {
      blocks: { kind: string; span: { start: number; end: number } }[];
      pages: object[];
      chunks: { text: string; span: { start: number; end: number } }[];
    };
    expect(text.length).toBe(sheet(lines)['chars']);
    expect(structure.pages).toHaveLength(sheet(lines)['pages'] as number);
    expect(structure.chunks).toHaveLength(sheet(lines)['chunks'] as number);
    for (const chunk of structure.chunks) expect(text.slice(chunk.span.start, chunk.span.end)).toBe(chunk.text);
    expect(structure.blocks.every(({ span }) => span.start <= span.end && span.end <= text.length)).toBe(true);
  });

  it('exports a line a chunk, sorted by id, with exactly the fields of the dump', async () => {
    const { code, stdout } = await cli('export', '--canonical', '--collection', 'handbook');
    expect(code).toBe(0);
    const lines = linesOf(stdout);
    expect(lines.length).toBeGreaterThan(8);
    for (const line of lines) {
      expect(line).toEqual({
        id: UUID,
        documentId: UUID,
        source: 'files',
        key: TEXT,
        revision: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
        ordinal: NUMBER,
        span: { start: NUMBER, end: NUMBER },
        textSha256: HEX,
        inputSha256: HEX,
        vectorSha256: HEX,
        metadataSha256: HEX,
        policySha256: HEX,
      });
    }
    expect(lines.map(({ id }) => id)).toEqual(lines.map(({ id }) => id as string).sort());
  });

  it('tells how things stand', async () => {
    const status = await json('status');
    expect(status).toMatchObject({
      version: TEXT,
      collections: {
        handbook: {
          documents: { live: 8, pending: 0, failed: 0, deleted: 0 },
          chunks: NUMBER,
          generation: expect.stringMatching(/^g-/) as string,
          lag: 0,
          deadLetters: 0,
        },
      },
    });
    expect(await json('verify')).toMatchObject({ ok: true, problems: 0, repaired: 0 });
    expect((await cli('status')).stdout).toContain('handbook');
  });

  it('ends with 0 when done, 1 when it failed, 2 for wrong usage', async () => {
    const missing = await cli('search', 'x', '--collection', 'nowhere', '--json');
    expect(missing).toMatchObject({ code: 1, stdout: '' });
    expect(JSON.parse(missing.stderr)).toMatchObject({ error: { code: 'collection_not_found' } });
    expect((await cli('ingest', 'nowhere', '--collection', 'handbook')).stderr).toMatch(
      /no file or folder.*\(not_found\)/,
    );
    expect((await cli('search', 'x')).code).toBe(2);
    expect((await cli('search', 'x', '--collection', 'handbook')).code).toBe(0);
  });
});

describe('beside a running server', () => {
  let server: CliServer;
  const alone: Record<string, Record<string, unknown>> = {};
  const search = ['search', 'anchor and chain', '--collection', 'handbook', '--limit', '3', '--mode', 'lexical'];
  const context = ['context', 'anchor and chain', '--collection', 'handbook', '--budget', '300'];
  let dump: CliResult;
  beforeAll(async () => {
    for (const args of [search, context, ['status']]) alone[args[0]!] = timeless(await json(...args));
    dump = await cli('export', '--canonical', '--collection', 'handbook');
    server = await startCliServer({ cwd: folder.path });
  });
  afterAll(async () => {
    const { code } = await server.stop();
    expect(code).toBe(0);
  });

  it('finds it by its file, which only its owner reads, and says so', async () => {
    const file = join(folder.path, 'index', 'server.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const left = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    expect(left).toMatchObject({ address: server.url, token: TEXT, pid: server.child.pid });
    expect((await cli('status')).stdout).toContain(`served at ${server.url}`);
  });

  it('prints the same bodies as without one, which are those of HTTP', async () => {
    const post = async (path: string, body: object) => {
      const answer = await fetch(`${server.url}/v1/collections/handbook/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return (await answer.json()) as Record<string, unknown>;
    };
    expect(timeless(await json(...search))).toEqual(alone['search']);
    expect(timeless(await post('search', { query: 'anchor and chain', limit: 3, mode: 'lexical' }))).toEqual(
      alone['search'],
    );
    expect(timeless(await json(...context))).toEqual(alone['context']);
    const budget = { tokens: 300, tokenizer: 'o200k_base' };
    expect(timeless(await post('context', { query: 'anchor and chain', budget }))).toEqual(alone['context']);
    const status = (await (await fetch(`${server.url}/v1/status`)).json()) as Record<string, unknown>;
    expect(timeless(status)).toEqual(timeless(await json('status')));
    expect(timeless(status)).toEqual(alone['status']);
    expect(await cli('export', '--canonical', '--collection', 'handbook')).toEqual(dump);
  });

  it('works through it: ingest, delete, dead letters, release', async () => {
    const docs = join(folder.path, 'more');
    await mkdir(docs);
    await writeFile(join(docs, 'good.md'), '# Good\n\nOf copper.\n');
    await writeFile(join(docs, 'bad.pdf'), '%PDF-1.7\nnothing\n%%EOF\n');
    const { code, stdout } = await cli('ingest', docs, '--collection', 'more', '--report', 'more.jsonl', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ files: 2, indexed: 1, failed: 1 });
    const bad = (await report('more.jsonl')).find(({ file }) => file === 'bad.pdf')!;
    expect(bad).toEqual({
      file: 'bad.pdf',
      documentId: UUID,
      outcome: 'failed',
      code: 'corrupt_document',
      message: TEXT,
      ms: NUMBER,
    });
    const { deadLetters } = (await json('dlq', 'list', '--collection', 'more')) as { deadLetters: { id: string }[] };
    expect(deadLetters).toMatchObject([{ key: 'bad.pdf', code: 'corrupt_document' }]);
    expect(await json('release', 'show', '--collection', 'more')).toMatchObject({ number: 1, collection: 'more' });
    const both = ['--collection', 'more', '--collection', 'handbook'];
    const { hits } = (await json('search', 'copper', ...both, '--mode', 'lexical')) as { hits: object[] };
    expect(hits).toContainEqual(expect.objectContaining({ collection: 'more', key: 'good.md' }));
    expect(await json('context', 'copper', ...both, '--budget', '200')).toMatchObject({
      releases: { more: { number: 1 }, handbook: { number: 1 } },
    });
    const deleted = await json('delete', '--collection', 'more', '--source', 'files', '--key', 'good.md');
    expect(deleted).toMatchObject({ key: 'good.md', state: 'deleted', chunks: 0 });
    expect(await json('search', 'copper', '--collection', 'more', '--mode', 'lexical')).toMatchObject({ hits: [] });
  });

  it('is refused a second server on the directory, with what to do', async () => {
    const second = await cli('serve', '--port', '0', '--json');
    expect(second).toMatchObject({ code: 1, stdout: '' });
    const { error } = JSON.parse(second.stderr) as { error: { code: string; message: string } };
    expect(error.code).toBe('data_in_use');
    expect(error.message).toContain(server.url);
    expect(error.message).toContain('--data');
  });
});

describe('eval', () => {
  const interval = { value: NUMBER, low: NUMBER, high: NUMBER };
  const mode = {
    'ndcg@10': interval,
    'recall@100': interval,
    'mrr@10': interval,
    latencyMs: { p50: NUMBER, p95: NUMBER, p99: NUMBER },
  };

  it('measures a BEIR folder and writes run files', async () => {
    const beir = join(folder.path, 'tiny');
    await mkdir(join(beir, 'qrels'), { recursive: true });
    const texts = ['The copper key turns left.', 'Zinc melts early.', 'Tin whiskers grow slowly.'];
    const rows = (all: object[]) => all.map((row) => `${JSON.stringify(row)}\n`).join('');
    const corpus = texts.map((text, n) => ({ _id: `d${n}`, title: '', text }));
    const queries = ['copper key', 'zinc', 'whiskers of tin'].map((text, n) => ({ _id: `q${n}`, text }));
    await writeFile(join(beir, 'corpus.jsonl'), rows(corpus));
    await writeFile(join(beir, 'queries.jsonl'), rows(queries));
    const judged = queries.map((_, n) => `q${n}\td${n}\t1\n`).join('');
    await writeFile(join(beir, 'qrels', 'test.tsv'), `query-id\tcorpus-id\tscore\n${judged}`);
    const result = await json('eval', '--dataset', 'tiny', '--out', 'runs');
    expect(result).toMatchObject({ dataset: 'tiny', queries: 3, modes: { hybrid: mode, dense: mode, lexical: mode } });
    expect(result).toMatchObject({ modes: { lexical: { 'ndcg@10': { value: 1 } } } });
    const run = await readFile(join(folder.path, 'runs', 'lexical.run'), 'utf8');
    expect(run.split('\n')[0]).toMatch(/^q0 Q0 d0 1 [\d.e-]+ footnote-lexical$/);
    for (const name of ['hybrid.run', 'dense.run']) {
      expect((await readFile(join(folder.path, 'runs', name), 'utf8')).split('\n')).toHaveLength(10);
    }
    const one = await json('eval', '--dataset', 'tiny', '--mode', 'dense');
    expect(Object.keys(one['modes'] as object)).toEqual(['dense']);
  });

  it('measures questions with evidence and writes contexts', async () => {
    const qa = [
      { id: 'a', question: 'What does the anchor weigh?', file: 'anchor.md', quote: 'weighs forty kilos' },
      { id: 'b', question: 'Who built the lighthouse?', file: null, quote: null },
    ];
    const docs = join(folder.path, 'qa');
    await mkdir(docs);
    await writeFile(join(docs, 'anchor.md'), '# Anchor\n\nThe anchor weighs forty kilos.\n');
    await writeFile(join(docs, 'lamp.md'), '# Lamp\n\nThe lamp burns at night.\n');
    await writeFile(join(folder.path, 'qa.jsonl'), qa.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const result = await json('eval', '--qa', 'qa.jsonl', '--docs', 'qa', '--budget', '64,128', '--out', 'contexts');
    expect(result).toMatchObject({
      questions: 2,
      answerable: 1,
      tokenizer: 'o200k_base',
      budgets: { '64': { recall: 1, meanTokens: NUMBER }, '128': { recall: 1, meanTokens: NUMBER } },
      baseline: { '64': { recall: NUMBER }, '128': { recall: NUMBER } },
      answerableAuc: NUMBER,
      leaveOutAuc: NUMBER,
    });
    const contexts = await report(join('contexts', 'contexts-64.jsonl'));
    expect(contexts.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(contexts[0]!['context']).toContain('weighs forty kilos');
    expect((contexts[0]!['citations'] as object[])[0]).toMatchObject({ marker: TEXT, quote: TEXT });
    const confidence = await report(join('contexts', 'confidence.jsonl'));
    expect(confidence).toEqual([
      { id: 'a', confidence: NUMBER },
      { id: 'b', confidence: NUMBER },
    ]);
  });
});
