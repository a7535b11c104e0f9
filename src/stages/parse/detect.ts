import { fileTypeFromBuffer } from 'file-type';
import { FootnoteError } from '../../core/errors.js';
import type { Identified, ParseHints } from '../../core/ports/processing.js';
import { byteOrderMark, decodeText, wideWithoutMark } from './charset.js';
import { containerType } from './containers.js';
import { languageOf } from './languages.js';
import { parserId } from './parser.js';
import { parserFor } from './registry.js';

/** Bytes from the beginning of a document that decide its type. */
export const DETECT_BYTES = 64 * 1024;

/**
 * The type of a document: by its content first, by its name second, by the source's word third.
 * @param head the document's first DETECT_BYTES bytes (or all, when it is shorter)
 * @throws FootnoteError unknown_type (binary of no known kind), unsupported_media_type (known, but not readable)
 */
export async function identify(head: Uint8Array, hints: ParseHints): Promise<Identified> {
  const mime = await detectMime(head.subarray(0, DETECT_BYTES), hints);
  const parser = parserFor(mime);
  if (!parser) throw unsupported(mime, hints);
  return { mime, parser: parserId(parser) };
}

async function detectMime(head: Uint8Array, hints: ParseHints): Promise<string> {
  if (isPdf(head, hints)) return 'application/pdf';
  if (head.length === 0) return namedType(hints, '') ?? 'text/plain';
  const container = containerType(head, extension(hints));
  if (container !== undefined) return container;
  if (looksBinary(head)) {
    const known = await binaryType(head);
    if (known) throw unsupported(known, hints);
    throw new FootnoteError(
      'unknown_type',
      `${subject(hints)} is binary data of no known type: convert it to PDF, HTML, Markdown or plain text.`,
    );
  }
  return textType(decodeText(head).text, hints);
}

/** The header may stand anywhere in the first KiB (PDF 1.7, Annex H); damaged files named .pdf are tried too. */
function isPdf(head: Uint8Array, hints: ParseHints): boolean {
  const start = latin1(head.subarray(0, 1024));
  if (/^[\s\ufeff\u00ef\u00bb\u00bf]*%PDF-\d/.test(start)) return true;
  const named = extension(hints) === 'pdf' || baseMime(hints) === 'application/pdf';
  if (/%PDF-\d/.test(start)) return named || looksBinary(head);
  return named && /\b\d+\s+\d+\s+obj\b|\bxref\b|\btrailer\b/.test(latin1(head));
}

/** Control characters that text doesn't hold. UTF-16 and UTF-32 are full of zero bytes and yet text. */
function looksBinary(head: Uint8Array): boolean {
  if (byteOrderMark(head) ?? wideWithoutMark(head)) return false;
  let controls = 0;
  for (const byte of head) {
    if (byte === 0) controls += 8;
    else if (byte < 9 || (byte > 13 && byte < 32 && byte !== 27) || byte === 127) controls += 1;
  }
  return controls > Math.max(1, head.length / 100) || (controls > 0 && head.length < 16 && controls * 2 > head.length);
}

async function binaryType(head: Uint8Array): Promise<string | undefined> {
  try {
    return (await fileTypeFromBuffer(head))?.mime;
  } catch (error) {
    // The recogniser reads past the sample on cut-off or hostile containers: then nothing is known of it.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function textType(text: string, hints: ParseHints): string {
  const start = text.replace(/^[\s\ufeff]+/, '').slice(0, 8192);
  if (start.startsWith('{\\rtf')) return 'application/rtf';
  if (start.startsWith('%!PS')) return 'application/postscript';
  const named = namedType(hints, text.slice(0, text.search(/\n|$/)));
  const body = start.replace(/^(?:<\?xml[^>]*>|<!--[\s\S]*?-->|\s)+/i, '');
  if (/^<!doctype\s+html|^<html[\s>]/i.test(body) && !isTemplate(named)) return 'text/html';
  if (/^<svg[\s>]|^<!doctype\s+svg/i.test(body)) return 'image/svg+xml';
  if (named && named !== 'text/plain') return named;
  if (!named && start.startsWith('<?xml')) return 'application/xml';
  if (!named && /^<(?:head|body|title|meta|script|div|p|table|h[1-6]|section|article|main|ul|ol)[\s>]/i.test(body)) {
    return 'text/html';
  }
  if (named) return named;
  const said = baseMime(hints);
  if (said && parserFor(said) && said !== 'application/pdf' && said !== 'text/plain') return said;
  return said !== 'text/plain' && looksLikeMarkdown(text) ? 'text/markdown' : 'text/plain';
}

/** By the file's name, or the `#!` line. */
function namedType(hints: ParseHints, firstLine: string): string | undefined {
  const ending = extension(hints);
  if (ending && /^(?:md|markdown|mdown|mkd|mkdn|mdx)$/.test(ending)) return 'text/markdown';
  if (ending && /^(?:html?|xhtml|shtml)$/.test(ending)) return 'text/html';
  if (ending && /^(?:txt|text|log|rst|adoc|asciidoc|org|tex|srt|vtt|ics|vcf)$/.test(ending)) return 'text/plain';
  const data = ending === undefined ? undefined : DATA[ending];
  if (data !== undefined) return data;
  return languageOf(hints.name, firstLine)?.mime;
}

/** Languages whose files begin like HTML and are not. */
function isTemplate(mime: string | undefined): boolean {
  return mime !== undefined && !['text/html', 'text/markdown', 'text/plain', 'application/xml'].includes(mime);
}

/** Two different signs of Markdown, for a text that nothing else names. */
function looksLikeMarkdown(text: string): boolean {
  const signs = [
    /^#{1,6} \S/m,
    /^(?:```|~~~)/m,
    /^(?:[-*+]|\d+\.) \S.*\n(?:.*\n)?(?:[-*+]|\d+\.) \S/m,
    /\[[^\]\n]+\]\([^)\s]+\)/,
    /^\|.*\|\s*\n\|[ :|-]+\|/m,
    /(?:^|\s)\*\*\S[^*\n]*\*\*/m,
    /^---\n(?:[\w-]+:.*\n)+---$/m,
  ];
  return signs.filter((sign) => sign.test(text)).length >= 2;
}

/** Text whose ending names its type. */
const DATA: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  tab: 'text/tab-separated-values',
  json: 'application/json',
  geojson: 'application/json',
  webmanifest: 'application/json',
  jsonl: 'application/jsonl',
  ndjson: 'application/jsonl',
  eml: 'message/rfc822',
};

function unsupported(mime: string, hints: ParseHints): FootnoteError {
  const advice = /^image\//.test(mime)
    ? 'pictures are not read yet; put their text beside them as Markdown or plain text'
    : /^(?:audio|video)\//.test(mime)
      ? 'put a transcript in its place'
      : /zip|tar|rar|7z|gzip|xz|bzip|zstd/.test(mime) && !/epub/.test(mime)
        ? 'unpack it and ingest the files'
        : /msword|vnd\.ms-/.test(mime)
          ? 'save it in the newer format (DOCX, XLSX, PPTX), or as PDF'
          : 'save it as PDF, HTML, Markdown or plain text';
  return new FootnoteError(
    'unsupported_media_type',
    `${subject(hints)} is of type ${mime}, which is not read: ${advice}.`,
    {
      details: { mime },
    },
  );
}

function subject(hints: ParseHints): string {
  return hints.name === undefined ? 'The document' : JSON.stringify(hints.name);
}

function extension(hints: ParseHints): string | undefined {
  return /\.([A-Za-z0-9]+)$/.exec(hints.name ?? '')?.[1]?.toLowerCase();
}

/** The source's MIME type without parameters, unless it says nothing. */
function baseMime(hints: ParseHints): string | undefined {
  const mime = hints.mime?.split(';')[0]?.trim().toLowerCase();
  if (!mime || mime === 'application/octet-stream' || mime === 'application/x-www-form-urlencoded') return undefined;
  return mime === 'text/x-markdown' ? 'text/markdown' : mime === 'application/xhtml+xml' ? 'text/html' : mime;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
