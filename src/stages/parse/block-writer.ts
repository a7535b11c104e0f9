import type { Block, BlockKind, ImageRef } from '../../core/document.js';
import type { Span } from '../../core/span.js';
import { normalizeText } from './normalize.js';
import { TextBuilder } from './text-builder.js';

export interface TableText {
  readonly caption?: string;
  readonly header: readonly (readonly string[])[];
  readonly body: readonly (readonly string[])[];
}

export interface BlockOptions {
  /** Of a heading, 1 to 6. */
  readonly level?: number;
  /** `- ` or `3. `, before an item's words. */
  readonly marker?: string;
  readonly language?: string;
}

/**
 * Writes a text block by block, a blank line between them, none between the items of a list. Each block's span is known
 * as it is written (law 1).
 */
export class BlockWriter {
  readonly builder = new TextBuilder();
  readonly blocks: Block[] = [];
  readonly images: ImageRef[] = [];
  /** The page that blocks begin on, where there are pages. */
  page: number | undefined;
  /** The block before was an item, so the next one follows without a blank line. */
  #afterItem = false;

  /** Appends a block; returns where it stands, or undefined when there is nothing in `words`. */
  block(kind: BlockKind, words: string, { level, marker = '', language }: BlockOptions = {}): Span | undefined {
    const item = marker !== '';
    this.builder.breakLine(item && this.#afterItem ? 0 : 1);
    const span = this.builder.append(marker + words);
    const title = kind === 'heading' ? normalizeText(words.replace(/\s+/g, ' ')).trim() : undefined;
    // A heading of invisible characters only is no heading.
    const heading = title === undefined || title === '' ? undefined : { level: level ?? 1, title };
    return this.#push(
      {
        kind: kind === 'heading' && !heading ? 'paragraph' : kind,
        span,
        ...heading,
        ...(language !== undefined && { language }),
      },
      item,
    );
  }

  /** Rows are lines, their cells parted by ` | `; a caption is a paragraph before them. */
  table({ caption, header, body }: TableText): void {
    this.builder.breakLine(1);
    if (caption) {
      this.#push({ kind: 'paragraph', span: this.builder.append(caption) }, this.#afterItem);
      this.builder.breakLine(1);
    }
    const write = (row: readonly string[]) => {
      this.builder.breakLine(0);
      return this.builder.append(row.join(' | '));
    };
    // The blank line before the table must not move into its first row.
    const before = this.builder.length;
    const head = header.map(write);
    const parts = body.map(write);
    const start = head[0]?.start ?? parts[0]?.start ?? before;
    const last = head.at(-1);
    const span = { start, end: this.builder.length };
    this.#push({ kind: 'table', span, ...(last && { header: { start, end: last.end } }), parts }, false);
  }

  #push(block: Block, item: boolean): Span | undefined {
    if (block.span.start >= block.span.end) return undefined;
    this.blocks.push(this.page === undefined ? block : { ...block, page: this.page });
    this.#afterItem = item;
    return block.span;
  }
}
