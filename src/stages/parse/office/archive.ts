import { type UnzipFileInfo, unzipSync } from 'fflate';
import { FootnoteError } from '../../../core/errors.js';

const MAX_ENTRIES = 20_000;
/** Of all parts that are read, unpacked. The process has its own bound besides. */
const MAX_BYTES = 256 * 1024 * 1024;
/** What encrypted Office files and those of Word 97 lie in: OLE2 (MS-CFB). */
const OLE2 = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/** The parts of a ZIP container by name. */
export type Parts = ReadonlyMap<string, Uint8Array>;

/**
 * Unpacks what `wanted` names. Declared sizes are checked before anything is unpacked, and no part gets more room than it
 * declared. @throws FootnoteError corrupt_document, document_too_large, password_required
 */
export function readParts(bytes: Uint8Array, wanted: (name: string) => boolean): Parts {
  if (OLE2.every((byte, at) => bytes[at] === byte)) {
    throw new FootnoteError(
      'password_required',
      'The file is encrypted with a password, and such files are not opened: save it without a password.',
    );
  }
  const names = new Set<string>();
  let total = 0;
  const filter = ({ name, originalSize }: UnzipFileInfo): boolean => {
    if (names.has(name)) throw corrupt(`it holds ${JSON.stringify(name)} twice`);
    names.add(name);
    if (names.size > MAX_ENTRIES) throw tooLarge(`more than ${MAX_ENTRIES} parts`);
    if (!wanted(name)) return false;
    total += originalSize;
    if (total > MAX_BYTES) throw tooLarge(`more than ${MAX_BYTES} bytes unpacked`);
    return true;
  };
  try {
    return new Map(Object.entries(unzipSync(bytes, { filter })));
  } catch (error) {
    if (error instanceof FootnoteError) throw error;
    throw corrupt(error instanceof Error ? error.message : String(error), error);
  }
}

export function corrupt(what: string, cause?: unknown): FootnoteError {
  return new FootnoteError('corrupt_document', `The file is damaged: ${what}.`, { cause });
}

function tooLarge(what: string): FootnoteError {
  return new FootnoteError('document_too_large', `The file holds ${what}: split it, or save less of it.`);
}
