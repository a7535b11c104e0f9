import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes a folder, private to its owner, that a power loss does not take away again: the one above it is synced, too. */
export async function durableFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  await syncFolder(dirname(path));
}

/** Makes what was created in a folder, renamed into it or removed from it durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
