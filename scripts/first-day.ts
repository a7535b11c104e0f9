/**
 * A first day with the package as it would be published: packed, installed into an empty folder with the documented
 * command, then from a first configuration to a restored backup. Prints how long each step took; ends with 1 at the first
 * that goes wrong. Run: npm run -s build && node dist/scripts/first-day.js
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FootnoteClient as Client } from '../src/client/index.js';

const place = await mkdtemp(join(tmpdir(), 'footnote-first-day-'));
const app = join(place, 'app');
const steps: [step: string, seconds: number][] = [];

async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  const seconds = (performance.now() - began) / 1000;
  steps.push([name, seconds]);
  console.log(`${seconds.toFixed(1).padStart(6)} s  ${name}`);
  return result;
}

/** Runs a program to its end. @returns standard output. @throws when it does not end with 0 */
async function run(cwd: string, program: string, ...args: string[]): Promise<string> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (stdout += String(text)));
  child.stderr.on('data', (text: Buffer) => (stderr += String(text)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${stdout}\n${stderr}`);
  return stdout;
}

const footnote = (...args: string[]): Promise<string> => run(app, 'npx', '--no-install', 'footnote', ...args);
const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await footnote(...args, '--json')) as T;

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Not so: ${what}`);
}

interface Hits {
  readonly hits: readonly { readonly key: string }[];
}
const keys = async (query: string, ...more: string[]): Promise<string[]> =>
  (await json<Hits>('search', query, '--collection', 'handbook', '--mode', 'lexical', ...more)).hits.map(
    ({ key }) => key,
  );

try {
  await mkdir(app);
  await step('npm pack', () => run(process.cwd(), 'npm', 'pack', '--ignore-scripts', '--pack-destination', place));
  const tarball = (await readdir(place)).find((name) => name.endsWith('.tgz'))!;
  await writeFile(join(app, 'package.json'), '{"name":"app","private":true,"type":"module"}\n');
  await step('npm install --onnxruntime-node-install=skip FILE, in an empty folder', () =>
    run(app, 'npm', 'install', '--onnxruntime-node-install=skip', join('..', tarball)),
  );
  await step('npx footnote demo --once', () => footnote('demo', '--once'));
  const docs = join(app, 'docs');
  await mkdir(docs);
  await writeFile(join(docs, 'lamp.md'), '# The lamp\n\nThe lamp is oiled at dusk and trimmed at midnight.\n');
  await writeFile(join(docs, 'horn.md'), '# The horn\n\nThe fog horn sounds twice a minute.\n');
  await step('init', () => footnote('init', '--yes', '--collection', 'handbook', '--source', './docs'));
  const file = join(app, 'footnote.yaml');
  await writeFile(file, (await readFile(file, 'utf8')).replace('port: 7470', 'port: 0'));
  await step('doctor', () => footnote('doctor'));
  await step('ingest a folder', () => footnote('connect', '--once'));
  await step('search', async () => expect((await keys('lamp')).join() === 'lamp.md', 'the lamp is found'));
  await step('context', async () => {
    const { context } = await json<{ context: string }>(
      'context',
      'when is the lamp oiled?',
      '--collection',
      'handbook',
      '--budget',
      '300',
    );
    expect(context.includes('dusk'), 'the context answers');
  });
  await step('change a file', async () => {
    await writeFile(join(docs, 'lamp.md'), '# The lamp\n\nThe lamp is electric now.\n');
    await footnote('connect', '--once');
    expect((await keys('electric')).join() === 'lamp.md' && (await keys('dusk')).length === 0, 'the change is found');
  });
  await step('delete a file', async () => {
    await rm(join(docs, 'horn.md'));
    await footnote('connect', '--once');
    expect((await keys('horn')).length === 0, 'what was deleted is not found');
  });
  const before = await json<{ generation: string }>('release', 'show', '--collection', 'handbook');
  await step('rebuild with other chunks', () =>
    footnote('reindex', '--collection', 'handbook', '--chunk-tokens', '32', '--switch'),
  );
  await step('roll back', async () => {
    await footnote('release', 'rollback', '--collection', 'handbook');
    const now = await json<{ generation: string }>('release', 'show', '--collection', 'handbook');
    expect(now.generation === before.generation, 'the former generation is served');
  });
  const { secret } = await step('make a key', () =>
    json<{ secret: string }>('keys', 'create', '--scope', 'read', '--principal', 'local'),
  );
  const server = spawn('npx', ['--no-install', 'footnote', 'serve'], { cwd: app, stdio: 'ignore', detached: true });
  try {
    const url = await step('serve', () => address());
    await step('curl', async () => {
      const answer = await run(
        app,
        'curl',
        ...['-sS', '--fail', '-H', `Authorization: Bearer ${secret}`, '-H', 'Content-Type: application/json'],
        ...['-d', '{"query":"electric","mode":"lexical"}', `${url}/v1/collections/handbook/search`],
      );
      expect((JSON.parse(answer) as Hits).hits.length === 1, 'curl finds the lamp');
    });
    await step('footnote/client', async () => {
      const { FootnoteClient } = (await import(join(app, 'node_modules/footnote/dist/src/client/index.js'))) as {
        FootnoteClient: typeof Client;
      };
      const client = new FootnoteClient({ url, key: secret });
      expect(
        (await client.search('handbook', { query: 'electric', mode: 'lexical' })).hits.length === 1,
        'so does the client',
      );
    });
    await step('back up, while it is served', () => footnote('backup', join(place, 'backups')));
  } finally {
    process.kill(-server.pid!, 'SIGTERM');
    await once(server, 'close');
  }
  await step('restore elsewhere', async () => {
    const restored = await json<{ ok: boolean }>('restore', join(place, 'backups'), '--data', join(place, 'elsewhere'));
    expect(restored.ok, 'the restored data is verified');
    expect((await keys('electric', '--data', join(place, 'elsewhere'))).join() === 'lamp.md', 'it answers the same');
  });
  console.log(
    `${steps
      .reduce((sum, [, seconds]) => sum + seconds, 0)
      .toFixed(1)
      .padStart(6)} s  in all`,
  );
} finally {
  await rm(place, { recursive: true, force: true });
}

/** Where the server says that it is. */
async function address(): Promise<string> {
  for (let tries = 0; tries < 600; tries += 1) {
    const text = await readFile(join(app, '.footnote/server.json'), 'utf8').catch(() => undefined);
    if (text !== undefined) return (JSON.parse(text) as { address: string }).address;
    await sleep(100);
  }
  throw new Error('The server did not start within a minute.');
}
