import type { BlockKind } from '../../../core/document.js';
import { BlockWriter } from '../block-writer.js';
import { oneLine, plainText, trimLines } from '../ooxml/text.js';
import type { LeftOuts } from '../ooxml/warnings.js';
import type { XmlElement } from '../xml/elements.js';
import { childOf, childrenOf, descend } from '../xml/read.js';
import { alternative, type Inline, InlineReader, type NoteRef } from './inline.js';
import type { Numbering } from './numbering.js';
import { numberingOf, outlineOf, type ParagraphStyle, styleIdOf, type Styles } from './styles.js';
import { isLayout, paragraphsIn, tableRows, tableText } from './table.js';

export interface DocumentParts {
  readonly styles: Styles;
  readonly numbering: Numbering;
  readonly leftOut: LeftOuts;
  /** The note's element. */
  readonly note: (ref: NoteRef) => XmlElement | undefined;
  /** Writes what a chart or diagram says; the element refers to its part. */
  readonly drawn: (element: XmlElement, out: BlockWriter) => Promise<void>;
}

/** Writes what stands in a document's body, block by block, in the document's order. */
export class DocumentWriter {
  readonly out = new BlockWriter();
  /** The first paragraph in the style for titles. */
  title: string | undefined;
  readonly #parts: DocumentParts;
  readonly #reader: InlineReader;
  readonly #noteReader: InlineReader;
  /** A paragraph whose end is deleted goes on with the next one. */
  #carried: Inline | undefined;
  #code: string[] = [];

  constructor(parts: DocumentParts) {
    this.#parts = parts;
    this.#reader = new InlineReader(parts.styles, parts.leftOut);
    this.#noteReader = new InlineReader(parts.styles, parts.leftOut);
  }

  /** @param element a child of `w:body`, or of anything else that holds blocks */
  async write(element: XmlElement): Promise<void> {
    switch (element.name) {
      case 'w:p':
        return this.#paragraph(element);
      case 'w:tbl':
        return this.#table(element);
      case 'w:sdt':
        return this.#all(childOf(element, 'w:sdtContent'));
      case 'w:customXml':
      case 'w:ins':
      case 'w:moveTo':
        return this.#all(element);
      case 'mc:AlternateContent':
        return this.#all(alternative(element));
      case 'w:altChunk':
        return this.#parts.leftOut.add('embedded_documents_left_out');
      case 'm:oMath':
      case 'm:oMathPara':
        return this.#words('paragraph', this.#reader.read({ name: 'w:p', attributes: {}, children: [element] }));
      default:
        return;
    }
  }

  /** Ends the text; call it once, last. */
  async end(): Promise<void> {
    const last = this.#carried;
    this.#carried = undefined;
    if (last) await this.#words('paragraph', last);
    this.#endCode();
  }

  async #all(element: XmlElement | undefined): Promise<void> {
    for (const child of childrenOf(element)) await this.write(child);
  }

  async #paragraph(paragraph: XmlElement): Promise<void> {
    const properties = childOf(paragraph, 'w:pPr');
    const style = this.#parts.styles.paragraph(styleIdOf(properties, 'w:pStyle'));
    const inline = joined(this.#carried, this.#reader.read(paragraph, style.hidden));
    this.#carried = undefined;
    if (descend(properties, 'w:rPr', 'w:del')) {
      this.#carried = inline;
      return;
    }
    const outline = outlineOf(properties) ?? style.outline;
    const label = this.#label(properties, style);
    if (style.role === 'code' && inline.beside.length === 0 && inline.notes.length === 0) {
      this.#code.push(plainText(inline.text));
      return;
    }
    if (style.role === 'title' && trimLines(inline.text) !== '') this.title ??= oneLine(inline.text);
    if (style.role === 'title' || (outline !== undefined && outline <= 9)) {
      const level = style.role === 'title' ? 1 : Math.min(6, outline!);
      return this.#words('heading', prefixed(label, inline), { level });
    }
    const kind: BlockKind = style.role === 'quote' ? 'quote' : label === undefined ? 'paragraph' : 'list_item';
    return this.#words(kind, inline, label === undefined ? {} : { marker: label });
  }

  /** The paragraph's sign in a list, with the space after it; undefined outside of lists. Counts it. */
  #label(properties: XmlElement | undefined, style: ParagraphStyle): string | undefined {
    const { id, level = 0 } = { ...style.numbering, ...numberingOf(properties) };
    if (id === undefined || id === '0') return undefined;
    const sign = this.#parts.numbering.next(id, level);
    if (sign === undefined || sign === '') return undefined;
    return `${'  '.repeat(Math.min(Math.max(level, 0), 8))}${oneLine(sign)} `;
  }

  async #words(kind: BlockKind, inline: Inline, options: { level?: number; marker?: string } = {}): Promise<void> {
    this.#endCode();
    const text = plainText(inline.text);
    const words = trimLines(text);
    const lead = text.length - text.trimStart().length;
    const marker = words === '' ? '' : (options.marker ?? '');
    const span = words === '' ? undefined : this.out.block(kind, words, { ...options, marker });
    for (const { offset, alt } of inline.images) {
      const own = span ? undefined : this.out.block('figure', alt);
      const at = span ? Math.min(span.end, span.start + marker.length + Math.max(0, offset - lead)) : own?.start;
      this.out.images.push({ at: at ?? this.out.builder.length, alt });
    }
    for (const element of inline.beside) {
      if (element.name === 'w:txbxContent') await this.#all(element);
      else await this.#parts.drawn(element, this.out);
    }
    this.#notes(inline.notes);
  }

  async #table(table: XmlElement): Promise<void> {
    this.#endCode();
    const rows = tableRows(table);
    if (isLayout(rows)) {
      for (const { cells } of rows) for (const cell of cells) await this.#all(cell);
      return;
    }
    const inlines: Inline[] = [];
    const text = tableText(table, rows, (cell) => {
      const texts = [...paragraphsIn(cell)].map((paragraph) => {
        const properties = childOf(paragraph, 'w:pPr');
        const style = this.#parts.styles.paragraph(styleIdOf(properties, 'w:pStyle'));
        const inline = this.#reader.read(paragraph, style.hidden);
        inlines.push(inline);
        const words = inline.text.trim() === '' ? inline.images.map(({ alt }) => alt).join(' ') : inline.text;
        const label = this.#label(properties, style) ?? '';
        return words.trim() === '' ? '' : oneLine(label + words);
      });
      return texts.filter((line) => line !== '').join(' ');
    });
    this.out.table(text);
    for (const { beside, images, notes } of inlines) {
      for (const { alt } of images) this.out.images.push({ at: this.out.builder.length, alt });
      for (const element of beside) await this.#parts.drawn(element, this.out);
      this.#notes(notes);
    }
  }

  /** Notes follow the block that refers to them: what they explain and they are found together. */
  #notes(refs: readonly NoteRef[]): void {
    for (const ref of refs) {
      const note = this.#parts.note(ref);
      if (!note) continue;
      const texts = [...paragraphsIn(note)].map((paragraph) => oneLine(this.#noteReader.read(paragraph).text));
      const words = texts.filter((text) => text !== '').join(' ');
      if (words !== '') this.out.block('paragraph', ref.mark === '' ? words : `${ref.mark} ${words}`);
    }
  }

  /** Paragraphs in a style for code, one below the other, are one block. */
  #endCode(): void {
    const lines = this.#code;
    this.#code = [];
    const code = lines
      .join('\n')
      .replace(/^(?:[ \t]*\n)+/, '')
      .trimEnd();
    if (code.trim() !== '') this.out.block('code', code);
  }
}

function joined(first: Inline | undefined, second: Inline): Inline {
  if (!first) return second;
  const shift = first.text.length;
  return {
    text: first.text + second.text,
    images: [...first.images, ...second.images.map(({ offset, alt }) => ({ offset: offset + shift, alt }))],
    notes: [...first.notes, ...second.notes],
    beside: [...first.beside, ...second.beside],
  };
}

/** A heading's number is part of its words. */
function prefixed(label: string | undefined, inline: Inline): Inline {
  if (label === undefined || label.trim() === '-') return inline;
  return joined({ text: label.trimStart(), images: [], notes: [], beside: [] }, inline);
}
