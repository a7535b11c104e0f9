import type { Run } from './items.js';

/** Runs on one line with small gaps between them: words of one column or one table cell. */
export interface Segment {
  readonly runs: readonly Run[];
  readonly u0: number;
  readonly u1: number;
  readonly v0: number;
  readonly v1: number;
  readonly size: number;
  readonly chars: number;
}

/** Segments side by side. */
export interface Line {
  readonly segments: readonly Segment[];
  readonly u0: number;
  readonly u1: number;
  readonly v0: number;
  readonly v1: number;
  /** Of its largest part by characters. */
  readonly size: number;
  readonly base: number;
}

/** Lines in reading order that stand one below the other in one column. */
export type Column = readonly Line[];

/** Gap, in font sizes, beyond which words on one line belong to different columns or cells. */
const SEGMENT_GAP = 0.8;
/** Narrowest white strip between columns, in font sizes. */
const GUTTER = 0.8;
/** Least segments on each side of a gutter. */
const SIDE = 3;
const MAX_DEPTH = 12;
/** A page with more pieces is a drawing: its columns are not looked for. */
const MAX_SEGMENTS = 20_000;

/**
 * Reading order of runs in one direction: a recursive cut along gutters (XY-cut, Nagy and Seth 1984) that tells columns
 * of prose from columns of a table by how much of its width each line fills; the rows of tables stay whole.
 */
export function readingOrder(runs: readonly Run[]): Column[] {
  const segments = toSegments(runs);
  const rtl = runs.filter((run) => run.rtl).length * 2 > runs.length;
  return cut(segments, rtl, 0).map((column) => toLines(column, rtl));
}

/** Joins runs of one line; a gap of more than SEGMENT_GAP parts them. */
function toSegments(runs: readonly Run[]): Segment[] {
  return rows(runs, (run) => run).flatMap((row) => {
    const sorted = [...row].sort((a, b) => a.u0 - b.u0);
    const groups: Run[][] = [];
    let end = -Infinity;
    for (const run of sorted) {
      const group = groups.at(-1);
      if (group && run.u0 - end <= SEGMENT_GAP * Math.min(run.size, group.at(-1)!.size)) group.push(run);
      else groups.push([run]);
      end = groups.at(-1)!.length === 1 ? run.u1 : Math.max(end, run.u1);
    }
    return groups.map(segment);
  });
}

function segment(runs: readonly Run[]): Segment {
  const main = runs.reduce((a, b) => (b.text.length > a.text.length ? b : a));
  return {
    runs,
    ...bounds(runs),
    size: main.size,
    chars: runs.reduce((sum, run) => sum + run.text.length, 0),
  };
}

interface Extent {
  readonly v0: number;
  readonly v1: number;
}

/** Groups what overlaps by more than half of the lower one's height: rows, top to bottom. */
function rows<T>(items: readonly T[], extent: (item: T) => Extent): T[][] {
  const sorted = [...items].sort((a, b) => middle(extent(a)) - middle(extent(b)));
  const found: { items: T[]; v0: number; v1: number }[] = [];
  for (const item of sorted) {
    const { v0, v1 } = extent(item);
    // Superscripts reach above the row before them is full: look a few rows back.
    const row = found.slice(-3).find((other) => {
      const shared = Math.min(v1, other.v1) - Math.max(v0, other.v0);
      return shared > 0.5 * Math.min(v1 - v0, other.v1 - other.v0);
    });
    if (!row) found.push({ items: [item], v0, v1 });
    else {
      row.items.push(item);
      // The tallest member stands for the row; growing it would swallow the next line.
      if (v1 - v0 > row.v1 - row.v0) Object.assign(row, { v0, v1 });
    }
  }
  return found.sort((a, b) => a.v0 + a.v1 - b.v0 - b.v1).map((row) => row.items);
}

interface Bounds extends Extent {
  readonly u0: number;
  readonly u1: number;
}

/** The least rectangle around all. */
function bounds(parts: readonly Bounds[]): Bounds {
  const all = { u0: Infinity, u1: -Infinity, v0: Infinity, v1: -Infinity };
  for (const part of parts) {
    all.u0 = Math.min(all.u0, part.u0);
    all.u1 = Math.max(all.u1, part.u1);
    all.v0 = Math.min(all.v0, part.v0);
    all.v1 = Math.max(all.v1, part.v1);
  }
  return all;
}

function middle({ v0, v1 }: Extent): number {
  return (v0 + v1) / 2;
}

/** Segments of each column, in reading order. */
function cut(segments: readonly Segment[], rtl: boolean, depth: number): (readonly Segment[])[] {
  if (segments.length < 2 * SIDE || depth > MAX_DEPTH || segments.length > MAX_SEGMENTS)
    return segments.length > 0 ? [segments] : [];
  const bands = slabs(segments);
  const found = columnBand(bands);
  if (!found) return [segments];
  const { from, to, at } = found;
  const inside = bands.slice(from, to).flat();
  const left = inside.filter((part) => (part.u0 + part.u1) / 2 < at);
  const right = inside.filter((part) => (part.u0 + part.u1) / 2 >= at);
  return [
    ...cut(bands.slice(0, from).flat(), rtl, depth + 1),
    ...cut(rtl ? right : left, rtl, depth + 1),
    ...cut(rtl ? left : right, rtl, depth + 1),
    ...cut(bands.slice(to).flat(), rtl, depth + 1),
  ];
}

/** Horizontal slabs: what overlaps vertically, directly or through others, top to bottom. */
function slabs(segments: readonly Segment[]): Segment[][] {
  const sorted = [...segments].sort((a, b) => a.v0 - b.v0 || a.u0 - b.u0);
  const found: Segment[][] = [];
  let end = -Infinity;
  for (const part of sorted) {
    // Lines set tight overlap a little: shrink them.
    const trim = (part.v1 - part.v0) * 0.2;
    if (part.v0 + trim >= end) found.push([part]);
    else found.at(-1)!.push(part);
    end = Math.max(end, part.v1 - trim);
  }
  return found;
}

interface Gap {
  readonly start: number;
  readonly end: number;
}

/** The first run of slabs that a gutter between columns of prose goes through, and where it is. */
function columnBand(bands: readonly Segment[][]): { from: number; to: number; at: number } | undefined {
  const { u0, u1 } = bounds(bands.flat());
  const gaps = bands.map((band) => freeIntervals(band, u0, u1));
  for (let from = 0; from < bands.length; from += 1) {
    /** The gaps that go through the slabs from `from` to each later one. */
    const alive: Gap[][] = [];
    for (let to = from; to < bands.length; to += 1) {
      const open = to === from ? gaps[from]! : intersect(alive.at(-1)!, gaps[to]!);
      if (open.length === 0) break;
      alive.push(open);
    }
    for (let count = alive.length; count > 0; count = count > 8 ? Math.floor(count * 0.8) : count - 1) {
      const at = bestGutter(bands.slice(from, from + count).flat(), alive[count - 1]!);
      if (at !== undefined) return { from: trimStart(bands, from, at), to: from + count, at };
    }
  }
  return undefined;
}

/** Leading slabs on one side only, such as a heading over both columns, are read before them. */
function trimStart(bands: readonly Segment[][], from: number, at: number): number {
  let start = from;
  const oneSided = (band: readonly Segment[]) =>
    band.every((part) => part.u1 <= at) || band.every((part) => part.u0 >= at);
  const next = bands.findIndex((band, index) => index >= from && !oneSided(band));
  // Only what is set in a larger size is such a heading; else it is the taller column's beginning.
  const body = next === -1 ? 0 : bands[next]![0]!.size;
  while (start < next && bands[start]!.every((part) => part.size > body * 1.15)) start += 1;
  return start;
}

/** What a slab leaves empty between `u0` and `u1`, narrow gaps left out. */
function freeIntervals(band: readonly Segment[], u0: number, u1: number): Gap[] {
  const sorted = [...band].sort((a, b) => a.u0 - b.u0);
  const free: Gap[] = [];
  let end = u0;
  for (const part of sorted) {
    if (part.u0 - end > GUTTER * 0.5 * part.size) free.push({ start: end, end: part.u0 });
    end = Math.max(end, part.u1);
  }
  if (u1 > end) free.push({ start: end, end: u1 });
  return free;
}

function intersect(a: readonly Gap[], b: readonly Gap[]): Gap[] {
  const shared: Gap[] = [];
  let i = 0;
  let k = 0;
  while (i < a.length && k < b.length) {
    const start = Math.max(a[i]!.start, b[k]!.start);
    const end = Math.min(a[i]!.end, b[k]!.end);
    if (end > start) shared.push({ start, end });
    if (a[i]!.end < b[k]!.end) i += 1;
    else k += 1;
  }
  return shared;
}

function bestGutter(inside: readonly Segment[], free: readonly Gap[]): number | undefined {
  if (inside.length < 2 * SIDE) return undefined;
  const size = median(inside.map((part) => part.size));
  let best: { at: number; width: number } | undefined;
  for (const gap of free) {
    const width = gap.end - gap.start;
    if (width < GUTTER * size) continue;
    const at = (gap.start + gap.end) / 2;
    const left = inside.filter((part) => part.u1 <= at);
    const right = inside.filter((part) => part.u0 >= at);
    if (!apart(left, right)) continue;
    if (!best || width > best.width) best = { at, width };
  }
  return best?.at;
}

/**
 * Whether two sides are columns of their own and not cells of one table: both hold prose, or one does and the other's
 * lines stand at other heights, or the lines of neither have to do with the other's.
 */
function apart(left: readonly Segment[], right: readonly Segment[]): boolean {
  if (left.length < SIDE || right.length < SIDE) return false;
  const prose = Number(isProse(left)) + Number(isProse(right));
  if (prose === 2) return true;
  const shared = sharedBaselines(left, right);
  return prose === 1 ? shared < 0.5 : shared < 0.3 && left.length >= 5 && right.length >= 5;
}

/** Share of the shorter side's lines that stand level with a line of the other one. */
function sharedBaselines(left: readonly Segment[], right: readonly Segment[]): number {
  const bases = (side: readonly Segment[]) => rows(side, (part) => part).map((row) => row[0]!);
  const [few, many] = [bases(left), bases(right)].sort((a, b) => a.length - b.length) as [Segment[], Segment[]];
  const level = few.filter((a) => many.some((b) => Math.abs(a.runs[0]!.base - b.runs[0]!.base) < 0.15 * a.size));
  return level.length / few.length;
}

/** Lines of a column fill most of its width with words; cells of a table are short. */
function isProse(side: readonly Segment[]): boolean {
  if (side.length < SIDE) return false;
  const lines = rows(side, (part) => part);
  if (lines.length < SIDE) return false;
  // Cells beside cells.
  if (lines.filter((line) => line.length === 1).length < lines.length * 0.6) return false;
  const { u0, u1 } = bounds(side);
  const width = u1 - u0;
  const filled = lines.map((line) => line.reduce((sum, part) => sum + part.u1 - part.u0, 0) / width);
  const chars = side.reduce((sum, part) => sum + part.chars, 0) / lines.length;
  const wide = side.some((part) => /[\u3040-\u9fff\uac00-\ud7af]/.test(part.runs[0]!.text));
  return median(filled) >= 0.6 && chars >= (wide ? 8 : 18);
}

/** Segments of one column to lines, each from its reading side. */
function toLines(segments: readonly Segment[], rtl: boolean): Line[] {
  return rows(segments, (part) => part).map((row) => {
    const sorted = [...row].sort((a, b) => (rtl ? b.u1 - a.u1 : a.u0 - b.u0));
    const main = sorted.reduce((a, b) => (b.chars > a.chars ? b : a));
    return {
      segments: sorted,
      ...bounds(sorted),
      size: main.size,
      base: main.runs[0]!.base,
    };
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
