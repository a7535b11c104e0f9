import { type Dirent, createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FootnoteError, throwIfAborted } from '../../src/core/errors.js';
import type { Connector, SourceChange } from '../../src/core/ports/connector.js';
import { type Selection, selection } from '../globs.js';
import { FilesConfig, skipsName } from './config.js';
import { IgnoreRules } from './ignored.js';
import { watchFiles } from './watch.js';

/** A file changed this recently may change again within its time stamp's grain. */
const GRAIN_MS = 2000;
const MAX_DEPTH = 64;
const MAX_KEY = 2048;

type Problem = Extract<SourceChange, { kind: 'problem' }>;

/** What one listing goes by. */
interface Walk {
  readonly root: string;
  readonly config: FilesConfig;
  readonly select: Selection;
  readonly signal: AbortSignal;
  /** Where links may lead to. */
  readonly inside: readonly string[];
}

interface Place {
  readonly path: string;
  readonly depth: number;
  /** Folders on the way here, so that a link back to one of them is no way in. */
  readonly above: ReadonlySet<string>;
  readonly rules: IgnoreRules;
}

/** Lists folders once. A folder is one scope: what is gone from it is deleted only when its listing ended well. */
export const files: Connector<FilesConfig> = {
  name: 'files',
  summary: 'Folders and files of this machine, watched or listed now and then.',
  config: FilesConfig,
  example: { paths: ['./docs'], include: ['**/*.md', '**/*.pdf'], exclude: ['drafts/**'] },
  async *read(config, { base, signal }) {
    const keys = new Map<string, string>();
    const select = selection(config.include, config.exclude);
    const roots = config.paths.map((path) => resolve(base, path));
    yield { kind: 'scopes', scopes: roots };
    const inside = await Promise.all(roots.map((root) => realpath(root).catch(() => root)));
    for (const root of roots) {
      const info = await stat(root).catch((error: unknown) => {
        throw new FootnoteError('not_found', `There is no file or folder at ${root}.`, { cause: error });
      });
      const walk: Walk = { root, config, select, signal, inside };
      const place = { path: root, depth: 0, above: new Set([inode(info)]), rules: IgnoreRules.none };
      for await (const change of info.isDirectory() ? folder(walk, place) : single(root)) {
        if (change.kind === 'item' || change.kind === 'problem') {
          const other = keys.get(change.key);
          if (other !== undefined && other !== change.scope) {
            const both = `${change.scope} and ${other}`;
            throw new FootnoteError('conflict', `Both ${both} have a ${change.key}: ingest them as two sources.`);
          }
          keys.set(change.key, change.scope);
        }
        yield change;
      }
      yield { kind: 'complete', scope: root };
    }
  },
  watch: watchFiles,
};

async function* single(path: string): AsyncGenerator<SourceChange> {
  yield await item(path, basename(path), path);
}

async function* folder(walk: Walk, place: Place): AsyncGenerator<SourceChange> {
  const { root, config, select, signal } = walk;
  const key = keyOf(walk, place.path);
  let names: Dirent[];
  let rules: IgnoreRules;
  try {
    names = await readdir(place.path, { withFileTypes: true });
    rules = await place.rules.inside(place.path, key, config.ignoreFiles);
  } catch (error) {
    if (place.depth === 0) throw error;
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') yield unlisted(key, root, error);
    return;
  }
  names.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of names) {
    throwIfAborted(signal);
    if (skipsName(entry.name, false, config)) continue;
    const path = join(place.path, entry.name);
    const key = keyOf(walk, path);
    if (!key.isWellFormed() || key.length > MAX_KEY) {
      yield refused(key.toWellFormed(), root, 'invalid_encoding', 'The name is not valid Unicode or too long.');
      continue;
    }
    let isFolder = entry.isDirectory();
    let { above } = place;
    try {
      if (entry.isSymbolicLink()) {
        if (config.links === 'skip') continue;
        if (config.links === 'inside' && !(await leadsInside(walk, path))) continue;
      }
      if (isFolder || entry.isSymbolicLink()) {
        const info = await stat(path);
        isFolder = info.isDirectory();
        if (isFolder && above.has(inode(info))) continue;
        if (isFolder) above = new Set([...above, inode(info)]);
      }
    } catch (error) {
      if (!rules.hides(key, isFolder) && select.wants(key)) yield unlisted(key, root, error);
      continue;
    }
    if (rules.hides(key, isFolder)) continue;
    if (!isFolder) {
      if (select.wants(key)) yield await item(path, key, root);
    } else if (skipsName(entry.name, true, config) || select.skipsFolder(key)) {
      continue;
    } else if (place.depth >= MAX_DEPTH) {
      yield unlisted(key, root, new Error(`Folders nest deeper than ${MAX_DEPTH}.`));
    } else {
      yield* folder(walk, { path, depth: place.depth + 1, above, rules });
    }
  }
}

async function leadsInside({ inside }: Walk, path: string): Promise<boolean> {
  const target = await realpath(path);
  return inside.some((root) => target === root || target.startsWith(root + sep));
}

function keyOf({ root }: Walk, path: string): string {
  return relative(root, path).split(sep).join('/');
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

function problem(key: string, scope: string, error: unknown): Problem {
  const reason = error instanceof Error ? error.message : String(error);
  return { kind: 'problem', key, scope, code: 'unavailable', message: `It can't be read: ${reason}` };
}

/** A folder, or what may be one: what is known below it stays. */
function unlisted(key: string, scope: string, error: unknown): SourceChange {
  return { ...problem(key, scope, error), prefix: `${key}/` };
}

function inode(info: { dev: number; ino: number }): string {
  return `${info.dev}:${info.ino}`;
}

function refused(key: string, scope: string, code: string, message: string): SourceChange {
  return { kind: 'problem', key, scope, code, message };
}
