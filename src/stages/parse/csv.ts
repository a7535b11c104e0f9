import type { Block } from '../../core/document.js';
import type { Span } from '../../core/span.js';
import { decodeText } from './charset.js';
import { normalizeText } from './normalize.js';
import type { ParsedContent, ParserInput } from './parser.js';
import { charsetHints } from './text.js';

/** Tables of text: the text is the decoded source, its first record the header. Quoted fields may hold line feeds (RFC 4180). */
export function parseCsv({ bytes, hints }: ParserInput): ParsedContent {
  const { charset, warnings, text: raw } = decodeText(bytes, charsetHints(hints));
  const text = normalizeText(raw);
  const { rows, open } = recordsOf(text);
  const [header, ...parts] = rows;
  const blocks: Block[] = [];
  if (header) {
    const span = { start: header.start, end: rows.at(-1)!.end };
    blocks.push({ kind: 'table', span, ...(parts.length > 0 ? { header, parts } : {}) });
  }
  const unclosed = {
    code: 'unclosed_quote',
    message: 'A quoted field does not end: each line was taken for a record.',
  };
  return { text, blocks, images: [], warnings: open ? [...warnings, unclosed] : warnings, charset };
}

/** Records that hold something, without their line feeds. A quote that nothing closes quotes nothing. */
function recordsOf(text: string): { rows: Span[]; open: boolean } {
  const quoted = split(text, true);
  return quoted.open ? { rows: split(text, false).rows, open: true } : quoted;
}

function split(text: string, quotes: boolean): { rows: Span[]; open: boolean } {
  const rows: Span[] = [];
  let start = 0;
  let inside = false;
  for (let at = 0; at <= text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (quotes && code === 0x22) inside = !inside;
    if (at < text.length && (code !== 0x0a || inside)) continue;
    if (text.slice(start, at).trim() !== '') rows.push({ start, end: at });
    start = at + 1;
  }
  return { rows, open: inside };
}
