import type { ParsedDocument } from './document.js';
import { FootnoteError } from './errors.js';
import { readFormat } from './format.js';

/** Format of a stored normalized text with its structure, `v` in its JSON. */
export const PARSED_VERSION = 1;

const MEND = 'restore a backup, or delete the document and ingest it again';

/**
 * A normalized text with its structure, as `parsedJson` wrote it.
 * @throws FootnoteError data_newer, data_corrupt
 */
export function decodeParsed(bytes: Uint8Array): ParsedDocument {
  let stored: (ParsedDocument & { v?: unknown }) | null;
  try {
    stored = JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
    ) as typeof stored;
  } catch (cause) {
    throw new FootnoteError('data_corrupt', `A stored text is not readable: ${MEND}.`, { cause });
  }
  // The first ones were written before they carried their number.
  const { v = 1, ...parsed } = stored ?? { v: null };
  readFormat(v, { what: 'A stored text', newest: PARSED_VERSION, mend: MEND });
  return parsed as ParsedDocument;
}
