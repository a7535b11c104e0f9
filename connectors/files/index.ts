import { createReadStream } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { FootnoteError, throwIfAborted } from '../../src/core/errors.js';
import type { Connector, SourceChange } from '../../src/core/ports/connector.js';

const FilesConfig = z
  .object({
    /** Folders (keys are paths below them) and single files (keys are their names). */
    paths: z.array(z.string().min(1)).min(1).max(1000),
    /** Also read names that begin with a dot. */
    hidden: z.boolean().default(false),
  })
  .strict();

type FilesConfig = z.output<typeof FilesConfig>;

/** Folders that hold machinery, never documents. */
const SKIPPED_FOLDERS = new Set(['node_modules', '__pycache__']);
/** A file changed this recently may change again within its time stamp's grain. */
const GRAIN_MS = 2000;
const MAX_DEPTH = 64;

/** Lists folders once. A folder is one scope: what is gone from it is deleted only when its listing ended well. */
export const files: Connector<FilesConfig> = {
  name: 'files',
  config: FilesConfig,
  example: { paths: ['./docs'], hidden: false },
  async *read(config, _from, signal) {
    const keys = new Map<string, string>();
    for (const path of config.paths) {
      const root = resolve(path);
      const info = await stat(root).catch((error: unknown) => {
        throw new FootnoteError('not_found', `There is no file or folder at ${path}.`, { cause: error });
      });
      const walk = info.isDirectory() ? folder(root, root, config, 0, new Set([inode(info)]), signal) : single(root);
      for await (const change of walk) {
        if (change.kind !== 'complete') {
          const other = keys.get(change.key);
          if (other !== undefined && other !== change.scope) {
            const both = `${change.scope} and ${other}`;
            throw new FootnoteError('conflict', `Both ${both} have a ${change.key}: ingest them as two sources.`);
          }
          keys.set(change.key, change.scope);
        }
        yield change;
      }
    }
  },
};

async function* single(path: string): AsyncGenerator<SourceChange> {
  yield await item(path, basename(path), path);
  yield { kind: 'complete', scope: path };
}

async function* folder(
  root: string,
  at: string,
  config: FilesConfig,
  depth: number,
  above: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<SourceChange> {
  const names: { name: string; isDirectory: boolean; isLink: boolean }[] = [];
  // An unreadable folder ends the listing as aborted: deleting what it held would be a guess.
  for await (const entry of await opendir(at)) {
    throwIfAborted(signal);
    if (!config.hidden && entry.name.startsWith('.')) continue;
    names.push({ name: entry.name, isDirectory: entry.isDirectory(), isLink: entry.isSymbolicLink() });
  }
  names.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, isDirectory, isLink } of names) {
    throwIfAborted(signal);
    const path = join(at, name);
    const key = relative(root, path).split(sep).join('/');
    if (!key.isWellFormed() || key.length > 2048) {
      yield {
        kind: 'problem',
        key: key.toWellFormed(),
        scope: root,
        code: 'invalid_encoding',
        message: 'The name is not valid Unicode or too long.',
      };
      continue;
    }
    let directory = isDirectory;
    let inside = above;
    try {
      if (isLink || isDirectory) {
        const info = await stat(path);
        directory = info.isDirectory();
        if (directory && above.has(inode(info))) continue;
        if (directory) inside = new Set([...above, inode(info)]);
      }
    } catch (error) {
      yield problem(key, root, error);
      continue;
    }
    if (!directory) {
      yield await item(path, key, root);
    } else if (SKIPPED_FOLDERS.has(name)) {
      continue;
    } else if (depth >= MAX_DEPTH) {
      yield {
        kind: 'problem',
        key,
        scope: root,
        code: 'invalid_request',
        message: `Folders nest deeper than ${MAX_DEPTH}.`,
      };
    } else {
      yield* folder(root, path, config, depth + 1, inside, signal);
    }
  }
  if (depth === 0) yield { kind: 'complete', scope: root };
}

async function item(path: string, key: string, scope: string): Promise<SourceChange> {
  try {
    const info = await stat(path);
    if (!info.isFile()) return { kind: 'problem', key, scope, code: 'unknown_type', message: 'Not a regular file.' };
    return {
      kind: 'item',
      key,
      scope,
      quick: { size: info.size, modified: Math.round(info.mtimeMs) },
      fresh: Date.now() - info.mtimeMs < GRAIN_MS,
      bytes: info.size,
      open: () => createReadStream(path),
      name: basename(path),
      uri: pathToFileURL(path).href,
      observedAt: info.mtime.toISOString(),
    };
  } catch (error) {
    return problem(key, scope, error);
  }
}

function problem(key: string, scope: string, error: unknown): SourceChange {
  const reason = error instanceof Error ? error.message : String(error);
  return { kind: 'problem', key, scope, code: 'unavailable', message: `It can't be read: ${reason}` };
}

function inode(info: { dev: number; ino: number }): string {
  return `${info.dev}:${info.ino}`;
}
