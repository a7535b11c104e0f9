import { DOCX, EPUB, PPTX, XLSX } from './containers.js';
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
  {
    name: 'docx',
    version: 2,
    mimes: [DOCX],
    load: async () => (await import('./docx.js')).parseDocx,
  },
  {
    name: 'xlsx',
    version: 1,
    mimes: [XLSX],
    load: async () => (await import('./xlsx.js')).parseXlsx,
  },
  {
    name: 'pptx',
    version: 1,
    mimes: [PPTX],
    load: async () => (await import('./pptx.js')).parsePptx,
  },
  {
    name: 'csv',
    version: 1,
    mimes: ['text/csv', 'text/tab-separated-values'],
    load: async () => (await import('./csv.js')).parseCsv,
  },
  { name: 'json', version: 1, mimes: ['application/json'], load: async () => (await import('./json.js')).parseJson },
  {
    name: 'jsonl',
    version: 1,
    mimes: ['application/jsonl'],
    load: async () => (await import('./json.js')).parseJsonl,
  },
  { name: 'epub', version: 1, mimes: [EPUB], load: async () => (await import('./epub.js')).parseEpub },
  { name: 'eml', version: 1, mimes: ['message/rfc822'], load: async () => (await import('./eml.js')).parseEml },
  { name: 'pdf', version: 3, mimes: ['application/pdf'], load: async () => (await import('./pdf.js')).parsePdf },
];

export function parserFor(mime: string): Parser | undefined {
  return PARSERS.find((parser) => parser.mimes.includes(mime));
}
