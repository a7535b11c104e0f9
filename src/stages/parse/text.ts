import type { Block } from '../../core/document.js';
import { decodeText } from './charset.js';
import { normalizeText } from './normalize.js';
import type { ParsedContent, ParserInput } from './parser.js';

/** Blank-line separated paragraphs; the text is the decoded source. */
export function parseText({ bytes, hints }: ParserInput): ParsedContent {
  const { charset, warnings, text: raw } = decodeText(bytes, charsetHints(hints));
  const text = normalizeText(raw);
  return { text, blocks: paragraphs(text), images: [], warnings, charset };
}

/** The charset of the parse options and the `charset` parameter of the source's MIME type. */
export function charsetHints(hints: { mime?: string; options?: { charset?: string } }): {
  charset?: string;
  declared?: string;
} {
  const declared = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(hints.mime ?? '')?.[1];
  const charset = hints.options?.charset;
  return { ...(charset !== undefined && { charset }), ...(declared !== undefined && { declared }) };
}

/** Paragraphs of a text: runs of lines without a blank one, without the white space around them. */
export function paragraphs(text: string, kind: Block['kind'] = 'paragraph'): Block[] {
  const blocks: Block[] = [];
  for (const { start, end } of lineGroups(text, (line) => line.trim() === ''))
    blocks.push({ kind, span: { start, end } });
  return blocks;
}

/** Runs of lines between separating lines; spans end before the line feed. */
export function* lineGroups(
  text: string,
  separates: (line: string) => boolean,
  from = 0,
  to = text.length,
): Generator<{ start: number; end: number }> {
  let start = -1;
  let end = -1;
  for (let at = from; at < to;) {
    const feed = text.indexOf('\n', at);
    const lineEnd = feed === -1 || feed > to ? to : feed;
    if (separates(text.slice(at, lineEnd))) {
      if (start !== -1) yield { start, end };
      start = -1;
    } else {
      if (start === -1) start = at;
      end = lineEnd;
    }
    at = lineEnd + 1;
  }
  if (start !== -1) yield { start, end };
}
