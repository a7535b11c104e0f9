import type { ParsedDocument } from '../../core/document.js';
import type { ParseHints } from '../../core/ports/processing.js';

export interface ParserInput {
  readonly bytes: Uint8Array;
  /** As detected from the content; one of the parser's `mimes`. */
  readonly mime: string;
  readonly hints: ParseHints;
}

/** A parser's output; `parseDocument` adds the type and the parser's name. */
export type ParsedContent = Omit<ParsedDocument, 'mime' | 'parser'>;

/**
 * One format's parser: pure, the same input gives the same output. Offsets are carried from the source on (law 1), so a
 * parser either keeps the decoded source as its text or builds the text with a TextBuilder that yields the spans.
 * @throws FootnoteError password_required, password_wrong, corrupt_document, invalid_request (unknown charset)
 */
export type Parse = (input: ParserInput) => ParsedContent | Promise<ParsedContent>;

/** What the registry knows of a parser before its libraries are loaded. */
export interface Parser {
  readonly name: string;
  /** Raised with every change of the output for any input (law 2); golden.test.ts holds it to that. */
  readonly version: number;
  /** The MIME types it reads, as `identify` names them. */
  readonly mimes: readonly string[];
  /** Loads the code; the process that only tells types apart never does. */
  readonly load: () => Promise<Parse>;
}

/** `name@version`, part of the revision. */
export function parserId(parser: Pick<Parser, 'name' | 'version'>): string {
  return `${parser.name}@${parser.version}`;
}
