import { readdir, rm } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { FootnoteError, throwIfAborted } from '../../core/errors.js';
import { forEachConcurrent } from '../../runtime/concurrency.js';
import type { Storage } from '../storage.js';
import { packageVersion } from '../version.js';
import { makeCut } from './cut.js';
import type { BackedFile } from './repository.js';
import { BackupRepository } from './repository.js';

const COPIES_AT_ONCE = 4;
/** What is copied as it lies there, beside the cut. */
const AS_THEY_LIE = ['blobs', 'format.json'];
/** Not what lies beside the tenants' folders: the layout's format is written again when it is migrated. */
const BLOB = /^blobs\/[^/]+\//;
const TEMPORARY = /(?:^|\/)\.tmp(?:\/|$)/;

export interface BackupOptions {
  readonly directory: string;
  /** How many backups stay; older ones go once this one is complete. Default: all. */
  readonly keep?: number;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

export interface BackupReport {
  readonly name: string;
  readonly files: number;
  readonly bytes: number;
  /** Contents that no earlier backup in the folder had. */
  readonly added: { readonly files: number; readonly bytes: number };
}

/**
 * Copies the data directory while it is served and written to. Blobs that an earlier backup in the folder has are not read
 * again: their names are never used twice. The vector cache is left out: it is made again.
 * @throws conflict, invalid_request, disk_full, read_only
 */
export async function makeBackup(storage: Storage, options: BackupOptions): Promise<BackupReport> {
  const { signal, keep } = options;
  const directory = resolve(options.directory);
  if (within(directory, storage.directory) || within(storage.directory, directory)) {
    throw new FootnoteError(
      'invalid_request',
      'The backup would lie in the data directory, or that in it: name another.',
    );
  }
  const repository = await BackupRepository.create(directory);
  const known = await knownBlobs(repository);
  const release = storage.blobs.hold();
  let folder: string | undefined;
  try {
    const cut = await makeCut(storage, signal);
    folder = cut.folder;
    const sources = [
      ...(await filesBelow(cut.folder, '')),
      ...(await filesBelow(storage.directory, '', AS_THEY_LIE)).filter(({ path }) => !TEMPORARY.test(path)),
    ];
    const files: BackedFile[] = [];
    const added = { files: 0, bytes: 0 };
    options.onProgress(0, sources.length);
    await forEachConcurrent(sources, COPIES_AT_ONCE, async ({ path, file }) => {
      throwIfAborted(signal);
      const before = known.get(path);
      if (before) files.push(before);
      else {
        const { added: fresh, ...stored } = await repository.put(file);
        files.push({ path, ...stored });
        if (fresh) {
          added.files += 1;
          added.bytes += stored.bytes;
        }
      }
      options.onProgress(files.length, sources.length);
    });
    files.sort((a, b) => (a.path < b.path ? -1 : 1));
    const groups = cut.groups.map(({ positions, ...of }) => ({
      ...of,
      positions: positions.map((position) => ({ ...position, offset: String(position.offset) })),
    }));
    const name = await repository.finish(files, { software: packageVersion(), groups }, new Date());
    if (keep !== undefined) await repository.prune(keep);
    return { name, files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), added };
  } finally {
    await release();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** Blobs of the newest backup: a blob's name is given once and its bytes never change. */
async function knownBlobs(repository: BackupRepository): Promise<Map<string, BackedFile>> {
  const newest = (await repository.list()).at(-1);
  if (newest === undefined) return new Map();
  const { files } = await repository.read(newest);
  return new Map(files.filter(({ path }) => BLOB.test(path)).map((file) => [file.path, file]));
}

/** Files below a folder, or below some entries of it, by their paths in it with `/`. */
async function filesBelow(
  root: string,
  below: string,
  only?: readonly string[],
): Promise<{ path: string; file: string }[]> {
  const found: { path: string; file: string }[] = [];
  for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
    if (only && !only.includes(entry.name)) continue;
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await filesBelow(root, path)));
    else if (entry.isFile()) found.push({ path, file: join(root, path) });
  }
  return found;
}

function within(path: string, folder: string): boolean {
  const way = relative(resolve(folder), path);
  return way === '' || (!way.startsWith('..') && !isAbsolute(way));
}
