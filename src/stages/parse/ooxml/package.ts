import { FootnoteError } from '../../../core/errors.js';
import { xmlElements, type XmlElement, xmlRoot } from '../xml/elements.js';
import { childrenOf } from '../xml/read.js';
import { type Archive, damaged, openArchive } from '../zip.js';

/** A reference of one part to another one, or to something outside (ECMA-376 part 2, 9.3). */
export interface Relationship {
  readonly id: string;
  /** The last segment of its type, such as `slide` or `styles`: the same in Transitional and Strict files. */
  readonly type: string;
  /** The part's name; an address when `external`. */
  readonly target: string;
  readonly external: boolean;
}

/** The parts of an Office Open XML file. */
export interface OfficePackage {
  /** The part that the file is about: the document, workbook or presentation. */
  readonly main: string;
  has(part: string): boolean;
  /** Of a part, by id; of the package for ''. Empty when it has none. */
  relationships(part: string): Promise<ReadonlyMap<string, Relationship>>;
  /** A part's elements, one by one. @throws FootnoteError corrupt_document */
  elements(part: string, wanted: (name: string, parent: string) => boolean): AsyncGenerator<XmlElement>;
  /** A part as a whole. @throws FootnoteError corrupt_document */
  root(part: string): Promise<XmlElement>;
}

/** The first bytes of a Compound File, which encrypted and old Office files are ([MS-CFB] 2.2). */
const COMPOUND = Buffer.from('d0cf11e0a1b11ae1', 'hex');

/**
 * @param fallback the main part's usual name, for packages that do not say
 * @throws FootnoteError password_required, unsupported_media_type (an old binary file), corrupt_document
 */
export async function openPackage(bytes: Uint8Array, fallback: string): Promise<OfficePackage> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.subarray(0, COMPOUND.length).equals(COMPOUND)) throw compoundFile(buffer);
  const archive = await openArchive(bytes);
  const open = new Parts(archive, fallback);
  const relationships = await open.relationships('');
  const main = [...relationships.values()].find(({ type, external }) => type === 'officeDocument' && !external);
  if (main) open.main = main.target;
  if (!open.has(open.main)) throw damaged(`it has no ${open.main}`);
  return open;
}

class Parts implements OfficePackage {
  readonly #archive: Archive;
  /** Part names are compared without regard to case (ECMA-376 part 2, 6.3.5). */
  readonly #names = new Map<string, string>();
  main: string;

  constructor(archive: Archive, main: string) {
    this.#archive = archive;
    this.main = main;
    for (const name of archive.names) this.#names.set(name.toLowerCase(), name);
  }

  has(part: string): boolean {
    return this.#names.has(part.toLowerCase());
  }

  async relationships(part: string): Promise<ReadonlyMap<string, Relationship>> {
    const slash = part.lastIndexOf('/') + 1;
    const folder = part.slice(0, slash);
    const rels = `${folder}_rels/${part.slice(slash)}.rels`;
    if (!this.has(rels)) return new Map();
    const found = new Map<string, Relationship>();
    for (const { attributes } of childrenOf(await this.root(rels), 'rel:Relationship')) {
      const { Id: id = '', Type: type = '', Target: target = '', TargetMode: mode } = attributes;
      const external = mode === 'External';
      found.set(id, {
        id,
        type: type.slice(type.lastIndexOf('/') + 1),
        target: external ? target : resolvePart(folder, target),
        external,
      });
    }
    return found;
  }

  elements(part: string, wanted: (name: string, parent: string) => boolean): AsyncGenerator<XmlElement> {
    return xmlElements(this.#source(part), wanted);
  }

  root(part: string): Promise<XmlElement> {
    return xmlRoot(this.#source(part));
  }

  #source(part: string): { name: string; bytes: AsyncIterable<Uint8Array> } {
    return { name: part, bytes: this.#archive.stream(this.#names.get(part.toLowerCase()) ?? part) };
  }
}

/** A target is relative to the folder of its source, or absolute in the package. */
function resolvePart(folder: string, target: string): string {
  const path = target.startsWith('/') ? target.slice(1) : folder + target;
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '.' && segment !== '') segments.push(segment);
  }
  return segments.join('/');
}

/** A stream that only encrypted Office Open XML has, as its directory names it ([MS-OFFCRYPTO] 2.3.4.4). */
const ENCRYPTED = Buffer.from('EncryptedPackage', 'utf16le');

function compoundFile(buffer: Buffer): FootnoteError {
  if (buffer.includes(ENCRYPTED)) {
    return new FootnoteError(
      'password_required',
      'The document is encrypted, and encrypted Office files are not read: save it without a password.',
    );
  }
  return new FootnoteError(
    'unsupported_media_type',
    'The document is in an old binary Office format under a new name: save it as DOCX, XLSX, PPTX or PDF.',
  );
}
