/**
 * A small PDF writer for the samples and fixtures: standard Helvetica, text at positions, ruled lines. ASCII only.
 * Format: ISO 32000-1. Deterministic: no dates, no random ids.
 */

// Advance widths of Helvetica, characters 32 to 126, in 1/1000 em (Adobe Core 14 AFM).
const WIDTHS =
  '278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 584 584 584 556 ' +
  '1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 ' +
  '333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584';
const ADVANCE = WIDTHS.split(' ').map(Number);

export type Font = 'regular' | 'bold';

export function textWidth(text: string, size: number): number {
  let width = 0;
  for (const char of text) width += ADVANCE[char.charCodeAt(0) - 32] ?? 556;
  return (width * size) / 1000;
}

/** Breaks words into lines of at most `width` points. */
function wrap(text: string, size: number, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && textWidth(`${line} ${word}`, size) <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A page's drawing; coordinates in points from the top left. */
export class PdfPage {
  readonly content: string[] = [];

  constructor(
    readonly width = 595,
    readonly height = 842,
    readonly rotate = 0,
  ) {}

  text(x: number, y: number, text: string, size = 10, font: Font = 'regular'): this {
    const escaped = text.replace(/[\\()]/g, '\\$&');
    this.content.push(`BT /${font === 'bold' ? 'F2' : 'F1'} ${size} Tf 1 0 0 1 ${x} ${this.height - y} Tm (${escaped}) Tj ET`);
    return this;
  }

  line(x0: number, y0: number, x1: number, y1: number, width = 0.5): this {
    this.content.push(`${width} w ${x0} ${this.height - y0} m ${x1} ${this.height - y1} l S`);
    return this;
  }

  /** Lines of a paragraph from `y` down; returns the y after it. */
  paragraph(x: number, y: number, width: number, text: string, size = 10, leading = 13): number {
    let at = y;
    for (const line of wrap(text, size, width)) {
      this.text(x, at, line, size);
      at += leading;
    }
    return at;
  }
}

export function writePdf(pages: readonly PdfPage[], info: { title?: string; language?: string } = {}): Buffer {
  const objects: string[] = [];
  const add = (body: string) => objects.push(body);
  const first = 6;
  const kids = pages.map((_, index) => `${first + index * 2} 0 R`).join(' ');
  const language = info.language === undefined ? '' : ` /Lang (${info.language})`;
  add(`<< /Type /Catalog /Pages 2 0 R${language} >>`);
  add(`<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`);
  add('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>');
  add('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>');
  add(info.title === undefined ? '<< >>' : `<< /Title (${info.title.replace(/[\\()]/g, '\\$&')}) >>`);
  pages.forEach((page, index) => {
    const content = page.content.join('\n');
    const box = `[0 0 ${page.width} ${page.height}]`;
    const resources = '<< /Font << /F1 3 0 R /F2 4 0 R >> >>';
    const contentRef = `${first + index * 2 + 1} 0 R`;
    add(
      `<< /Type /Page /Parent 2 0 R /MediaBox ${box} /Rotate ${page.rotate} /Resources ${resources} /Contents ${contentRef} >>`,
    );
    add(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
  });
  let file = '%PDF-1.7\n';
  const offsets = objects.map((body, index) => {
    const offset = file.length;
    file += `${index + 1} 0 obj\n${body}\nendobj\n`;
    return offset;
  });
  const start = file.length;
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}`;
  file += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info 5 0 R >>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(file, 'latin1');
}
