import { fileURLToPath } from 'node:url';

/**
 * The built file of a thread's or process's entry point, beside the module that starts it. Threads run built code only:
 * when the caller itself runs from source (tests), the same place below `dist/` is meant.
 */
export function builtEntry(from: string, relative: string): string {
  const path = fileURLToPath(new URL(relative, from));
  if (!from.endsWith('.ts')) return path;
  const root = fileURLToPath(new URL('../../', import.meta.url));
  return path.replace(root, `${root}dist/`).replace(/\.ts$/, '.js');
}
