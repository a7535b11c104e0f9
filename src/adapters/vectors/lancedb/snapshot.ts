import { copyFile, link, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { recordFile, tableFolder } from './table.js';

/** Manifests come first: whatever one of them names is there by the time it is. */
const MANIFESTS = '_versions';

/**
 * Links a table's files into another folder of the same file system, where they stay whatever becomes of the table. To be
 * called while nobody commits and no version is removed: a file of Lance's never changes once a manifest names it.
 */
export async function linkTable(directory: string, generation: string, into: string): Promise<void> {
  await mkdir(into, { recursive: true, mode: 0o700 });
  // Unlike the others this one is written again in its place.
  await copyFile(recordFile(directory, generation), recordFile(into, generation));
  await linkBelow(tableFolder(directory, generation), tableFolder(into, generation));
}

async function linkBelow(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  const entries = await readdir(from, { withFileTypes: true });
  entries.sort((a, b) => Number(b.name === MANIFESTS) - Number(a.name === MANIFESTS));
  for (const entry of entries) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkBelow(source, target);
    else if (entry.isFile()) await link(source, target).catch(unlessGone);
  }
}

/** Something that was being written and came to nothing: no manifest names it. */
function unlessGone(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
