import type { Box, Span } from './span.js';

/** The structural pieces a parser tells apart. */
export type BlockKind =
  'heading' | 'paragraph' | 'list_item' | 'table' | 'code' | 'quote' | 'figure' | 'front_matter' | 'other';

/** A structural piece of a parsed document. Blocks are in document order and do not overlap. */
export interface Block {
  readonly kind: BlockKind;
  readonly span: Span;
  /** Heading level, 1 (top) to 6; only for kind `heading`. */
  readonly level?: number;
  /** A heading's words without markup; the heading path of chunks is made of these. */
  readonly title?: string;
  /** 1-based page the block begins on. */
  readonly page?: number;
  /** Tables: the header row(s), repeated as context for every chunk of the table. Inside `span`. */
  readonly header?: Span;
  /** Tables: body rows; code: top-level definitions. Preferred places to split. Inside `span`, in order. */
  readonly parts?: readonly Span[];
  /** Programming language of a code block, as written in the source. */
  readonly language?: string;
}

/** A page of a paged document; spans of pages do not overlap and are in order. Sizes in points as displayed. */
export interface Page {
  readonly number: number;
  readonly span: Span;
  readonly width: number;
  readonly height: number;
}

/** Where a run of text stands on a page (a line, usually). In text order. */
export interface Region {
  readonly span: Span;
  readonly page: number;
  readonly box: Box;
}

/** A picture inside a document. Its bytes are handled by a later stage. */
export interface ImageRef {
  readonly at: number;
  readonly alt?: string;
  readonly uri?: string;
  readonly page?: number;
  readonly box?: Box;
}

export interface Warning {
  readonly code: string;
  readonly message: string;
}

/** A parser's output: one normalized text (NFC, LF, no lone surrogates) with structure as spans over it. */
export interface ParsedDocument {
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly images: readonly ImageRef[];
  readonly pages?: readonly Page[];
  readonly regions?: readonly Region[];
  /** BCP 47 primary subtag, e.g. `en`, when the document or a detector says so. */
  readonly language?: string;
  readonly title?: string;
  readonly warnings: readonly Warning[];
  readonly mime: string;
  readonly charset?: string;
  /** `name@version` of the parser; part of the revision (law 2). */
  readonly parser: string;
}

export type ChunkKind = 'text' | 'table' | 'code' | 'image';

/** A piece of a document that is embedded and found as one. `text === document.text.slice(span.start, span.end)`. */
export interface Chunk {
  readonly id: string;
  readonly documentId: string;
  readonly revision: string;
  readonly ordinal: number;
  readonly span: Span;
  readonly text: string;
  /** Heading path from the top of the document; context for the embedder, outside the span. */
  readonly headings: readonly string[];
  /** Tokens of the whole model input (prefix, context and special tokens included), by the embedder's tokenizer. */
  readonly tokens: number;
  readonly page?: number;
  readonly kind: ChunkKind;
  /** Context put before the text in the model input (title, headings, table header); `input = prefix + modelInput(context + text)`. */
  readonly context: string;
}

/**
 * What a citation needs beside span and text, kept with the chunk so that answering needs no look into the document.
 * Source: W3C Web Annotation Data Model, TextPositionSelector and TextQuoteSelector.
 */
export interface Anchor {
  /** Unicode code points before `span.start`. */
  readonly codePointStart: number;
  /** Up to 32 characters before the span. */
  readonly prefix: string;
  /** Up to 32 characters after it. */
  readonly suffix: string;
  /** Lines of the span on pages; paged documents only. */
  readonly regions?: readonly Region[];
  /** The source's line that the span begins in, from 1; only where the text has the source's lines. */
  readonly line?: number;
}
