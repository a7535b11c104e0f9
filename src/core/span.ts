/** A half-open range of UTF-16 code units into `ParsedDocument.text`: `text.slice(start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A rectangle on a page or image. PDF: points (1/72 inch), origin at the top left of the page as displayed. Images: pixels. */
export interface Box {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

export function overlaps(a: Span, b: Span): boolean {
  return a.start < b.end && b.start < a.end;
}
