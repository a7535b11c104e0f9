import { load } from 'cheerio';
import type { Warning } from '../../../core/document.js';
import { removeUnseen } from '../html/clean.js';
import { writeText } from '../html/write.js';
import { normalizeText } from '../normalize.js';
import type { ParsedContent } from '../parser.js';

/** Text with structure of the HTML that a format was brought into: one writer makes the text and spans of them all. */
export function written(html: string, title: string | undefined, warnings: readonly Warning[]): ParsedContent {
  const root = load(html, null, false).root()[0]!;
  removeUnseen(root);
  const content = writeText(root);
  const heading = content.blocks.find((block) => block.kind === 'heading' && block.level === 1)?.title;
  const named =
    normalizeText(title ?? '')
      .replace(/\s+/g, ' ')
      .trim() || heading;
  return { ...content, ...(named ? { title: named } : {}), warnings };
}
