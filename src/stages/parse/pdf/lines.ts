import type { Box } from '../../../core/span.js';
import type { Run } from './items.js';
import type { Line, Segment } from './layout.js';

/** Gap, in font sizes, that is a space between words. pdf.js has already put spaces inside its runs. */
const SPACE = 0.14;
/** Scripts without spaces between words. Korean has them. */
const WIDE = /[\u2e80-\u312f\u3190-\u9fff\uf900-\ufaff\uff00-\uff60]/;

/** The words of a line in logical order. */
export function lineText(line: Line): string {
  return line.segments.map(segmentText).join(' ').replace(/\s+/g, ' ').trim();
}

export function segmentText(segment: Segment): string {
  const rtl = segment.runs.filter((run) => run.rtl).length * 2 > segment.runs.length;
  const runs = rtl ? fromTheRight(segment.runs) : segment.runs;
  let text = '';
  runs.forEach((run, index) => {
    const before = runs[index - 1];
    if (before && hasSpace(before, run)) text += ' ';
    text += run.text;
  });
  return text.replace(/\s+/g, ' ').trim();
}

export function lineBox(line: Line): Box {
  const boxes = line.segments.flatMap((segment) => segment.runs.map((run) => run.box));
  return unionBox(boxes);
}

export function unionBox(boxes: readonly Box[]): Box {
  const round = (value: number) => Math.round(value * 100) / 100;
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const box of boxes) {
    x0 = Math.min(x0, box.x0);
    y0 = Math.min(y0, box.y0);
    x1 = Math.max(x1, box.x1);
    y1 = Math.max(y1, box.y1);
  }
  return { x0: round(x0), y0: round(y0), x1: round(x1), y1: round(y1) };
}

/** What stands between two lines of a paragraph, and whether the first one's hyphen goes. */
export function seam(before: string, after: string): { readonly join: string; readonly drop: number } {
  if (/\p{L}\u00ad$/u.test(before)) return { join: '', drop: 1 };
  if (/\p{L}[-\u2010]$/u.test(before) && /^\p{Ll}/u.test(after)) return { join: '', drop: 1 };
  if (/[-\u2010/]$/.test(before) && /^[\p{L}\d]/u.test(after) && !/\s[-\u2010/]$/.test(before))
    return { join: '', drop: 0 };
  if (WIDE.test(before.slice(-1)) && WIDE.test(after.slice(0, 1))) return { join: '', drop: 0 };
  return { join: ' ', drop: 0 };
}

function hasSpace(before: Run, after: Run): boolean {
  const gap = Math.max(after.u0 - before.u1, before.u0 - after.u1);
  const size = Math.min(before.size, after.size);
  if (after.spaced && gap > 0.03 * size) return true;
  if (stacked(before, after)) return true;
  const wide = WIDE.test(before.text.slice(-1)) || WIDE.test(after.text.slice(0, 1));
  return gap > (wide ? 0.5 : SPACE) * size;
}

/** One above the other, set so tight that both are on one line: two words, however far they overlap. */
function stacked(a: Run, b: Run): boolean {
  if (Math.min(a.text.length, b.text.length) < 3) return false;
  const shared = Math.min(a.u1, b.u1) - Math.max(a.u0, b.u0);
  const apart = Math.abs(a.base - b.base) > 0.2 * Math.min(a.size, b.size);
  return apart && shared > 0.5 * Math.min(a.u1 - a.u0, b.u1 - b.u0);
}

/** Right to left; runs of the other direction keep their own order among themselves. */
function fromTheRight(runs: readonly Run[]): Run[] {
  const ordered: Run[] = [];
  let foreign: Run[] = [];
  for (const run of [...runs].reverse()) {
    if (run.rtl) {
      ordered.push(...foreign.reverse(), run);
      foreign = [];
    } else foreign.push(run);
  }
  return [...ordered, ...foreign.reverse()];
}
