import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unpackFolder } from '../../scripts/data-directory/archive.js';
import { commandPaths } from '../../scripts/docs/cli.js';
import type { Host } from '../../src/cli/host.js';
import { runProgram } from '../../src/cli/program.js';

const FIXTURE = new URL('../fixtures/data-directories/catalog-2-texts-1.json.gz', import.meta.url);
const C = ['--collection', 'handbook'];
const ID = '00000000-0000-5000-8000-000000000000';

/** Arguments of each command that opens the data directory, by the command. */
const OPEN: Readonly<Record<string, readonly string[]>> = {
  demo: [],
  serve: ['--port', '0'],
  connect: [],
  'connect status': [],
  'connect pause': ['handbook', 'notes'],
  'connect resume': ['handbook', 'notes'],
  'connect run': ['handbook', 'notes'],
  'connect confirm': ['handbook', 'notes'],
  ingest: ['docs', ...C],
  search: ['lamp', ...C],
  context: ['lamp', ...C, '--budget', '100'],
  why: [...C, '--query', 'lamp', '--document', ID],
  status: [],
  'collections list': [],
  'collections create': ['other'],
  'collections delete': ['handbook'],
  delete: [...C, '--document', ID],
  verify: [],
  'dlq list': C,
  'dlq show': [...C, 'x'],
  'dlq replay': [...C, 'x'],
  'dlq drop': [...C, 'x'],
  'jobs list': [],
  'jobs show': [ID],
  'jobs cancel': [ID],
  reindex: C,
  'release show': C,
  'release switch': [...C, 'g-1'],
  'release list': C,
  'release rollback': C,
  'release generations': C,
  'release drop': [...C, 'g-1'],
  'release diff': [...C, 'g-1', 'g-2'],
  'keys create': ['--scope', 'read', '--principal', 'local'],
  'keys list': [],
  'keys revoke': [ID],
  export: ['--canonical', ...C],
  backup: ['copies'],
  maintain: [],
  migrate: [],
  prepare: [],
};
/** `doctor` tells it among its findings; the others open no data directory, or make a new one. */
const OTHERS = ['doctor', 'init', 'restore', 'parse', 'eval', 'models list', 'models pull', 'models verify'].concat([
  'openapi',
  'bench',
  // Beside other processes only, on servers.
  'worker',
]);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'footnote-test-'));
  await unpackFolder(await readFile(FIXTURE), join(folder, 'data'));
  await writeFile(join(folder, 'data', 'format.json'), '{"format": 99}\n');
  await writeFile(join(folder, 'docs'), 'The lamp.\n');
  const source = '{collection: handbook, source: notes, connector: files, options: {paths: [docs]}}';
  await writeFile(
    join(folder, 'footnote.yaml'),
    `data: data\nembedding: {model: test-hash}\nhttp: {port: 0}\nlog: {level: silent}\nsources: [${source}]\n`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const into = (name: keyof typeof written) =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        written[name] += chunk.toString();
        done();
      },
    });
  const host: Host = {
    ...{ env: { HOME: folder }, cwd: folder, signal: new AbortController().signal },
    ...{ stdout: into('stdout'), stderr: into('stderr') },
  };
  return { code: await runProgram(args, host), ...written };
}

describe('a data directory of newer software', () => {
  it('is met by every command that there is', () => {
    expect([...Object.keys(OPEN), ...OTHERS].sort()).toEqual(commandPaths().sort());
  });

  it.each(Object.entries(OPEN))('is refused with advice by: %s', async (command, more) => {
    const data = command === 'demo' ? ['--data', 'data'] : [];
    const { code, stdout, stderr } = await run([...command.split(' '), ...more, ...data, '--json']);
    expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: '' });
    const { error } = JSON.parse(stderr.trim().split('\n').at(-1)!) as { error: { code: string; message: string } };
    expect(error.code).toBe('data_newer');
    expect(error.message).toMatch(/format 99; .* reads up to 1: upgrade Footnote, or use another directory/);
  });

  it('is told by doctor', async () => {
    const { code, stdout } = await run(['doctor', '--json']);
    expect(code).toBe(1);
    expect(stdout).toContain('data_newer');
  });

  it('is left as it was', async () => {
    const untouched = join(folder, 'untouched');
    await unpackFolder(await readFile(FIXTURE), untouched);
    for (const file of ['catalog.db', 'log.db', 'cache.db', 'blobs/format.json']) {
      const [now, then] = await Promise.all([readFile(join(folder, 'data', file)), readFile(join(untouched, file))]);
      expect(now.equals(then), file).toBe(true);
    }
  });
});
