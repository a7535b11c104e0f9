/** Types of what comes in a container: ZIP archives and Microsoft's Compound Files. */
const OOXML = 'application/vnd.openxmlformats-officedocument';
export const DOCX = `${OOXML}.wordprocessingml.document`;
export const XLSX = `${OOXML}.spreadsheetml.sheet`;
export const PPTX = `${OOXML}.presentationml.presentation`;
export const EPUB = 'application/epub+zip';

/** Templates, slide shows and files with macros differ in a word of their content types: they are read alike. */
const BY_EXTENSION: Readonly<Record<string, string>> = {
  ...all(DOCX, 'docx docm dotx dotm'),
  ...all(XLSX, 'xlsx xlsm xltx xltm'),
  ...all(PPTX, 'pptx pptm potx potm ppsx ppsm'),
  ...all(EPUB, 'epub'),
  ...all('application/msword', 'doc dot'),
  ...all('application/vnd.ms-excel', 'xls xlt'),
  ...all('application/vnd.ms-excel.sheet.binary.macroenabled.12', 'xlsb'),
  ...all('application/vnd.ms-powerpoint', 'ppt pot pps'),
  ...all('application/vnd.ms-outlook', 'msg'),
  ...all('application/vnd.oasis.opendocument.text', 'odt'),
  ...all('application/vnd.oasis.opendocument.spreadsheet', 'ods'),
  ...all('application/vnd.oasis.opendocument.presentation', 'odp'),
};

/** By the name of a folder or file that only this type has. */
const BY_ENTRY: readonly (readonly [name: RegExp, mime: string])[] = [
  [/^word\//i, DOCX],
  [/^xl\/workbook\.bin$/i, 'application/vnd.ms-excel.sheet.binary.macroenabled.12'],
  [/^xl\//i, XLSX],
  [/^ppt\//i, PPTX],
  [/^META-INF\/container\.xml$/, EPUB],
];

/** By the name of a stream in the directory ([MS-CFB] 2.6.1), in this order: an old file may embed another one. */
const BY_STREAM: readonly (readonly [name: string, mime: string])[] = [
  ['WordDocument', 'application/msword'],
  ['PowerPoint Document', 'application/vnd.ms-powerpoint'],
  ['Workbook', 'application/vnd.ms-excel'],
  ['__nameid_version1.0', 'application/vnd.ms-outlook'],
];

const ENCRYPTED = 'EncryptedPackage';

/**
 * The type of a ZIP archive or Compound File by its beginning; undefined when it is neither.
 * @param extension the file name's, lower case
 */
export function containerType(head: Uint8Array, extension: string | undefined): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const named = extension === undefined ? undefined : BY_EXTENSION[extension];
  if (bytes.length >= 4 && bytes.readUInt32BE(0) === 0x504b0304) {
    return zipType(bytes) ?? named ?? 'application/zip';
  }
  if (bytes.length >= 8 && bytes.readUInt32BE(0) === 0xd0cf11e0 && bytes.readUInt32BE(4) === 0xa1b11ae1) {
    return compoundType(bytes, named);
  }
  return undefined;
}

/** By the names of the first files, each before its data; a file called `mimetype` says it itself. */
function zipType(bytes: Buffer): string | undefined {
  let at = 0;
  while (at !== -1 && at + 30 <= bytes.length) {
    const nameLength = bytes.readUInt16LE(at + 26);
    const name = bytes.toString('latin1', at + 30, at + 30 + nameLength).replaceAll('\\', '/');
    if (name === 'mimetype') {
      const from = at + 30 + nameLength + bytes.readUInt16LE(at + 28);
      const said = /^application\/[\w.+-]+/.exec(bytes.toString('latin1', from, from + 100))?.[0];
      if (said !== undefined) return mimeOf(said, bytes.readUInt32LE(at + 18));
    }
    for (const [pattern, mime] of BY_ENTRY) if (pattern.test(name)) return mime;
    at = bytes.indexOf(LOCAL_HEADER, at + 30 + nameLength);
  }
  return undefined;
}

const LOCAL_HEADER = Buffer.from('504b0304', 'hex');

/** The stored file's length tells where the type ends and the next file begins. */
function mimeOf(said: string, length: number): string {
  return length > 0 && length < said.length ? said.slice(0, length) : said;
}

/** Encrypted Office Open XML is a Compound File: its parser says that it needs the password. */
function compoundType(bytes: Buffer, named: string | undefined): string {
  if (bytes.includes(ENCRYPTED, 0, 'utf16le')) return named !== undefined && isOoxml(named) ? named : DOCX;
  for (const [name, mime] of BY_STREAM) if (bytes.includes(name, 0, 'utf16le')) return mime;
  // The directory may lie beyond the beginning.
  return named ?? 'application/x-cfb';
}

function isOoxml(mime: string): boolean {
  return mime === DOCX || mime === XLSX || mime === PPTX;
}

function all(mime: string, extensions: string): Record<string, string> {
  return Object.fromEntries(extensions.split(' ').map((extension) => [extension, mime]));
}
