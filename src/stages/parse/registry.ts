import { codeParser } from './code.js';
import { htmlParser } from './html.js';
import { markdownParser } from './markdown.js';
import type { Parser } from './parser.js';
import { pdfParser } from './pdf.js';
import { textParser } from './text.js';

/** Every parser there is; a new format adds its line. */
export const PARSERS: readonly Parser[] = [markdownParser, textParser, codeParser, htmlParser, pdfParser];

export function parserFor(mime: string): Parser | undefined {
  return PARSERS.find((parser) => parser.mimes.includes(mime));
}
