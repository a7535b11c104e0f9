import { mkdtemp, open, rm, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { Config } from '../core/config.js';
import { asFootnoteError } from '../core/errors.js';
import type { LoadedConfig } from './config.js';
import { sourcesTold } from './config/source-files.js';
import { size } from './output.js';
import { runningServer } from './target.js';

export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do. */
  readonly advice?: string;
}

const NODE = { major: 20, minor: 19 };
const NATIVE: Readonly<Record<string, string>> = {
  'onnxruntime-node': 'runs the models',
  '@lancedb/lancedb': 'holds the vectors',
  libsql: 'holds catalog and log',
};
const GIB = 2 ** 30;
/** Free space below which a machine is about to be full, and below which nothing should be begun. */
const FREE = { low: 5 * GIB, least: 0.5 * GIB };

/** Looks at one thing after another; what builds on something broken is left out. */
export async function* examine(load: () => Promise<LoadedConfig>, signal: AbortSignal): AsyncGenerator<Finding> {
  yield node();
  let whole = true;
  for (const [name, purpose] of Object.entries(NATIVE)) {
    const finding = await native(name, purpose);
    if (finding.state === 'fail') whole = false;
    yield finding;
  }
  let loaded: LoadedConfig;
  try {
    loaded = await load();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    yield fail('configuration', message, 'Mend the lines it names; docs/reference/configuration.md has every setting.');
    return;
  }
  const { config, file, sourceFiles } = loaded;
  yield ok('configuration', file === undefined ? 'no file, defaults only' : `${file} is valid`);
  if (file !== undefined && config.sources.length > 0) {
    yield ok('sources', sourcesTold(config, sourceFiles, dirname(file)));
  }
  yield* disk(config);
  const server = await runningServer(config.data, signal).catch(() => undefined);
  if (server) yield ok('server', `runs at ${server.address} and owns the data directory`);
  else yield await port(config);
  if (whole) yield await model(config);
  if (whole && !server) yield* stores(config);
}

function ok(check: string, message: string): Finding {
  return { check, state: 'ok', message };
}

function warn(check: string, message: string, advice: string): Finding {
  return { check, state: 'warn', message, advice };
}

function fail(check: string, message: string, advice: string): Finding {
  return { check, state: 'fail', message, advice };
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = major > NODE.major || (major === NODE.major && minor >= NODE.minor);
  const what = `${process.version} on ${process.platform} ${process.arch}`;
  return fits ? ok('node', what) : fail('node', what, `Install Node.js ${NODE.major}.${NODE.minor} or newer.`);
}

async function native(name: string, purpose: string): Promise<Finding> {
  try {
    await import(name);
    return ok(name, purpose);
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    const advice = `Install anew for this machine: rm -rf node_modules && npm install. There are binaries for Linux (glibc), macOS and Windows on x64 and arm64.`;
    return fail(name, `cannot be loaded: ${reason}`, advice);
  }
}

async function* disk({ data }: Config): AsyncGenerator<Finding> {
  const folder = await nearest(data);
  try {
    const probe = await mkdtemp(join(folder, '.footnote-doctor-'));
    try {
      const handle = await open(join(probe, 'probe'), 'w');
      await handle.writeFile('probe');
      await handle.sync();
      await handle.close();
    } finally {
      await rm(probe, { recursive: true, force: true });
    }
    yield ok('data directory', folder === data ? `${data} can be written` : `${data} is not there yet and can be made`);
  } catch (error) {
    const advice = `Let this user write to ${folder}, or name another directory: data in the configuration, or --data.`;
    yield fail('data directory', `${folder} cannot be written: ${(error as Error).message}`, advice);
    return;
  }
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const message = `${size(free)} free`;
  if (free < FREE.least) yield fail('disk', message, 'Free some space: writes fail when there is none.');
  else if (free < FREE.low) yield warn('disk', message, 'Free some space before large ingestions.');
  else yield ok('disk', message);
}

async function nearest(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if (await stat(at).catch(() => undefined)) return at;
    if (dirname(at) === at) return at;
  }
}

async function port({ http }: Config): Promise<Finding> {
  if (http.port === 0) return ok('port', 'any that is free');
  const taken = await new Promise<string | undefined>((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen(http.port, http.host, () => probe.close(() => resolve(undefined)));
  });
  const address = `${http.host}:${http.port}`;
  if (taken === undefined) return ok('port', `${address} is free`);
  const advice = 'End the program that has it, or set http.port (0 takes any).';
  return fail('port', `${address} cannot be used: ${taken}`, advice);
}

async function model(config: Config): Promise<Finding> {
  const { openModels } = await import('../engine.js');
  const name = config.embedding.model;
  try {
    if (/^test-/.test(name)) return ok('model', `${name}, for tests: vectors are hashes`);
    const files = await openModels(config).verifyModel(name);
    const wrong = files.filter(({ ok: good }) => !good);
    if (wrong.length === 0) return ok('model', `${name} is here, its files are those of the manifest`);
    const advice = `Fetch it again: footnote models pull ${name}`;
    return fail('model', `${wrong.map(({ path }) => path).join(', ')}: not the manifest's`, advice);
  } catch (error) {
    const { code, message } = asFootnoteError(error);
    if (code !== 'model_missing') return fail('model', message, 'See footnote models list.');
    const advice = config.embedding.offline
      ? `embedding.offline forbids downloads: put the files into ${config.cache ?? 'the cache'}, or allow them.`
      : `It is fetched at its first use; ahead of time: footnote models pull ${name}`;
    return warn('model', message, advice);
  }
}

/** Opens the stores as a server would, which checks their formats and that catalog and log belong together. */
async function* stores(config: Config): AsyncGenerator<Finding> {
  const here = config.stores.catalog.kind === 'sqlite';
  if (here && !(await stat(join(config.data, 'catalog.db')).catch(() => undefined))) {
    yield ok('stores', 'nothing is stored yet');
    return;
  }
  const { openEngine } = await import('../engine.js');
  try {
    const engine = await openEngine({ ...config, collections: [], sources: [] });
    try {
      const { collections } = await engine.surface.status(engine.caller, new AbortController().signal);
      const names = Object.entries(collections);
      yield ok(
        'stores',
        `formats are known, catalog and log belong together; ${names.length} collections of the default tenant`,
      );
      for (const [name, { documents, lag, warnings = [] }] of names) {
        for (const warning of warnings) yield warn('languages', `${name}: ${warning}`, 'footnote reindex --model …');
        if (documents.failed > 0) {
          const advice = `footnote dlq list --collection ${name} tells why.`;
          yield warn('stores', `${name}: ${documents.failed} documents could not be read`, advice);
        }
        if (lag > 0)
          yield warn('stores', `${name}: ${lag} changes are not applied yet`, 'footnote serve goes on with them.');
      }
    } finally {
      await engine.close();
    }
  } catch (error) {
    const { code, message } = asFootnoteError(error);
    yield fail('stores', `${code}: ${message}`, 'docs/operations.md has what to do, by code.');
  }
}
