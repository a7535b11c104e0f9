import type { Anchor, Chunk, ParsedDocument } from '../document.js';
import type { ParseOptions } from '../event.js';
import type { GenerationSpec } from '../generation.js';

/** What a parser is told besides the bytes. */
export interface ParseHints {
  /** As the source says it; the content decides. */
  readonly mime?: string;
  /** File name, for types that content can't tell apart. */
  readonly name?: string;
  readonly options?: ParseOptions;
}

/** Bytes on disk where the store has a path, otherwise in memory. */
export type ParseInput = { readonly path: string } | { readonly bytes: Uint8Array };

export interface Identified {
  readonly mime: string;
  /** `name@version`. */
  readonly parser: string;
}

/** Parses in isolated, killable processes with bounds on time, memory and output. */
export interface Parsing {
  /** Type by content first, name second. @throws unknown_type, unsupported_media_type (code and advice) */
  identify(input: ParseInput, hints: ParseHints): Promise<Identified>;
  /** @throws password_required, password_wrong, corrupt_document, parse_timeout, parse_memory, parse_output, parse_crashed … */
  parse(input: ParseInput, hints: ParseHints, signal?: AbortSignal): Promise<ParsedDocument>;
  close(): Promise<void>;
}

export interface PreparedChunk extends Chunk {
  /** SHA-256 (hex) of the exact model input: the prefix, then context and text with rules shortened. */
  readonly inputSha256: string;
  readonly anchor: Anchor;
  /** Analyzed terms. */
  readonly terms: readonly string[];
}

/** Chunks and analyzes, off the main thread. Pure: the same arguments give the same chunks. */
export interface Preparing {
  prepare(
    parsed: ParsedDocument,
    of: { readonly documentId: string; readonly revision: string; readonly title?: string },
    spec: GenerationSpec,
    signal?: AbortSignal,
  ): Promise<PreparedChunk[]>;
  close(): Promise<void>;
}

/** Terms of a query by the analyzers of the languages that the generation's documents are in. */
export interface QueryAnalysis {
  analyzeQuery(query: string, generation: string): readonly string[];
}
