import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { FootnoteError } from '../core/errors.js';
import type { ReportLine } from '../core/schemas/operations.js';

export interface Report {
  write(line: ReportLine): Promise<void>;
  /** Everything is in the file on return. */
  close(): Promise<void>;
}

/** Lines of JSON in a file; without a path they go nowhere. @throws FootnoteError not_found when it can't be written */
export async function openReport(path: string | undefined): Promise<Report> {
  if (path === undefined) return { write: async () => undefined, close: async () => undefined };
  const stream = createWriteStream(path);
  try {
    await once(stream, 'open');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FootnoteError('not_found', `The report ${path} cannot be written: ${reason}.`, { cause });
  }
  const ended = finished(stream);
  // Met by whoever writes or closes next.
  ended.catch(() => undefined);
  return {
    async write(line) {
      const { file, documentId, outcome, code, message, mime, pages, chars, chunks, ms } = line;
      const row = { file, documentId, outcome, code, message, mime, pages, chars, chunks, ms };
      if (!stream.write(`${JSON.stringify(row)}\n`)) await Promise.race([once(stream, 'drain'), ended]);
    },
    async close() {
      stream.end();
      await ended;
    },
  };
}
