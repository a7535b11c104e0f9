import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Passwords by file name, from a folder's `manifest.jsonl` (a row a file: `file`, `password`); none where there is none. */
export async function passwordsOf(folder: string): Promise<Map<string, string>> {
  let manifest: string;
  try {
    manifest = await readFile(join(folder, 'manifest.jsonl'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
  const rows = manifest.split('\n').filter((line) => line !== '');
  return new Map(
    rows.flatMap((row) => {
      const { file, password } = JSON.parse(row) as { file: string; password?: string };
      return password === undefined ? [] : [[file, password] as const];
    }),
  );
}
