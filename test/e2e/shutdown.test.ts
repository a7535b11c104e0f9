import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCliServer } from '../support/cli-server.js';
import { complaints, endOf, runCli, startCli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';
import { ingest } from '../support/ingest.js';
import { serveEngine } from '../support/served-engine.js';

const DOCUMENTS = 150;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
/** Lines of a dump that was never interrupted. */
let clean: string[];
const cli = (...args: string[]) => runCli(args, { cwd: folder.path });
const paragraphs = (n: number) =>
  Array.from({ length: 12 }, (_, p) => `Paragraph ${p} of note ${n} speaks ${'at some length '.repeat(6)}.`);

beforeAll(async () => {
  folder = await temporaryFolder();
  const docs = join(folder.path, 'docs');
  await mkdir(docs);
  for (let n = 0; n < DOCUMENTS; n += 1) {
    await writeFile(join(docs, `${n}.md`), `# Note ${n}\n\n${paragraphs(n).join('\n\n')}\n`);
  }
  await writeFile(join(folder.path, 'footnote.yaml'), 'embedding: {model: test-hash}\n');
  const served = await serveEngine(join(folder.path, 'clean'));
  await served.in('c')('PUT', '', { json: {} });
  await ingest(served.engine, 'c', docs);
  clean = ((await served.in('c')('GET', '/export')).body as object[]).map((line) => JSON.stringify(line));
  await served.close();
});
afterAll(() => folder.remove());

const INGEST = ['ingest', 'docs', '--collection', 'c', '--json'];

/** Resolves when the report says that some files are through, or the child has ended. */
async function underWay(report: string, ended: Promise<unknown>): Promise<void> {
  let over = false;
  void ended.then(() => (over = true));
  for (;;) {
    const text = await readFile(join(folder.path, report), 'utf8').catch(() => '');
    if (over || text.split('\n').length > 10) return;
    await delay(10);
  }
}

async function converges(data: string): Promise<void> {
  const again = await cli(...INGEST, '--data', data);
  expect(complaints(again)).toEqual([]);
  expect(again.code).toBe(0);
  expect(JSON.parse(again.stdout)).toMatchObject({ files: DOCUMENTS, failed: 0, skipped: 0, deleted: 0 });
  const dump = await cli('export', '--canonical', '--collection', 'c', '--data', data);
  expect(dump.stdout.trim().split('\n')).toEqual(clean);
  const checked = await cli('verify', '--data', data, '--json');
  expect(JSON.parse(checked.stdout)).toMatchObject({ ok: true, problems: 0 });
}

describe('SIGTERM in the middle of an ingestion', () => {
  it('ends a command of its own cleanly, and the next run goes on', async () => {
    const args = [...INGEST, '--data', 'alone', '--report', 'alone.jsonl'];
    const child = startCli(args, { cwd: folder.path });
    const ended = endOf(child);
    await underWay('alone.jsonl', ended);
    child.kill('SIGTERM');
    const result = await ended;
    expect(result.signal).toBeNull();
    if (result.code !== 0) {
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(JSON.parse(complaints(result).at(-1)!)).toMatchObject({ error: { code: 'cancelled' } });
    }
    expect(existsSync(join(folder.path, 'alone', 'lock'))).toBe(false);
    await converges('alone');
  });

  it('and even SIGKILL leave nothing that the next run has to wait for', async () => {
    const args = [...INGEST, '--data', 'killed', '--report', 'killed.jsonl'];
    const child = startCli(args, { cwd: folder.path });
    const ended = endOf(child);
    await underWay('killed.jsonl', ended);
    child.kill('SIGKILL');
    await ended;
    await converges('killed');
  });

  it('ends a server cleanly, tells its client, and the next one goes on', async () => {
    const server = await startCliServer({ cwd: folder.path }, '--data', 'served');
    const child = startCli([...INGEST, '--data', 'served', '--report', 'served.jsonl'], { cwd: folder.path });
    const ended = endOf(child);
    await underWay('served.jsonl', ended);
    const stopped = await server.stop();
    expect({ code: stopped.code, signal: stopped.signal }).toEqual({ code: 0, signal: null });
    const result = await ended;
    if (result.code !== 0) {
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(JSON.parse(complaints(result).at(-1)!)).toMatchObject({ error: { code: 'unavailable' } });
    }
    for (const left of ['lock', 'server.json']) expect(existsSync(join(folder.path, 'served', left)), left).toBe(false);
    await converges('served');
  });

  it('waits for what was accepted over HTTP, or leaves it to the next start', async () => {
    const server = await startCliServer({ cwd: folder.path }, '--data', 'accepted');
    const at = `${server.url}/v1/collections/c`;
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(at, { method: 'PUT', headers, body: '{}' })).status).toBe(201);
    const documents = Array.from({ length: 40 }, (_, n) => ({ key: `${n}`, text: paragraphs(n).join('\n\n') }));
    const accepted = await fetch(`${at}/documents:batch`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ documents }),
    });
    expect(accepted.status).toBe(202);
    const { job } = (await accepted.json()) as { job: { id: string } };
    expect((await server.stop()).code).toBe(0);
    const next = await startCliServer({ cwd: folder.path }, '--data', 'accepted');
    try {
      for (;;) {
        const now = (await (await fetch(`${next.url}/v1/jobs/${job.id}`)).json()) as { state: string };
        if (now.state === 'succeeded') break;
        expect(['queued', 'running']).toContain(now.state);
        await delay(30);
      }
      const status = (await (await fetch(`${next.url}/v1/status`)).json()) as object;
      expect(status).toMatchObject({
        collections: { c: { documents: { live: 40, pending: 0, failed: 0 }, lag: 0, deadLetters: 0 } },
      });
    } finally {
      await next.stop();
    }
  });
});
