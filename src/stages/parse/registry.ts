import { LANGUAGES } from './languages.js';
import type { Parser } from './parser.js';

/** Every parser there is; a new format adds its entry. */
const PARSERS: readonly Parser[] = [
  {
    name: 'markdown',
    version: 2,
    mimes: ['text/markdown'],
    load: async () => (await import('./markdown.js')).parseMarkdown,
  },
  { name: 'text', version: 2, mimes: ['text/plain'], load: async () => (await import('./text.js')).parseText },
  {
    name: 'code',
    version: 2,
    mimes: LANGUAGES.map((language) => language.mime),
    load: async () => (await import('./code.js')).parseCode,
  },
  { name: 'html', version: 2, mimes: ['text/html'], load: async () => (await import('./html.js')).parseHtml },
  { name: 'pdf', version: 3, mimes: ['application/pdf'], load: async () => (await import('./pdf.js')).parsePdf },
];

export function parserFor(mime: string): Parser | undefined {
  return PARSERS.find((parser) => parser.mimes.includes(mime));
}
