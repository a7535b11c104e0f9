import type { Block } from '../../core/document.js';
import type { Span } from '../../core/span.js';
import { decodeText } from './charset.js';
import { languageOfMime } from './languages.js';
import { normalizeText } from './normalize.js';
import type { ParsedContent, ParserInput } from './parser.js';
import { charsetHints, lineGroups } from './text.js';

/** A definition longer than this many lines gets parts. */
const LONG = 30;
/** What ends or goes on with a definition although it stands at the margin. */
const CONTINUES =
  /^(?:[})\]]|end\b|else\b|elif\b|except\b|finally\b|catch\b|rescue\b|ensure\b|then\b|do\b|fi\b|done\b|esac\b)/;

/** Source code and data as they are: one block a top-level definition, told by blank lines and indentation. */
export function parseCode({ bytes, mime, hints }: ParserInput): ParsedContent {
  const { charset, warnings, text: raw } = decodeText(bytes, charsetHints(hints));
  const text = normalizeText(raw);
  return { text, blocks: codeBlocks(text, languageOfMime(mime)?.language), images: [], warnings, charset };
}

export function codeBlocks(text: string, language: string | undefined): Block[] {
  return definitions(text, { start: 0, end: text.length }).map((span) => {
    const parts = splitDefinition(text, span);
    return { kind: 'code', span, ...(language !== undefined && { language }), ...(parts.length > 1 && { parts }) };
  });
}

/**
 * Pieces that begin after a blank line at the margin (the smallest indentation in `within`) and not with a closing
 * bracket or keyword. A comment or decorator directly above a definition belongs to it, as no blank line parts them.
 */
export function definitions(text: string, within: Span): Span[] {
  const spans: { start: number; end: number }[] = [];
  const groups = [...lineGroups(text, (line) => line.trim() === '', within.start, within.end)];
  const margin = groups.reduce((least, group) => Math.min(least, indentation(text, group.start)), Infinity);
  for (const group of groups) {
    const previous = spans.at(-1);
    const first = group.start + indentation(text, group.start);
    const starts = indentation(text, group.start) === margin && !CONTINUES.test(text.slice(first, first + 12));
    if (previous && !starts) previous.end = group.end;
    else spans.push({ ...group });
  }
  return spans;
}

/** Places to split a long definition: its members, or its paragraphs where it has none. */
function splitDefinition(text: string, span: Span): Span[] {
  const lines = text.slice(span.start, span.end).split('\n').length;
  if (lines <= LONG) return [];
  return [...lineGroups(text, (line) => line.trim() === '', span.start, span.end)];
}

function indentation(text: string, at: number): number {
  let end = at;
  while (text[end] === ' ' || text[end] === '\t') end += 1;
  return end - at;
}
