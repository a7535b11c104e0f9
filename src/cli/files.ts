import { opendir, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { FootnoteError } from '../core/errors.js';

export interface FoundFile {
  readonly path: string;
  /** Below the folder that was given, with `/`; the name of a file that was given itself. */
  readonly key: string;
  /** Why it can't be read. */
  readonly problem?: FootnoteError;
}

/** Folders that hold machinery, never documents. */
const SKIPPED_FOLDERS = new Set(['node_modules', '__pycache__']);

/** The files that `ingest` would look at, by path. @throws FootnoteError not_found, conflict when two have one key */
export async function findFiles(paths: readonly string[], signal: AbortSignal): Promise<FoundFile[]> {
  const found = new Map<string, FoundFile>();
  for (const root of paths) {
    const info = await stat(root).catch((cause: unknown) => {
      throw new FootnoteError('not_found', `There is no file or folder at ${root}.`, { cause });
    });
    const files = info.isDirectory()
      ? below(root, root, new Set([inode(info)]), signal)
      : [{ path: root, key: basename(root) }];
    for await (const file of files) {
      const other = found.get(file.key);
      if (other !== undefined && other.path !== file.path) {
        const both = `${other.path} and ${file.path}`;
        throw new FootnoteError('conflict', `Both ${both} would be called ${file.key}: give their common folder.`);
      }
      found.set(file.key, file);
    }
  }
  return [...found.values()];
}

async function* below(
  root: string,
  at: string,
  above: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<FoundFile> {
  const names: string[] = [];
  for await (const entry of await opendir(at)) {
    signal.throwIfAborted();
    if (!entry.name.startsWith('.') && !SKIPPED_FOLDERS.has(entry.name)) names.push(entry.name);
  }
  for (const name of names.sort()) {
    const path = join(at, name);
    const key = relative(root, path).split(sep).join('/');
    try {
      const info = await stat(path);
      if (!info.isDirectory()) yield { path, key };
      else if (!above.has(inode(info))) yield* below(root, path, new Set([...above, inode(info)]), signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      yield { path, key, problem: new FootnoteError('unavailable', `It can't be read: ${reason}`, { cause: error }) };
    }
  }
}

function inode(info: { dev: number; ino: number }): string {
  return `${info.dev}:${info.ino}`;
}
