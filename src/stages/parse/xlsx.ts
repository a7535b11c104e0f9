import type { Warning } from '../../core/document.js';
import type { Element } from './html/dom.js';
import { corrupt, type Parts, readParts } from './office/archive.js';
import { cellFormats, type Formats } from './office/cell-formats.js';
import { written } from './office/written.js';
import {
  attribute,
  childOf,
  childrenOf,
  escapeHtml,
  localName,
  readXml,
  relationsOf,
  textOf,
  titleOf,
} from './office/xml.js';
import type { ParsedContent, ParserInput } from './parser.js';

const WORKBOOK = 'xl/workbook.xml';
/** What the program calls sheets that nobody named. */
const UNNAMED = /^(?:sheet|tabelle|feuil|hoja|foglio|planilha|blad|лист|工作表|シート)\s?\d*$/iu;
/** Cells of a workbook that are read; beyond it is data for a database. */
const MAX_CELLS = 500_000;

/** Excel (Office Open XML): a table a sheet, under its name; values as they are shown, formulas by their results. */
export function parseXlsx({ bytes }: ParserInput): ParsedContent {
  const parts = readParts(
    bytes,
    (name) => /^(?:xl|docProps)\/.*\.(?:xml|rels)$/i.test(name) && !/\/(?:drawings|charts|media)\//.test(name),
  );
  const workbook = readXml(parts, WORKBOOK);
  if (!workbook) throw corrupt('it has no workbook');
  const relations = relationsOf(parts, WORKBOOK);
  const properties = childOf(workbook, 'workbookPr');
  const book: Book = {
    strings: sharedStrings(parts),
    formats: cellFormats(
      readXml(parts, 'xl/styles.xml'),
      /^(?:1|true)$/.test((properties && attribute(properties, 'date1904')) ?? ''),
    ),
    left: MAX_CELLS,
  };
  const html: string[] = [];
  const hidden: string[] = [];
  const sheets = childOf(workbook, 'sheets');
  for (const entry of sheets ? childrenOf(sheets, 'sheet') : []) {
    const name = attribute(entry, 'name') ?? 'Sheet';
    if (/^(?:hidden|veryHidden)$/.test(attribute(entry, 'state') ?? '')) {
      hidden.push(name);
      continue;
    }
    const path = relations.get(entry.attribs['r:id'] ?? attribute(entry, 'id') ?? '')?.target;
    const sheet = path === undefined ? undefined : readXml(parts, path);
    if (sheet) html.push(UNNAMED.test(name) ? '' : `<h2>${escapeHtml(name)}</h2>`, sheetHtml(sheet, book));
  }
  const warnings: Warning[] = [];
  if (hidden.length > 0) {
    warnings.push({
      code: 'hidden_left_out',
      message: `Hidden sheets are not part of the text: ${hidden.join(', ')}.`,
    });
  }
  if (book.left <= 0) {
    warnings.push({ code: 'cells_left_out', message: `Only the first ${MAX_CELLS} cells are part of the text.` });
  }
  if ([...parts.keys()].some((name) => /^xl\/(?:comments|threadedComments)/.test(name))) {
    warnings.push({ code: 'comments_left_out', message: 'Comments on cells are not part of the text.' });
  }
  return written(html.join('\n'), titleOf(parts), warnings);
}

interface Book {
  readonly strings: readonly string[];
  readonly formats: Formats;
  /** Cells that may still be read. */
  left: number;
}

function sharedStrings(parts: Parts): string[] {
  const root = readXml(parts, 'xl/sharedStrings.xml');
  return root ? childrenOf(root, 'si').map(richText) : [];
}

/** Plain or in runs; phonetic readings beside the text are not part of it. */
function richText(item: Element): string {
  return childrenOf(item)
    .map((child) => {
      if (localName(child) === 't') return textOf(child);
      return localName(child) === 'r' ? childrenOf(child, 't').map(textOf).join('') : '';
    })
    .join('');
}

function sheetHtml(sheet: Element, book: Book): string {
  const data = childOf(sheet, 'sheetData');
  const rows: Map<number, string>[] = [];
  const columns = new Set<number>();
  for (const row of data ? childrenOf(data, 'row') : []) {
    const cells = new Map<number, string>();
    let next = 0;
    for (const cell of childrenOf(row, 'c')) {
      if ((book.left -= 1) < 0) break;
      const column = columnOf(attribute(cell, 'r')) ?? next;
      next = column + 1;
      const text = valueOf(cell, book).trim();
      if (text === '') continue;
      cells.set(column, text);
      columns.add(column);
    }
    if (cells.size > 0) rows.push(cells);
  }
  const order = [...columns].sort((a, b) => a - b);
  const lines = rows.map((cells, at) => {
    const tag = at === 0 ? 'th' : 'td';
    return `<tr>${order.map((column) => `<${tag}>${escapeHtml(cells.get(column) ?? '')}</${tag}>`).join('')}</tr>`;
  });
  return `<table>${lines.join('')}</table>`;
}

function valueOf(cell: Element, { strings, formats }: Book): string {
  const type = attribute(cell, 't') ?? 'n';
  if (type === 'inlineStr') {
    const inline = childOf(cell, 'is');
    return inline ? richText(inline) : '';
  }
  const value = childOf(cell, 'v');
  if (!value) return '';
  const raw = textOf(value);
  if (type === 's') return strings[Number(raw)] ?? '';
  if (type === 'b') return raw === '1' ? 'TRUE' : 'FALSE';
  if (type !== 'n') return raw;
  return formats.show(Number(raw), attribute(cell, 's'));
}

/** `BC12` → 54 */
function columnOf(reference: string | undefined): number | undefined {
  const letters = /^[A-Z]{1,3}/.exec(reference ?? '')?.[0];
  if (letters === undefined) return undefined;
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}
