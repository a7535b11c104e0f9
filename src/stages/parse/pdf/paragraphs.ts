import { type Column, type Line, median } from './layout.js';
import { lineText } from './lines.js';
import { type Table, tableAt } from './tables.js';

/** A piece of a column: lines that belong together. */
export type Piece =
  | { readonly kind: 'lines'; readonly lines: readonly Line[]; readonly item: boolean }
  | { readonly kind: 'table'; readonly table: Table };

const BULLET = /^(?:[•◦▪‣●○■□➢➤✓*·–—-]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s+\S/;

/** Cuts a column into tables, list items and paragraphs, by leading, indentation, size and the ends of lines. */
export function piecesOf(column: Column): Piece[] {
  const pieces: Piece[] = [];
  const measure = measureOf(column);
  let lines: Line[] = [];
  const close = () => {
    if (lines.length > 0) pieces.push({ kind: 'lines', lines, item: BULLET.test(lineText(lines[0]!)) });
    lines = [];
  };
  for (let at = 0; at < column.length;) {
    const table = tableAt(column, at);
    if (table) {
      close();
      pieces.push({ kind: 'table', table });
      at += table.lines.length;
      continue;
    }
    const line = column[at]!;
    if (lines.length > 0 && begins(line, lines, measure)) close();
    lines.push(line);
    at += 1;
  }
  close();
  return pieces;
}

interface Measure {
  readonly left: number;
  readonly right: number;
  /** Usual distance of baselines, in font sizes. */
  readonly leading: number;
}

function measureOf(column: Column): Measure {
  const leadings: number[] = [];
  column.forEach((line, index) => {
    const before = column[index - 1];
    if (before && Math.abs(before.size - line.size) < 0.1 * line.size)
      leadings.push((line.base - before.base) / line.size);
  });
  const usual = leadings.filter((leading) => leading > 0.5 && leading < 2.5);
  return {
    left: median(column.map((line) => line.u0)),
    right: percentile(
      column.map((line) => line.u1),
      0.9,
    ),
    leading: usual.length > 0 ? percentile(usual, 0.4) : 1.2,
  };
}

/** Whether a line begins a new paragraph after the lines so far. */
function begins(line: Line, lines: readonly Line[], measure: Measure): boolean {
  const before = lines.at(-1)!;
  const size = Math.max(line.size, before.size);
  if (Math.abs(line.size - before.size) > 0.12 * size) return true;
  const leading = (line.base - before.base) / size;
  if (leading <= 0 || leading > measure.leading * 1.2 + 0.15) return true;
  const text = lineText(line);
  if (BULLET.test(text)) return true;
  const item = BULLET.test(lineText(lines[0]!));
  const indent = (line.u0 - before.u0) / size;
  // A hanging line of an item, or the second line of a paragraph with an indented first one.
  if (lines.length === 1 && (item ? indent > -0.5 : indent < 0.3))
    return endsShort(before, measure) && indent > -0.5 && !item;
  if (indent > 0.8 && line.u0 - measure.left < 6 * size) return true;
  if (indent < -0.8 && lines.length > 1) return true;
  return endsShort(before, measure);
}

/** A last line: it ends a sentence well before the margin. */
function endsShort(line: Line, { left, right }: Measure): boolean {
  const short = right - line.u1 > 0.25 * Math.max(right - left, 1);
  return short && /[.!?:;”"')\]]$/.test(lineText(line));
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
