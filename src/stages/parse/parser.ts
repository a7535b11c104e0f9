import type { ParsedDocument } from '../../core/document.js';
import type { ParseHints } from '../../core/ports/processing.js';

export interface ParserInput {
  readonly bytes: Uint8Array;
  /** As detected from the content; one of the parser's `mimes`. */
  readonly mime: string;
  readonly hints: ParseHints;
}

/**
 * One format's parser: pure, the same input gives the same output. Offsets are carried from the source on (law 1), so a
 * parser either keeps the decoded source as its text or builds the text with a TextBuilder that yields the spans.
 */
export interface Parser {
  readonly name: string;
  /** Raised with every change of the output for any input (law 2); golden.test.ts holds it to that. */
  readonly version: number;
  /** The MIME types it reads, as `detect` names them. */
  readonly mimes: readonly string[];
  /** @throws FootnoteError password_required, password_wrong, corrupt_document, invalid_request (unknown charset) */
  parse(input: ParserInput): ParsedDocument | Promise<ParsedDocument>;
}

/** `name@version`, part of the revision. */
export function parserId(parser: Pick<Parser, 'name' | 'version'>): string {
  return `${parser.name}@${parser.version}`;
}
