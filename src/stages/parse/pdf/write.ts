import type { Block, Page, Region } from '../../../core/document.js';
import type { Box, Span } from '../../../core/span.js';
import { normalizeText } from '../normalize.js';
import { TextBuilder } from '../text-builder.js';
import type { Column, Line } from './layout.js';
import { lineBox, lineText, seam, unionBox } from './lines.js';
import { piecesOf } from './paragraphs.js';
import type { Table } from './tables.js';

/** A page's columns in reading order. */
export interface PageLayout {
  readonly width: number;
  readonly height: number;
  readonly columns: readonly Column[];
}

export interface WrittenPages {
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly pages: readonly Page[];
  readonly regions: readonly Region[];
}

/** Headings are set at least this much larger than the body. */
const HEADING_SIZE = 1.15;
const HEADING_LINES = 4;
const HEADING_CHARS = 250;

/**
 * Writes pages as one text. The lines of a paragraph are joined by spaces; a hyphen that divides a word at the end of a
 * line goes, and the word is whole. Rows of tables are lines, their cells parted by ` | `. Pages are parted by a blank line.
 */
export function writePages(layouts: readonly PageLayout[]): WrittenPages {
  const writer = new Writer(headingSizes(layouts));
  for (const layout of layouts) writer.page(layout);
  return { text: writer.builder.toString(), blocks: writer.blocks, pages: writer.pages, regions: writer.regions };
}

class Writer {
  readonly builder = new TextBuilder();
  readonly blocks: Block[] = [];
  readonly pages: Page[] = [];
  readonly regions: Region[] = [];
  #number = 0;
  #width = 0;
  #height = 0;

  /** @param sizes the sizes of headings, largest first, rounded to half points */
  constructor(readonly sizes: readonly number[]) {}

  page({ width, height, columns }: PageLayout): void {
    this.#number += 1;
    this.#width = width;
    this.#height = height;
    let start: number | undefined;
    for (const column of columns) {
      for (const piece of piecesOf(column)) {
        this.builder.breakLine(1);
        const before = this.builder.length;
        if (piece.kind === 'table') this.#table(piece.table);
        else this.#lines(piece.lines, piece.item);
        if (this.builder.length > before) start ??= before;
      }
    }
    const end = this.builder.length;
    this.pages.push({ number: this.#number, span: { start: start ?? end, end }, width, height });
  }

  #lines(lines: readonly Line[], item: boolean): void {
    const texts = lines.map(lineText);
    const level = this.#headingLevel(lines, texts);
    const start = this.builder.length;
    texts.forEach((text, index) => {
      const next = texts[index + 1];
      const { join, drop } = next === undefined ? { join: '', drop: 0 } : seam(text, next);
      const span = this.builder.append(text.slice(0, text.length - drop));
      this.#region(span, lineBox(lines[index]!));
      this.builder.append(join);
    });
    const span = { start, end: this.builder.length };
    if (span.start === span.end) return;
    const title = normalizeText(texts.join(' ')).replace(/\s+/g, ' ').trim();
    const heading = level !== undefined && title !== '';
    this.blocks.push({
      kind: heading ? 'heading' : item ? 'list_item' : 'paragraph',
      span,
      page: this.#number,
      ...(heading && { level, title }),
    });
  }

  #table(table: Table): void {
    const spans: Span[] = [];
    for (const row of table.rows) {
      if (spans.length > 0) this.builder.breakLine(0);
      const span = this.builder.append(row.cells.join(' | ').trim());
      if (span.start === span.end) continue;
      spans.push(span);
      this.#region(span, unionBox(row.lines.map(lineBox)));
    }
    const first = spans[0];
    if (!first) return;
    this.blocks.push({
      kind: 'table',
      span: { start: first.start, end: this.builder.length },
      page: this.#number,
      ...(table.header && { header: first }),
      parts: table.header ? spans.slice(1) : spans,
    });
  }

  /** Text may run over the page's edge: its box is what can be seen of it there. */
  #region(span: Span, { x0, y0, x1, y1 }: Box): void {
    if (span.start === span.end) return;
    const across = (x: number) => Math.min(Math.max(x, 0), this.#width);
    const down = (y: number) => Math.min(Math.max(y, 0), this.#height);
    const box = { x0: across(x0), y0: down(y0), x1: across(x1), y1: down(y1) };
    this.regions.push({ span, page: this.#number, box });
  }

  #headingLevel(lines: readonly Line[], texts: readonly string[]): number | undefined {
    if (lines.length > HEADING_LINES) return undefined;
    const chars = texts.reduce((sum, text) => sum + text.length, 0);
    const rank = this.sizes.indexOf(halfPoints(lines[0]!.size));
    if (rank === -1 || chars > HEADING_CHARS || chars < 2 || !texts.some((text) => /\p{L}/u.test(text)))
      return undefined;
    return Math.min(6, rank + 1);
  }
}

/** Sizes clearly above that of most text, largest first. */
function headingSizes(layouts: readonly PageLayout[]): number[] {
  const chars = new Map<number, number>();
  for (const { columns } of layouts) {
    for (const line of columns.flat()) {
      const size = halfPoints(line.size);
      const count = line.segments.reduce((sum, part) => sum + part.chars, 0);
      chars.set(size, (chars.get(size) ?? 0) + count);
    }
  }
  const body = [...chars].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]?.[0] ?? 0;
  return [...chars.keys()].filter((size) => size >= body * HEADING_SIZE).sort((a, b) => b - a);
}

function halfPoints(size: number): number {
  return Math.round(size * 2) / 2;
}
