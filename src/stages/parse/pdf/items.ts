import type { Box } from '../../../core/span.js';

/**
 * A run of text on a page, in the frame of its own direction: `u` runs along the line, `v` from line to line, both in
 * points. For upright text that is the page's own x and y (origin at the top left).
 */
export interface Run {
  readonly text: string;
  readonly u0: number;
  readonly u1: number;
  readonly v0: number;
  readonly v1: number;
  /** Baseline. */
  readonly base: number;
  /** Font size in points. */
  readonly size: number;
  readonly font: string;
  readonly rtl: boolean;
  /** White space stood before it in the page's content. */
  readonly spaced: boolean;
  /** On the page as displayed. */
  readonly box: Box;
}

/** Runs that go in one direction, in the order of the page's content. */
export interface Direction {
  /** Degrees, clockwise, in steps of 5; 0 is upright. Vertical writing runs at 90. */
  readonly angle: number;
  readonly runs: readonly Run[];
}

/** The part of pdf.js's text item that is used. */
export interface TextItem {
  readonly str: string;
  readonly dir: string;
  readonly transform: readonly number[];
  readonly width: number;
  readonly height: number;
  readonly fontName: string;
}

export interface FontStyle {
  readonly ascent?: number;
  readonly descent?: number;
  readonly vertical?: boolean;
}

type Matrix = readonly number[];

/** a then b, as PDF matrices [a b c d e f]. */
export function multiply(b: Matrix, a: Matrix): number[] {
  return [
    b[0]! * a[0]! + b[2]! * a[1]!,
    b[1]! * a[0]! + b[3]! * a[1]!,
    b[0]! * a[2]! + b[2]! * a[3]!,
    b[1]! * a[2]! + b[3]! * a[3]!,
    b[0]! * a[4]! + b[2]! * a[5]! + b[4]!,
    b[1]! * a[4]! + b[3]! * a[5]! + b[5]!,
  ];
}

/**
 * Places items on the page as displayed and groups them by direction, the one with most text first.
 * @param viewport the page's matrix from PDF space to the displayed page
 */
export function toDirections(
  items: readonly TextItem[],
  styles: Readonly<Record<string, FontStyle>>,
  viewport: Matrix,
): Direction[] {
  const groups = new Map<number, Run[]>();
  const seen = new Set<string>();
  let spaced = false;
  for (const item of items) {
    if (item.str.trim() === '') {
      spaced ||= item.str !== '';
      continue;
    }
    const placed = place(item, styles[item.fontName] ?? {}, viewport, spaced);
    spaced = /\s$/.test(item.str);
    if (!placed) continue;
    const { run, angle } = placed;
    // The same words struck twice at one place look bold; they are there once.
    const key = `${run.text}\u0000${angle}\u0000${Math.round(run.u0)}\u0000${Math.round(run.base)}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const group = groups.get(angle);
    if (group) group.push(run);
    else groups.set(angle, [run]);
  }
  const length = (runs: readonly Run[]) => runs.reduce((sum, run) => sum + run.text.length, 0);
  return [...groups]
    .map(([angle, runs]) => ({ angle, runs }))
    .sort((a, b) => length(b.runs) - length(a.runs) || a.angle - b.angle);
}

function place(
  item: TextItem,
  style: FontStyle,
  viewport: Matrix,
  spaced: boolean,
): { run: Run; angle: number } | undefined {
  const matrix = multiply(viewport, item.transform);
  if (!matrix.every(Number.isFinite)) return undefined;
  const [a, b, c, d, x, y] = matrix as [number, number, number, number, number, number];
  const along = Math.hypot(a, b);
  const size = Math.hypot(c, d) || along;
  if (size === 0) return undefined;
  const vertical = style.vertical === true;
  const scale = Math.hypot(viewport[0]!, viewport[1]!);
  const extent = Math.abs(vertical ? item.height : item.width) * scale;
  const turn = vertical ? Math.atan2(-d, -c) : along === 0 ? 0 : Math.atan2(b, a);
  const angle = (Math.round((turn * 180) / Math.PI / 5) * 5 + 360) % 360;
  const radians = (angle * Math.PI) / 180;
  const cos = Math.cos(radians);
  const sin = Math.sin(radians);
  const u = x * cos + y * sin;
  const v = -x * sin + y * cos;
  const ascent = bounded(style.ascent, 0.8);
  const descent = bounded(style.descent === undefined ? undefined : -style.descent, 0.2);
  const v0 = vertical ? v - size / 2 : v - size * ascent;
  const v1 = vertical ? v + size / 2 : v + size * descent;
  const [u0, u1] = [u, u + extent];
  const corner = (cu: number, cv: number): [number, number] => [cu * cos - cv * sin, cu * sin + cv * cos];
  const corners = [corner(u0, v0), corner(u1, v0), corner(u0, v1), corner(u1, v1)];
  const xs = corners.map(([cx]) => cx);
  const ys = corners.map(([, cy]) => cy);
  const box = { x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs), y1: Math.max(...ys) };
  const text = plainGlyphs(item.str).trim();
  return {
    run: { text, u0, u1, v0, v1, base: v, size, font: item.fontName, rtl: item.dir === 'rtl', spaced, box },
    angle,
  };
}

/**
 * Old-style figures and small capitals, which the Adobe Glyph List keeps in the private use area, as plain ones. Control
 * characters stand for glyphs without a meaning in Unicode, most often spaces.
 */
function plainGlyphs(text: string): string {
  return text

    .replace(/[\u0000-\u001f]/g, ' ')
    .replace(/[\uf730-\uf739\uf761-\uf77a]/g, (char) => String.fromCharCode(char.charCodeAt(0) & 0x7f));
}

/** Fonts may say nothing, or nonsense, of their height. */
function bounded(value: number | undefined, otherwise: number): number {
  return value !== undefined && value > 0 && value <= 1.5 ? value : otherwise;
}
