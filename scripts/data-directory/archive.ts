import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

/** A folder's files by their path, base64. */
type Files = Readonly<Record<string, string>>;

/** A small folder and something to say of it, in one compressed file. */
export interface Archive<T> {
  readonly about: T;
  readonly files: Files;
}

export async function packFolder<T>(folder: string, about: T): Promise<Buffer> {
  const files: Record<string, string> = {};
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.sort()) files[relative(folder, path)] = (await readFile(path)).toString('base64');
  return gzipSync(JSON.stringify({ about, files } satisfies Archive<T>), { level: 9 });
}

/** Writes the files into the folder. @returns what was said of it */
export async function unpackFolder<T>(archive: Buffer, folder: string): Promise<T> {
  const { about, files } = JSON.parse(gunzipSync(archive).toString('utf8')) as Archive<T>;
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), Buffer.from(content, 'base64'));
  }
  return about;
}
