import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FootnoteError } from '../core/errors.js';

/** What a server leaves in the data directory that it owns, so that commands find it. */
const ServerFileSchema = z.object({
  address: z.url(),
  token: z.string().min(1),
  pid: z.int(),
  startedAt: z.string(),
});

export type ServerFile = z.output<typeof ServerFileSchema>;

/** A new admin token: 256 random bits. */
export function newAdminToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Mode 0600, in one step. */
export async function writeServerFile(directory: string, content: ServerFile): Promise<void> {
  const path = join(directory, 'server.json');
  const temporary = `${path}.${content.pid}.tmp`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(`${JSON.stringify(content, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
}

/** @returns undefined when no server left one. @throws FootnoteError data_corrupt when it can't be understood */
export async function readServerFile(directory: string): Promise<ServerFile | undefined> {
  const path = join(directory, 'server.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return ServerFileSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new FootnoteError('data_corrupt', `${path} cannot be understood. If no server runs, remove it.`, { cause });
  }
}

/** Removes the file if it still is this server's. */
export async function removeServerFile(directory: string, token: string): Promise<void> {
  const present = await readServerFile(directory);
  if (present?.token === token) await rm(join(directory, 'server.json'), { force: true });
}
