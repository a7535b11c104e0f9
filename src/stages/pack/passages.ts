import type { Block } from '../../core/document.js';
import type { Span } from '../../core/span.js';
import type { PassageLabels } from './template.js';

/** A ranked chunk, with what stands in the context beside its text. */
export interface PackCandidate extends PassageLabels {
  readonly chunkId: string;
  readonly documentId: string;
  readonly revision: string;
  readonly span: Span;
  /** `document.text.slice(span.start, span.end)`. */
  readonly text: string;
  /** The document's text right after the span (an anchor's suffix), so that neighbours join without the whole text. */
  readonly after?: string | undefined;
}

/** A document's text at the candidates' revision. Without it nothing is expanded; neighbours still join by `after`. */
export interface PackDocument {
  readonly text: string;
  /** In order; headings bound the sections that passages grow to. */
  readonly blocks?: readonly Pick<Block, 'kind' | 'span'>[];
}

/** A contiguous part of one document, made of one or more chunks. */
export interface Passage {
  readonly documentId: string;
  readonly revision: string;
  span: Span;
  text: string;
  /** Place of its best chunk in the ranking, 0 first. */
  readonly rank: number;
  readonly labels: PassageLabels;
  readonly chunkIds: readonly string[];
  /** Tokens of the rendered passage and a separator, counted in parts. */
  tokens: number;
  /** Text right after the span, as far as it is known. */
  readonly after: string;
}

/** The text between two spans of one document, if it is known and only white space; '' where they touch or overlap. */
export function whiteGap(
  left: { span: Span; after: string },
  right: Span,
  document?: PackDocument,
): string | undefined {
  const { end } = left.span;
  const length = right.start - end;
  if (length <= 0) return '';
  const gap = document === undefined ? left.after.slice(0, length) : document.text.slice(end, right.start);
  return gap.length === length && /^\s*$/.test(gap) ? gap : undefined;
}

/** The section around a span: from the last heading at or before its start to the next one after its end. */
export function sectionAround(document: PackDocument, span: Span): Span {
  let start = 0;
  let end = document.text.length;
  for (const block of document.blocks ?? []) {
    if (block.kind !== 'heading') continue;
    if (block.span.start <= span.start) start = block.span.start;
    if (block.span.start >= span.end) {
      end = block.span.start;
      break;
    }
  }
  while (end > span.end && /\s/.test(document.text.charAt(end - 1))) end--;
  while (start < span.start && /\s/.test(document.text.charAt(start))) start++;
  return { start, end };
}
