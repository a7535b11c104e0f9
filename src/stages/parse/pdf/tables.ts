import type { Line, Segment } from './layout.js';
import { segmentText } from './lines.js';

/** Rows of a table: each line's cells by column, and the lines that make each row. */
export interface Table {
  readonly lines: readonly Line[];
  readonly rows: readonly { readonly cells: readonly string[]; readonly lines: readonly Line[] }[];
  readonly header: boolean;
}

/** Longest mean cell; longer ones are columns of prose that were not told apart. */
const CELL_CHARS = 45;
const MIN_ROWS = 3;

/** The table that begins at `from`, when its columns are clear: at least three rows, cells that align. */
export function tableAt(lines: readonly Line[], from: number): Table | undefined {
  if (lines[from]!.segments.length < 2) return undefined;
  let to = from;
  let last = from;
  while (to < lines.length && follows(lines, from, to)) {
    if (lines[to]!.segments.length >= 2) last = to;
    to += 1;
  }
  const run = lines.slice(from, last + 1);
  const full = run.filter((line) => line.segments.length >= 2);
  if (full.length < MIN_ROWS || full.length < run.length * 0.5) return undefined;
  const columns = columnsOf(full);
  if (columns.length < 2) return undefined;
  const cells = full.flatMap((line) => line.segments);
  if (cells.reduce((sum, cell) => sum + cell.chars, 0) / cells.length > CELL_CHARS) return undefined;
  const crowded = full.filter((line) => new Set(line.segments.map((cell) => columnOf(cell, columns))).size >= 2);
  if (crowded.length < full.length * 0.6) return undefined;
  const rows = toRows(run, columns);
  if (rows.length < MIN_ROWS) return undefined;
  const [first] = rows;
  const filled = first!.cells.filter((cell) => cell !== '').length;
  const header =
    filled >= Math.max(2, columns.length - 1) && first!.cells.every((cell) => cell === '' || /\p{L}/u.test(cell));
  return { lines: run, rows, header };
}

/** Rows stand close, and a line with a single cell is part of the table only between rows that have more. */
function follows(lines: readonly Line[], from: number, at: number): boolean {
  if (at === from) return true;
  const line = lines[at]!;
  const before = lines[at - 1]!;
  // A heading between two tables.
  if (line.segments.length < 2 && Math.abs(line.size - before.size) > 0.15 * before.size) return false;
  if (line.v0 - before.v1 > 2.5 * Math.max(line.size, before.size)) return false;
  return line.segments.length >= 2 || before.segments.length >= 2;
}

interface Interval {
  u0: number;
  u1: number;
}

/** Strips that cells of most rows share; a cell that spans two columns joins neither. */
function columnsOf(lines: readonly Line[]): Interval[] {
  const cells = lines.flatMap((line) => line.segments).sort((a, b) => a.u1 - a.u0 - (b.u1 - b.u0));
  const columns: Interval[] = [];
  for (const cell of cells) {
    const touched = columns.filter((column) => cell.u0 < column.u1 && cell.u1 > column.u0);
    if (touched.length === 0) columns.push({ u0: cell.u0, u1: cell.u1 });
    else if (touched.length === 1) {
      touched[0]!.u0 = Math.min(touched[0]!.u0, cell.u0);
      touched[0]!.u1 = Math.max(touched[0]!.u1, cell.u1);
    }
  }
  return columns.sort((a, b) => a.u0 - b.u0);
}

/** The column a cell shares most with, or the nearest one. */
function columnOf(cell: Segment, columns: readonly Interval[]): number {
  let best = 0;
  let most = -Infinity;
  columns.forEach((column, index) => {
    const shared = Math.min(cell.u1, column.u1) - Math.max(cell.u0, column.u0);
    if (shared > most) {
      most = shared;
      best = index;
    }
  });
  return best;
}

/** A line whose first column is empty and that stands close below goes on with the row above. */
function toRows(lines: readonly Line[], columns: readonly Interval[]): Table['rows'] {
  const rows: { cells: string[]; lines: Line[] }[] = [];
  for (const line of lines) {
    const cells = columns.map(() => '');
    for (const cell of line.segments) {
      const at = columnOf(cell, columns);
      cells[at] = `${cells[at]} ${segmentText(cell)}`.trim();
    }
    const row = rows.at(-1);
    const close = row !== undefined && line.v0 - row.lines.at(-1)!.v1 < 0.6 * line.size;
    const filled = cells.filter((cell) => cell !== '').length;
    if (row && close && cells[0] === '' && filled < row.cells.filter((cell) => cell !== '').length) {
      row.cells.forEach((cell, index) => (row.cells[index] = `${cell} ${cells[index]}`.trim()));
      row.lines.push(line);
    } else rows.push({ cells, lines: [line] });
  }
  return rows;
}
