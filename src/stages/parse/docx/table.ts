import type { TableText } from '../block-writer.js';
import type { XmlElement } from '../xml/elements.js';
import { childrenOf, descend, descendantsOf, integer, isOn, textOf } from '../xml/read.js';

/** A cell with more text than this, or with structure of its own, is a place on a page and not a value. */
const CELL_CHARS = 1200;
/** A header's cells are names. */
const HEADER_CHARS = 120;
/** Columns that are merged into one cell, at most: a file may say any number. */
const MAX_SPAN = 63;

/** A row's cells, and what its properties say. */
interface Row {
  readonly cells: readonly XmlElement[];
  readonly header: boolean;
}

/** The rows of a table (`w:tbl`) without those whose deletion is tracked. */
export function tableRows(table: XmlElement): Row[] {
  return [...within(table, 'w:tr')]
    .filter((row) => !descend(row, 'w:trPr', 'w:del'))
    .map((row) => {
      const header = descend(row, 'w:trPr', 'w:tblHeader');
      return {
        cells: [...within(row, 'w:tc')],
        header: header !== undefined && isOn(header.attributes['w:val'], true),
      };
    });
}

/** Rows of a table and cells of a row may stand in content controls and tracked insertions. */
function* within(element: XmlElement, name: 'w:tr' | 'w:tc'): Generator<XmlElement> {
  for (const child of childrenOf(element)) {
    if (child.name === name) yield child;
    else if (/^w:(?:sdt|sdtContent|customXml|ins|moveTo)$/.test(child.name)) yield* within(child, name);
  }
}

/** Whether a table only lays out a page: it nests, has one column or row, or cells as long as paragraphs. */
export function isLayout(rows: readonly Row[]): boolean {
  const filled = rows.filter(({ cells }) => cells.some((cell) => charsIn(cell) > 0));
  if (filled.length < 2 || Math.max(...filled.map(({ cells }) => cells.length)) < 2) return true;
  return filled.some(({ cells }) => cells.some((cell) => charsIn(cell) > CELL_CHARS || nests(cell)));
}

function charsIn(cell: XmlElement): number {
  let chars = 0;
  for (const element of descendantsOf(cell)) if (element.name === 'w:t') chars += textOf(element).trim().length;
  return chars;
}

function nests(cell: XmlElement): boolean {
  for (const { name } of descendantsOf(cell)) if (name === 'w:tbl' || name === 'w:txbxContent') return true;
  return false;
}

/**
 * A table of values as text.
 * @param textIn a cell's text on one line
 */
export function tableText(table: XmlElement, rows: readonly Row[], textIn: (cell: XmlElement) => string): TableText {
  const lines: { cells: readonly string[]; header: boolean }[] = [];
  for (const { cells, header } of rows) {
    const line = cells.flatMap((cell) => {
      const text = continues(cell) ? '' : textIn(cell);
      const covered = (integer(descend(cell, 'w:tcPr', 'w:gridSpan')?.attributes['w:val']) ?? 1) - 1;
      return [text, ...Array.from({ length: Math.min(Math.max(covered, 0), MAX_SPAN) }, () => '')];
    });
    if (line.some((text) => text !== '')) lines.push({ cells: line, header });
  }
  const marked = lines.findIndex(({ header }) => !header);
  const header =
    marked === -1 ? 1 : marked > 0 ? marked : saysHeader(table) && looksLikeHeader(lines[0]?.cells) ? 1 : 0;
  const texts = lines.map(({ cells }) => cells);
  return { header: texts.slice(0, header), body: texts.slice(header) };
}

/** Goes on with the cell above, which has the text. */
function continues(cell: XmlElement): boolean {
  const merge = descend(cell, 'w:tcPr', 'w:vMerge');
  return merge !== undefined && merge.attributes['w:val'] !== 'restart';
}

/** The first row is set apart by the table's style, which is the default (ECMA-376 part 1, 17.4.55). */
function saysHeader(table: XmlElement): boolean {
  const look = descend(table, 'w:tblPr', 'w:tblLook')?.attributes;
  if (!look) return false;
  if (look['w:firstRow'] !== undefined) return isOn(look['w:firstRow'], false);
  return (Number.parseInt(look['w:val'] ?? '0', 16) & 0x20) !== 0;
}

function looksLikeHeader(cells: readonly string[] | undefined): boolean {
  return (
    cells !== undefined &&
    cells.every((cell) => cell.length <= HEADER_CHARS) &&
    cells.some((cell) => /\p{L}/u.test(cell))
  );
}

/** Paragraphs of a cell, in content controls too. */
export function* paragraphsIn(cell: XmlElement): Generator<XmlElement> {
  for (const child of childrenOf(cell)) {
    if (child.name === 'w:p') yield child;
    else if (child.name !== 'w:del' && child.name !== 'w:moveFrom') yield* paragraphsIn(child);
  }
}
