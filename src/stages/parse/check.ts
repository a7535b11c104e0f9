import type { ParsedDocument } from '../../core/document.js';
import type { Span } from '../../core/span.js';

/** Every way in which a parser's output breaks its contract (law 1); empty when it keeps it. */
export function violations(parsed: ParsedDocument): string[] {
  const { text } = parsed;
  const found: string[] = [];
  if (!text.isWellFormed()) found.push('the text has lone surrogates');
  else if (text.normalize('NFC') !== text) found.push('the text is not NFC');

  if (/[\u0000-\u0008\u000b-\u001f]/.test(text)) found.push('the text has control characters');
  inOrder('block', parsed.blocks, text, found);
  parsed.blocks.forEach((block, index) => {
    if (block.span.start === block.span.end) found.push(`block ${index} is empty`);
    if (block.kind === 'heading' && !(block.level && block.level >= 1 && block.level <= 6 && block.title)) {
      found.push(`heading ${index} lacks its level or title`);
    }
    if (block.header) within(`header of block ${index}`, block.header, block.span, found);
    for (const part of block.parts ?? []) within(`part of block ${index}`, part, block.span, found);
    inOrder(
      `part of block ${index}`,
      (block.parts ?? []).map((span) => ({ span })),
      text,
      found,
    );
  });
  inOrder('page', parsed.pages ?? [], text, found);
  parsed.pages?.forEach((page, index) => {
    if (page.number !== index + 1) found.push(`page ${index + 1} is numbered ${page.number}`);
    if (!(page.width > 0 && page.height > 0)) found.push(`page ${page.number} has no size`);
  });
  inOrder('region', parsed.regions ?? [], text, found);
  for (const region of parsed.regions ?? []) {
    const page = parsed.pages?.[region.page - 1];
    if (!page) found.push(`a region is on page ${region.page}, which there is not`);
    else within(`region on page ${region.page}`, region.span, page.span, found);
    const { x0, y0, x1, y1 } = region.box;
    const onPage = page === undefined || (x0 >= 0 && y0 >= 0 && x1 <= page.width && y1 <= page.height);
    if (!(x0 <= x1 && y0 <= y1 && onPage))
      found.push(`a region on page ${region.page} has the box ${JSON.stringify(region.box)}`);
  }
  for (const image of parsed.images) {
    if (!(image.at >= 0 && image.at <= text.length)) found.push(`an image stands at ${image.at}`);
  }
  return found;
}

function inOrder(what: string, items: readonly { readonly span: Span }[], text: string, found: string[]): void {
  let end = 0;
  items.forEach(({ span }, index) => {
    if (!(Number.isInteger(span.start) && span.start <= span.end)) found.push(`${what} ${index} is no span`);
    if (span.start < end) found.push(`${what} ${index} begins at ${span.start}, before ${end}`);
    if (span.end > text.length) found.push(`${what} ${index} ends at ${span.end} of ${text.length}`);
    if (splitsPair(text, span.start) || splitsPair(text, span.end))
      found.push(`${what} ${index} cuts a surrogate pair`);
    end = Math.max(end, span.end);
  });
}

function splitsPair(text: string, at: number): boolean {
  return (text.charCodeAt(at - 1) & 0xfc00) === 0xd800 && (text.charCodeAt(at) & 0xfc00) === 0xdc00;
}

function within(what: string, inner: Span, outer: Span, found: string[]): void {
  if (inner.start < outer.start || inner.end > outer.end) found.push(`${what} leaves it`);
}
