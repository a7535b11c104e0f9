import type { BlockWriter } from '../block-writer.js';
import type { XmlElement } from '../xml/elements.js';
import { childOf, childrenOf, descend, descendantsOf, integer, textOf } from '../xml/read.js';
import type { OfficePackage, Relationship } from './package.js';
import { oneLine } from './text.js';

/**
 * Writes what a chart (`c:chart`) or diagram (`dgm:relIds`) says: a chart as the table of its values, a diagram as a
 * list of its texts. Nothing when its part is missing.
 * @param relationships of the part that the element stands in
 */
export async function writeGraphic(
  document: OfficePackage,
  relationships: ReadonlyMap<string, Relationship>,
  element: XmlElement,
  out: BlockWriter,
): Promise<void> {
  const chart = element.name === 'c:chart';
  const relation = relationships.get(element.attributes[chart ? 'r:id' : 'r:dm'] ?? '');
  if (!relation || relation.external || !document.has(relation.target)) return;
  const root = await document.root(relation.target);
  if (chart) writeChart(root, out);
  else for (const text of diagramTexts(root)) out.block('list_item', text, { marker: '- ' });
}

/** The text of DrawingML below an element, its paragraphs parted by spaces. */
function drawnText(element: XmlElement | undefined): string {
  if (element === undefined) return '';
  const paragraphs = [...descendantsOf(element)].filter(({ name }) => name === 'a:p');
  return oneLine(paragraphs.map(runsOf).join(' '));
}

/** The text of a DrawingML paragraph (`a:p`): line breaks are line feeds. */
function runsOf(paragraph: XmlElement): string {
  const pieces: string[] = [];
  for (const child of childrenOf(paragraph)) {
    if (child.name === 'a:r' || child.name === 'a:fld') pieces.push(textOf(childOf(child, 'a:t')));
    else if (child.name === 'a:br') pieces.push('\n');
  }
  return pieces.join('');
}

function* diagramTexts(root: XmlElement): Generator<string> {
  for (const point of childrenOf(childOf(root, 'dgm:ptLst'), 'dgm:pt')) {
    const text = drawnText(childOf(point, 'dgm:t'));
    if (text !== '') yield text;
  }
}

/** Values that the chart keeps of its data (ECMA-376 part 1, 21.2.2): a row a category, a column a series. */
function writeChart(root: XmlElement, out: BlockWriter): void {
  const chart = childOf(root, 'c:chart');
  const title = drawnText(childOf(chart, 'c:title')) || cached(descend(chart, 'c:title', 'c:tx')).join(' ');
  const series = [...descendantsOf(childOf(chart, 'c:plotArea') ?? root)].filter(({ name }) => name === 'c:ser');
  const categories =
    series.map((one) => cached(childOf(one, 'c:cat') ?? childOf(one, 'c:xVal'))).find((list) => list.length > 0) ?? [];
  const columns = series.map((one) => cached(childOf(one, 'c:val') ?? childOf(one, 'c:yVal')));
  const names = series.map((one) => cached(childOf(one, 'c:tx')).join(' ') || textOf(descend(one, 'c:tx', 'c:v')));
  const count = Math.max(categories.length, ...columns.map((column) => column.length), 0);
  const body = Array.from({ length: count }, (_, row) => [
    oneLine(categories[row] ?? ''),
    ...columns.map((column) => oneLine(column[row] ?? '')),
  ]).filter((row) => row.some((cell) => cell !== ''));
  const header = names.some((name) => name !== '') ? [['', ...names.map(oneLine)]] : [];
  if (body.length > 0) out.table({ ...(title !== '' && { caption: title }), header, body });
  else if (title !== '') out.block('figure', title);
}

/** More points than any chart shows. */
const MAX_POINTS = 100_000;

/** The points of a reference's cache, at their indexes. */
function cached(reference: XmlElement | undefined): string[] {
  const points: string[] = [];
  if (!reference) return points;
  for (const element of descendantsOf(reference)) {
    if (element.name !== 'c:pt') continue;
    const index = integer(element.attributes['idx']) ?? points.length;
    if (index < 0 || index >= MAX_POINTS) continue;
    while (points.length < index) points.push('');
    points[index] = textOf(childOf(element, 'c:v'));
  }
  return points;
}
