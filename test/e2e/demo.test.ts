import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, startCli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';

const README = new URL('../../README.md', import.meta.url);
const noCurl = spawnSync('curl', ['--version']).status !== 0;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

/** With the real model: what a newcomer runs first. */
describe('the demo', () => {
  it('ingests the samples, answers with citations, checks them and ends', async () => {
    const { code, stdout, stderr } = await runCli(['demo', '--once'], { cwd: folder.path });
    // A slow machine is told the progress, a fresh one the model's download: nothing else.
    const noise = stderr
      .split('\n')
      .filter((line) => !/^(Ingesting into demo|Fetching |[\w.]+\.(onnx|json): |$)/.test(line));
    expect({ code, noise }).toEqual({ code: 0, noise: [] });
    expect(stdout).toMatch(/1\. Ingest .*samples: 8 files \(8 indexed\), \d+ chunks, \d+ embedded/);
    // The row of the PDF's table that answers the question.
    expect(stdout).toContain('50 m | 80 m of 16 mm nylon | 12 m of 13 mm | 85 kg plough');
    expect(stdout).toMatch(/\[1\] Petrel B2 data sheet, page 1\n.*\n.*\n +at +page 1, \d+ boxes within \[[\d ]+\] pt/);
    expect(stdout).toMatch(/4\. Check +ok: (\d+) of \1 citations stand in the stored text, byte for byte\n$/);
  });

  it('serves until it is stopped, and the lines of the README work (skipped without curl)', async ({ skip }) => {
    if (noCurl) skip();
    const child = startCli(['demo', '--port', '0'], { cwd: folder.path });
    const ended = once(child, 'close') as Promise<[number | null]>;
    try {
      const url = await urlOf(child);
      const [put, search, context, verify, remove] = (await curlLines()).map(
        (line) => () => run(line.replaceAll('http://127.0.0.1:7470', url)),
      );
      expect(await put?.()).toMatchObject({ key: 'winter.md', state: 'live' });
      expect(await search?.()).toMatchObject({ hits: [{ key: 'winter.md' }, {}, {}] });
      const answer = (await context?.()) as { tokens: number; citations: { id: string; key: string }[] };
      expect(answer.tokens).toBeLessThanOrEqual(300);
      const id = answer.citations.find(({ key }) => key === 'winter.md')?.id;
      expect(await verify?.(), `the README should name ${id}`).toEqual({
        results: [{ id, valid: true, current: true }],
      });
      expect(await remove?.()).toMatchObject({ key: 'winter.md', state: 'deleted' });
      expect(await verify?.()).toEqual({ results: [{ id, valid: false, current: false, reason: 'deleted' }] });
    } finally {
      child.kill('SIGINT');
    }
    expect(await ended).toEqual([0, null]);
  });
});

async function curlLines(): Promise<string[]> {
  const lines = (await readFile(README, 'utf8')).split('\n').filter((line) => line.startsWith('curl '));
  expect(lines).toHaveLength(5);
  return lines;
}

async function urlOf(child: ReturnType<typeof startCli>): Promise<string> {
  let told = '';
  for await (const text of child.stdout!) {
    told += String(text);
    const url = /5\. Serve +(http:\S+)/.exec(told)?.[1];
    if (url !== undefined && told.includes('Ctrl-C')) return url;
  }
  throw new Error(`the demo ended: ${told}`);
}

async function run(line: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)('sh', ['-c', line]);
  return JSON.parse(stdout);
}
