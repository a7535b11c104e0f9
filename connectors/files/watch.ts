import { basename, relative, resolve, sep } from 'node:path';
import { watch as watchPaths } from 'chokidar';
import { FootnoteError } from '../../src/core/errors.js';
import { selection } from '../globs.js';
import type { FilesConfig } from './config.js';
import { skipsName } from './config.js';

/**
 * Tells when something below the paths changed. Links are not followed and ignore files not read: it may tell too much or
 * miss what lies behind a link, which the next listing finds.
 */
export async function* watchFiles(
  config: FilesConfig,
  { base, signal }: { readonly base: string; readonly signal: AbortSignal },
): AsyncGenerator<void> {
  const roots = config.paths.map((path) => resolve(base, path));
  const { skipsFolder } = selection(config.include, config.exclude);
  const ignored = (path: string): boolean => {
    const root = roots.find((each) => path.startsWith(each + sep));
    if (root === undefined) return false;
    const key = relative(root, path).split(sep).join('/');
    return (
      skipsFolder(key) || (skipsName(basename(path), true, config) && !config.ignoreFiles.includes(basename(path)))
    );
  };
  const watcher = watchPaths(roots, { ignoreInitial: true, followSymlinks: false, ignored });
  let changed = false;
  let failure: unknown;
  let wake = (): void => undefined;
  const tell = (): void => {
    changed = true;
    wake();
  };
  // Once it watches, what changed until then may have been missed.
  watcher
    .on('ready', tell)
    .on('all', tell)
    .on('error', (error) => {
      failure ??= error;
      wake();
    });
  const stop = (): void => wake();
  signal.addEventListener('abort', stop, { once: true });
  try {
    while (!signal.aborted) {
      if (failure !== undefined) throw unwatchable(failure);
      if (changed) {
        changed = false;
        yield;
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (changed || failure !== undefined || signal.aborted) resolve();
      });
    }
  } finally {
    signal.removeEventListener('abort', stop);
    await watcher.close();
  }
}

function unwatchable(error: unknown): FootnoteError {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const advice =
    code === 'ENOSPC' || code === 'EMFILE'
      ? 'The system watches no more files: raise fs.inotify.max_user_watches, or leave `watch` off.'
      : `Watching ended: ${error instanceof Error ? error.message : String(error)}.`;
  return new FootnoteError('unavailable', advice, { cause: error });
}
