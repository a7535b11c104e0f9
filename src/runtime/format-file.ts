import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FootnoteError } from '../core/errors.js';
import { readFormat, type StoredShape } from '../core/format.js';
import { syncFolder } from './durable-folder.js';

/** What a folder that carries its own format calls the file: `{"format": 1, "createdAt": …}`. */
export const FORMAT_FILE = 'format.json';

/**
 * Checks the format that a folder carries; without the file, this software's is written, durable on return.
 * @returns the format that the folder has
 * @throws data_newer, data_corrupt; whatever writing throws
 */
export async function keepFormatFile(file: string, shape: StoredShape): Promise<number> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const content = { format: shape.newest, createdAt: new Date().toISOString() };
    await writeDurably(`${file}.new`, `${JSON.stringify(content)}\n`);
    await rename(`${file}.new`, file);
    await syncFolder(dirname(file));
    return shape.newest;
  }
  let format: unknown;
  try {
    format = (JSON.parse(text) as { format?: unknown } | null)?.format;
  } catch (cause) {
    throw new FootnoteError('data_corrupt', `${file} is not readable: restore it from a backup.`, { cause });
  }
  return readFormat(format, { ...shape, mend: `restore ${file} from a backup` });
}

export async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
