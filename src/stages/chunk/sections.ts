import type { Block, ParsedDocument } from '../../core/document.js';
import type { Span } from '../../core/span.js';

/** What stands under one heading: its blocks up to the next heading of any level. */
export interface Section {
  /** Titles from the top of the document down to this section's own heading. */
  readonly headings: readonly string[];
  /** In order. A heading block comes first; headings that nothing stands under precede the next section's own. */
  readonly blocks: readonly Block[];
}

/**
 * Cuts a document at its headings. Text outside every block becomes blocks of kind `other`, so that all of the text but
 * white space is in some block of some section. Blocks that overlap an earlier one keep only what is left of them.
 *
 * @param title the document's title; begins every path unless the first heading says the same
 */
export function sectionsOf(parsed: ParsedDocument, title?: string): Section[] {
  const sections: Section[] = [];
  const path: { level: number; title: string }[] = [];
  let headings: readonly string[] = title === undefined || title === '' ? [] : [title];
  let blocks: Block[] = [];
  let headed = false;
  const close = (): void => {
    if (blocks.length > 0) sections.push({ headings, blocks });
    blocks = [];
  };
  for (const block of coverAll(parsed)) {
    if (block.kind === 'heading') {
      if (!headed || blocks.at(-1)?.kind !== 'heading') close();
      headed = true;
      const level = block.level ?? 1;
      while (path.length > 0 && (path.at(-1)?.level ?? 0) >= level) path.pop();
      const words = (block.title ?? parsed.text.slice(block.span.start, block.span.end)).replace(/\s+/g, ' ').trim();
      if (words !== '') path.push({ level, title: words });
      const titles = path.map((entry) => entry.title);
      headings = title === undefined || title === '' || titles[0] === title ? titles : [title, ...titles];
    }
    blocks.push(block);
  }
  close();
  return sections;
}

/** The document's blocks without overlaps or white space at their ends, and blocks for the text between them. */
function coverAll(parsed: ParsedDocument): Block[] {
  const { text } = parsed;
  const all: Block[] = [];
  let at = 0;
  const gap = (end: number): void => {
    const span = trim(text, { start: at, end });
    if (span) all.push({ kind: 'other', span });
  };
  for (const block of parsed.blocks) {
    const end = Math.min(block.span.end, text.length);
    const start = Math.max(block.span.start, at);
    if (start >= end) continue;
    gap(start);
    at = end;
    const span = trim(text, { start, end });
    if (span) all.push({ ...block, span });
  }
  gap(text.length);
  return all;
}

const SPACE = /\s/;

/** The span without white space at its ends; undefined when nothing else is in it. */
export function trim(text: string, span: Span): Span | undefined {
  let { start, end } = span;
  while (start < end && SPACE.test(text.charAt(start))) start++;
  while (end > start && SPACE.test(text.charAt(end - 1))) end--;
  return start < end ? { start, end } : undefined;
}
