import { LANGUAGES } from './languages.js';
import type { Parser } from './parser.js';

const OFFICE = 'application/vnd.openxmlformats-officedocument';
/** MIME types of Office Open XML. */
export const OOXML = {
  docx: `${OFFICE}.wordprocessingml.document`,
  xlsx: `${OFFICE}.spreadsheetml.sheet`,
  pptx: `${OFFICE}.presentationml.presentation`,
} as const;
export const EPUB = 'application/epub+zip';

/** The same format with macros in it, which are not looked at; by its registered name and as some recognise it. */
function macros(what: string): string[] {
  return [`application/vnd.ms-${what}.macroEnabled.12`, `application/vnd.ms-${what}.macroenabled.12`];
}

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
    version: 1,
    mimes: [OOXML.docx, ...macros('word.document')],
    load: async () => (await import('./docx.js')).parseDocx,
  },
  {
    name: 'xlsx',
    version: 1,
    mimes: [OOXML.xlsx, ...macros('excel.sheet')],
    load: async () => (await import('./xlsx.js')).parseXlsx,
  },
  {
    name: 'pptx',
    version: 1,
    mimes: [OOXML.pptx, ...macros('powerpoint.presentation')],
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
