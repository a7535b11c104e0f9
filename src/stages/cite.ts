import type { Anchor, Region } from '../core/document.js';
import { FootnoteError } from '../core/errors.js';
import type { Box, Span } from '../core/span.js';
import { overlaps } from '../core/span.js';
import { countLines, keepsLines, withLines } from './cite/lines.js';

/** Characters of text kept before and after a quote. */
const CONTEXT = 32;

/** A selector of the W3C Web Annotation Data Model (2017). Offsets count Unicode code points, as that standard says. */
export type Selector =
  | { readonly type: 'TextPositionSelector'; readonly start: number; readonly end: number }
  | { readonly type: 'TextQuoteSelector'; readonly exact: string; readonly prefix: string; readonly suffix: string }
  | { readonly type: 'FragmentSelector'; readonly conformsTo: string; readonly value: string };

export interface PageBox extends Box {
  /** 1-based. */
  readonly page: number;
}

/** A claim that anyone can check: these words stand at this place of this revision. */
export interface Citation {
  /** Encodes document, revision and span; see `decodeCitationId`. */
  readonly id: string;
  readonly documentId: string;
  readonly revision: string;
  readonly source: string;
  readonly key: string;
  readonly uri?: string;
  readonly title?: string;
  readonly quote: string;
  /** UTF-16 code units of the normalized text: `text.slice(span.start, span.end) === quote`. */
  readonly span: Span;
  readonly selectors: readonly Selector[];
  /** First page, for paged documents. */
  readonly page?: number;
  /** Lines of the quote: points, origin at the top left of the page as displayed. */
  readonly boxes?: readonly PageBox[];
}

export interface CitationTarget {
  readonly documentId: string;
  readonly revision: string;
  readonly span: Span;
}

/** Number of Unicode code points in `text.slice(start, end)`. */
export function countCodePoints(text: string, start = 0, end = text.length): number {
  let count = end - start;
  for (let index = start; index < end - 1; index += 1) {
    if (isHighSurrogate(text.charCodeAt(index)) && isLowSurrogate(text.charCodeAt(index + 1))) {
      count -= 1;
      index += 1;
    }
  }
  return count;
}

/** What the citations of these spans need; one pass over the text. Spans may be in any order. */
export function anchorsOf(
  text: string,
  spans: readonly Span[],
  regions: readonly Region[] = [],
  parser = '',
): Anchor[] {
  const order = spans.map((_, index) => index).sort((a, b) => spans[a]!.start - spans[b]!.start);
  const anchors = new Array<Anchor>(spans.length);
  let at = 0;
  let codePoints = 0;
  const hasLines = keepsLines(parser);
  let line = 1;
  for (const index of order) {
    const span = spans[index]!;
    codePoints += countCodePoints(text, at, span.start);
    if (hasLines) line += countLines(text, at, span.start);
    at = span.start;
    const inside = regionsWithin(regions, span);
    anchors[index] = {
      codePointStart: codePoints,
      ...quoteContext(text, span),
      ...(inside.length > 0 ? { regions: inside } : {}),
      ...(hasLines ? { line } : {}),
    };
  }
  return anchors;
}

/** The anchor of a span inside another whose anchor is known; `text` is the outer span's own text. */
export function narrowAnchor(outer: Anchor, outerSpan: Span, text: string, inner: Span): Anchor {
  const from = inner.start - outerSpan.start;
  const to = inner.end - outerSpan.start;
  const context = quoteContext(outer.prefix + text + outer.suffix, {
    start: outer.prefix.length + from,
    end: outer.prefix.length + to,
  });
  const inside = regionsWithin(outer.regions ?? [], inner);
  return {
    codePointStart: outer.codePointStart + countCodePoints(text, 0, from),
    ...context,
    ...(inside.length > 0 ? { regions: inside } : {}),
    ...(outer.line === undefined ? {} : { line: outer.line + countLines(text, 0, from) }),
  };
}

export interface CitedPassage extends CitationTarget {
  readonly source: string;
  readonly key: string;
  readonly uri?: string;
  readonly title?: string;
  readonly quote: string;
  readonly anchor: Anchor;
}

export function cite(passage: CitedPassage): Citation {
  const { documentId, revision, source, key, span, quote, anchor } = passage;
  const end = anchor.codePointStart + countCodePoints(quote);
  const regions = anchor.regions ?? [];
  const page = regions[0]?.page;
  const selectors: Selector[] = [
    { type: 'TextPositionSelector', start: anchor.codePointStart, end },
    { type: 'TextQuoteSelector', exact: quote, prefix: anchor.prefix, suffix: anchor.suffix },
  ];
  if (page !== undefined) selectors.push(fragment(page, regions));
  return {
    id: encodeCitationId({ documentId, revision, span }),
    documentId,
    revision,
    source,
    key,
    ...(passage.uri === undefined ? {} : { uri: uriOf(passage.uri, anchor.line, quote) }),
    ...(passage.title === undefined ? {} : { title: passage.title }),
    quote,
    span,
    selectors,
    ...(page === undefined ? {} : { page, boxes: regions.map(({ page, box }) => ({ page, ...box })) }),
  };
}

/** Where the link names a file at a commit: its lines that hold the quote. */
function uriOf(uri: string, line: number | undefined, quote: string): string {
  return line === undefined ? uri : withLines(uri, line, line + countLines(quote.trimEnd()));
}

/** PDF open parameters (RFC 8118, section 3): the page, and the rectangle around the quote's lines on it. */
function fragment(page: number, regions: readonly Region[]): Selector {
  const boxes = regions.filter((region) => region.page === page).map((region) => region.box);
  const left = Math.min(...boxes.map((box) => box.x0));
  const top = Math.min(...boxes.map((box) => box.y0));
  const width = Math.max(...boxes.map((box) => box.x1)) - left;
  const height = Math.max(...boxes.map((box) => box.y1)) - top;
  const rect = [left, top, width, height].map((value) => Math.round(value * 100) / 100).join(',');
  return {
    type: 'FragmentSelector',
    conformsTo: 'http://tools.ietf.org/rfc/rfc8118',
    value: `page=${page}&viewrect=${rect}`,
  };
}

function regionsWithin(regions: readonly Region[], span: Span): Region[] {
  let low = 0;
  let high = regions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (regions[middle]!.span.end <= span.start) low = middle + 1;
    else high = middle;
  }
  const inside: Region[] = [];
  for (let index = low; index < regions.length && regions[index]!.span.start < span.end; index += 1) {
    if (overlaps(regions[index]!.span, span)) inside.push(regions[index]!);
  }
  return inside;
}

function quoteContext(text: string, span: Span): { prefix: string; suffix: string } {
  let from = Math.max(0, span.start - CONTEXT);
  if (from > 0 && isLowSurrogate(text.charCodeAt(from))) from += 1;
  let to = Math.min(text.length, span.end + CONTEXT);
  if (to < text.length && isHighSurrogate(text.charCodeAt(to - 1))) to -= 1;
  return { prefix: text.slice(from, span.start), suffix: text.slice(span.end, Math.max(span.end, to)) };
}

const ID_PREFIX = 'c1';

/** `c1` and base64url of: document (16 bytes), revision (16 bytes), start and length (LEB128). */
export function encodeCitationId(target: CitationTarget): string {
  const bytes = [
    ...Buffer.from(target.documentId.replaceAll('-', ''), 'hex'),
    ...Buffer.from(target.revision, 'hex'),
    ...varint(target.span.start),
    ...varint(target.span.end - target.span.start),
  ];
  return ID_PREFIX + Buffer.from(bytes).toString('base64url');
}

/** @throws FootnoteError invalid_request when the text is not a citation id */
export function decodeCitationId(id: string): CitationTarget {
  const fail = () => new FootnoteError('invalid_request', `Not a citation id: ${JSON.stringify(id.slice(0, 100))}.`);
  if (id.length <= 100 && /^c[2-9][A-Za-z0-9_-]+$/.test(id)) {
    const message = `The citation id ${JSON.stringify(id)} is of a newer version of Footnote: upgrade, or cite again.`;
    throw new FootnoteError('invalid_request', message);
  }
  if (id.length > 100 || !/^c1[A-Za-z0-9_-]+$/.test(id)) throw fail();
  const bytes = Buffer.from(id.slice(ID_PREFIX.length), 'base64url');
  if (bytes.length < 34) throw fail();
  const hex = bytes.subarray(0, 16).toString('hex');
  const numbers = readVarints(bytes.subarray(32));
  if (numbers?.length !== 2) throw fail();
  const target = {
    documentId: [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-'),
    revision: bytes.subarray(16, 32).toString('hex'),
    span: { start: numbers[0]!, end: numbers[0]! + numbers[1]! },
  };
  if (encodeCitationId(target) !== id) throw fail();
  return target;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
}

function readVarints(bytes: Uint8Array): number[] | undefined {
  const numbers: number[] = [];
  let value = 0;
  let scale = 1;
  for (const byte of bytes) {
    value += (byte & 0x7f) * scale;
    if (!Number.isSafeInteger(value)) return undefined;
    if (byte & 0x80) {
      scale *= 0x80;
    } else {
      numbers.push(value);
      value = 0;
      scale = 1;
    }
  }
  return scale === 1 ? numbers : undefined;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
