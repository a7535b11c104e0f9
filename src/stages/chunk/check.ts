import type { Anchor, Chunk, ParsedDocument } from '../../core/document.js';
import { overlaps } from '../../core/span.js';
import type { Selector } from '../cite.js';
import { cite } from '../cite.js';

/** Every way in which a document's chunks and their citations break their contract (law 1); empty when they keep it. */
export function chunkViolations(
  parsed: ParsedDocument,
  chunks: readonly Chunk[],
  anchors: readonly Anchor[],
  maxTokens: number,
): string[] {
  const found: string[] = [];
  let at = 0;
  chunks.forEach((chunk, index) => {
    const { span, text, tokens, ordinal } = chunk;
    const say = (problem: string) => found.push(`chunk ${index} ${problem}`);
    if (ordinal !== index) say(`has the ordinal ${ordinal}`);
    if (!(at <= span.start && span.start < span.end && span.end <= parsed.text.length)) say('is out of order or empty');
    if (parsed.text.slice(span.start, span.end) !== text) say('is not the text at its span');
    if (!text.isWellFormed()) say('cuts a surrogate pair');
    if (/\S/.test(parsed.text.slice(at, span.start))) say('leaves out text before it');
    if (tokens > maxTokens) say(`has ${tokens} tokens of ${maxTokens}`);
    at = span.end;
    const anchor = anchors[index];
    if (!anchor) say('has no anchor');
    else for (const problem of citationViolations(parsed, chunk, anchor)) say(problem);
  });
  if (/\S/.test(parsed.text.slice(at))) found.push('the last chunk leaves out text after it');
  return found;
}

function citationViolations(parsed: ParsedDocument, chunk: Chunk, anchor: Anchor): string[] {
  const found: string[] = [];
  const { documentId, revision, span, text: quote } = chunk;
  const citation = cite({ documentId, revision, source: 'source', key: 'key', span, quote, anchor });
  const position = selector(citation.selectors, 'TextPositionSelector');
  // As a reader does whose strings are of code points. A slice of a prefix gives the same as one of the whole.
  const before = [...parsed.text.slice(0, span.start)].length;
  if (position?.start !== before || position.end !== before + [...quote].length)
    found.push('has a position that is not in code points');
  const words = selector(citation.selectors, 'TextQuoteSelector');
  if (words?.exact !== quote) found.push('has a quote selector that is not its text');
  else {
    const { prefix, suffix } = words;
    const around = prefix + quote + suffix;
    const from = span.start - prefix.length;
    if (from < 0 || parsed.text.slice(from, from + around.length) !== around)
      found.push('has a context that is not there');
  }
  if (parsed.pages) found.push(...pageViolations(parsed, chunk, citation));
  return found;
}

function pageViolations(parsed: ParsedDocument, { span }: Chunk, { page, boxes }: ReturnType<typeof cite>): string[] {
  if (page === undefined || !boxes) return ['names no page'];
  const found: string[] = [];
  for (const { page: number, x0, y0, x1, y1 } of boxes) {
    const on = parsed.pages![number - 1];
    if (!on || !overlaps(on.span, span)) found.push(`names page ${number}, where it is not`);
    else if (x0 < 0 || y0 < 0 || x1 > on.width || y1 > on.height) found.push(`has a box outside of page ${number}`);
  }
  return found;
}

function selector<Type extends Selector['type']>(
  selectors: readonly Selector[],
  type: Type,
): Extract<Selector, { type: Type }> | undefined {
  return selectors.find((one): one is Extract<Selector, { type: Type }> => one.type === type);
}
