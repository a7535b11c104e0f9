import { crc32 } from 'node:zlib';
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { FootnoteError } from '../../core/errors.js';

/** More files than any document of an office program has. */
const MAX_ENTRIES = 20_000;
/** Bytes that all files read from one archive may have together, unpacked. */
const MAX_UNPACKED = 512 * 2 ** 20;
/** Bytes of a file that is held in memory as a whole. */
const MAX_WHOLE = 64 * 2 ** 20;

/**
 * A ZIP archive in memory whose files are read one by one. Sizes are checked before and while they are unpacked, checksums
 * after it, so that neither a bomb nor a damaged file gives text.
 */
export interface Archive {
  /** Paths of all files, in the archive's order. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /**
   * A file's bytes as they are unpacked.
   * @throws FootnoteError corrupt_document, document_too_large, password_required; also while it is read
   */
  stream(name: string): AsyncIterable<Uint8Array>;
  /** A whole file, 64 MiB at most. @throws FootnoteError as `stream` */
  read(name: string): Promise<Uint8Array>;
}

/** @throws FootnoteError corrupt_document: no or a cut-off archive, two files of one name, names that lead out of it */
export async function openArchive(bytes: Uint8Array): Promise<Archive> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = new Map<string, Entry>();
  let zip: ZipFile;
  try {
    zip = await fromBufferPromise(buffer, { lazyEntries: true, strictFileNames: false });
    if (zip.entryCount > MAX_ENTRIES) throw tooLarge(`it has ${zip.entryCount} files`);
    for await (const entry of zip.eachEntry()) {
      if (entries.has(entry.fileName)) throw damaged(`two files in it are called ${JSON.stringify(entry.fileName)}`);
      entries.set(entry.fileName, entry);
    }
  } catch (error) {
    throw asDamage(error);
  }
  return new Unpacking(zip, entries);
}

class Unpacking implements Archive {
  #unpacked = 0;

  constructor(
    readonly zip: ZipFile,
    readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  get names(): readonly string[] {
    return [...this.entries.keys()];
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  async *stream(name: string): AsyncGenerator<Uint8Array> {
    const entry = this.#entry(name);
    this.#unpacked += entry.uncompressedSize;
    if (this.#unpacked > MAX_UNPACKED) throw tooLarge(`unpacked it has more than ${MAX_UNPACKED} bytes`);
    let sum = 0;
    try {
      // Ends with an error when there are more or fewer bytes than the entry says.
      for await (const chunk of await this.zip.openReadStreamPromise(entry)) {
        sum = crc32(chunk as Buffer, sum);
        yield chunk as Buffer;
      }
    } catch (error) {
      throw asDamage(error);
    }
    if (sum !== entry.crc32) throw damaged(`the checksum of ${JSON.stringify(name)} is wrong`);
  }

  async read(name: string): Promise<Uint8Array> {
    const { uncompressedSize } = this.#entry(name);
    if (uncompressedSize > MAX_WHOLE) throw tooLarge(`${JSON.stringify(name)} in it has ${uncompressedSize} bytes`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.stream(name)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  #entry(name: string): Entry {
    const entry = this.entries.get(name);
    if (!entry) throw damaged(`${JSON.stringify(name)} is missing in it`);
    if (entry.isEncrypted()) {
      throw new FootnoteError(
        'password_required',
        'The document is an encrypted ZIP archive: save it without a password.',
      );
    }
    return entry;
  }
}

/** The document breaks the rules of its format. `problem` goes on after "The document is damaged:". */
export function damaged(problem: string, cause?: unknown): FootnoteError {
  return new FootnoteError(
    'corrupt_document',
    `The document is damaged: ${problem}. Save it again with the program that made it.`,
    cause === undefined ? {} : { cause },
  );
}

function tooLarge(problem: string): FootnoteError {
  return new FootnoteError('document_too_large', `The document is too large: ${problem}. Split it.`);
}

function asDamage(error: unknown): unknown {
  if (error instanceof FootnoteError || !(error instanceof Error)) return error;
  return damaged(`its ZIP archive cannot be read (${error.message.slice(0, 200)})`, error);
}
