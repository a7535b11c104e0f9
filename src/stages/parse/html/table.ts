import type { TableText } from '../block-writer.js';
import { type Element, flatText, isElement, walk } from './dom.js';

/** A cell with more text than this, or with structure of its own, is a place on a page and not a value. */
const CELL_CHARS = 1200;
const STRUCTURE = /^(?:h[1-6]|pre|blockquote|article|section|form|figure|hr)$/;

/** The rows of a table of data; undefined for one that only lays out a page. */
export function tableRows(table: Element): TableText | undefined {
  if (/^(?:presentation|none)$/.test(table.attribs.role ?? '')) return undefined;
  const rows: { cells: { text: string; head: boolean }[]; head: boolean }[] = [];
  let caption: string | undefined;
  let layout = false;
  let marked = false;
  let paragraphs = 0;
  let inHead = 0;
  walk(
    table,
    (node) => {
      if (!isElement(node) || layout) return false;
      if (node.name === 'table' || STRUCTURE.test(node.name)) layout = true;
      else if (node.name === 'caption') {
        caption = flatText(node);
        marked = true;
        return false;
      } else if (node.name === 'thead') inHead += 1;
      else if (node.name === 'tr') rows.push({ cells: [], head: inHead > 0 });
      else if (node.name === 'td' || node.name === 'th') {
        const text = flatText(node);
        if (node.name === 'th') marked = true;
        if (text.length > CELL_CHARS) layout = true;
        rows.at(-1)?.cells.push({ text, head: node.name === 'th' });
      } else if (node.name === 'p') paragraphs += 1;
      return !layout;
    },
    (element) => {
      if (element.name === 'thead') inHead -= 1;
    },
  );
  const filled = rows.filter((row) => row.cells.some((cell) => cell.text !== ''));
  const columns = filled.reduce((most, row) => Math.max(most, row.cells.length), 0);
  const cells = filled.reduce((sum, row) => sum + row.cells.length, 0);
  if (layout || columns < 2 || filled.length === 0) return undefined;
  if (!marked && (filled.length < 2 || paragraphs > cells)) return undefined;
  const isHeader = (row: (typeof rows)[number]) => row.head || row.cells.every((cell) => cell.head || cell.text === '');
  const first = filled.findIndex((row) => !isHeader(row));
  const count = first === -1 ? 1 : first;
  const texts = filled.map((row) => row.cells.map((cell) => cell.text));
  return { ...(caption && { caption }), header: texts.slice(0, count), body: texts.slice(count) };
}
