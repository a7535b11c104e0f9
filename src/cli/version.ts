import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the installed package, from `src/` and from `dist/` alike. */
export function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    if (describes(folder)) return folder;
    const above = dirname(folder);
    if (above === folder) throw new Error('The package.json of footnote is missing: install it again.');
    folder = above;
  }
}

export function packageVersion(): string {
  return describes(packageFolder())?.version ?? '0.0.0';
}

function describes(folder: string): { name?: string; version?: string } | undefined {
  try {
    const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string; version?: string };
    return found.name === 'footnote' ? found : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
