/**
 * One short prefix a vocabulary, whatever prefix a document uses for it: names read as in the standards (`w:p`, `a:t`).
 * Office files come with two sets of names, those of ECMA-376 Transitional and of ISO/IEC 29500 Strict.
 */
const OPENXML = 'http://schemas.openxmlformats.org';
const STRICT = 'http://purl.oclc.org/ooxml';

const PREFIXES: ReadonlyMap<string, string> = new Map([
  ...both('w', 'wordprocessingml', 'main'),
  ...both('s', 'spreadsheetml', 'main'),
  ...both('p', 'presentationml', 'main'),
  ...both('a', 'drawingml', 'main'),
  ...both('c', 'drawingml', 'chart'),
  ...both('dgm', 'drawingml', 'diagram'),
  ...both('pic', 'drawingml', 'picture'),
  ...both('wp', 'drawingml', 'wordprocessingDrawing'),
  ...both('xdr', 'drawingml', 'spreadsheetDrawing'),
  ...both('m', 'officeDocument', 'math'),
  ...both('r', 'officeDocument', 'relationships'),
  [`${OPENXML}/markup-compatibility/2006`, 'mc'],
  [`${OPENXML}/package/2006/relationships`, 'rel'],
  [`${OPENXML}/package/2006/metadata/core-properties`, 'cp'],
  ['http://schemas.microsoft.com/office/word/2010/wordprocessingShape', 'wps'],
  ['http://schemas.microsoft.com/office/word/2010/wordml', 'w14'],
  ['urn:schemas-microsoft-com:vml', 'v'],
  ['urn:schemas-microsoft-com:office:office', 'o'],
  ['http://purl.org/dc/elements/1.1/', 'dc'],
  ['http://www.w3.org/XML/1998/namespace', 'xml'],
]);

/** The vocabulary's prefix; `?` for an unknown one, '' for none. */
export function prefixOf(namespace: string): string {
  return namespace === '' ? '' : (PREFIXES.get(namespace) ?? '?');
}

function both(prefix: string, vocabulary: string, part: string): [string, string][] {
  return [
    [`${OPENXML}/${vocabulary}/2006/${part}`, prefix],
    [`${STRICT}/${vocabulary}/${part}`, prefix],
  ];
}
