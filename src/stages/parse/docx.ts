import mammoth from 'mammoth';
import type { Warning } from '../../core/document.js';
import { corrupt, readParts } from './office/archive.js';
import { readXml, titleOf } from './office/xml.js';
import { written } from './office/written.js';
import type { ParsedContent, ParserInput } from './parser.js';

/** Beside mammoth's own, which know Heading 1 to 6 and lists. */
const STYLES = [
  "p[style-name='Title'] => h1:fresh",
  "p[style-name='Subtitle'] => h2:fresh",
  "p[style-name='Quote'] => blockquote:fresh",
  "p[style-name='Intense Quote'] => blockquote:fresh",
  // Deleted text is not what the document says; mammoth leaves tracked deletions out by itself.
  'strike => ',
];
const XML = /\.(?:xml|rels)$/i;

/** Word (Office Open XML): headings, lists, tables, foot- and endnotes; tracked insertions are in, deletions out. */
export async function parseDocx({ bytes }: ParserInput): Promise<ParsedContent> {
  const parts = readParts(bytes, (name) => XML.test(name));
  // Each is read once here, so that what is hostile ends here and not in a library.
  for (const name of parts.keys()) if (/^word\/[^/]+\.xml$/.test(name)) readXml(parts, name);
  let html: string;
  try {
    const images = mammoth.images.imgElement(() => Promise.resolve({ src: '' }));
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    html = (await mammoth.convertToHtml({ buffer }, { styleMap: STYLES, convertImage: images })).value;
  } catch (error) {
    throw corrupt(error instanceof Error ? error.message : String(error), error);
  }
  const warnings: Warning[] = [];
  if (parts.has('word/comments.xml')) {
    warnings.push({ code: 'comments_left_out', message: 'Review comments are not part of the text.' });
  }
  return written(html, titleOf(parts), warnings);
}
