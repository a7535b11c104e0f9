import type { Anchor, ChunkKind } from '../document.js';
import type { Filter } from '../filter.js';
import type { JsonObject } from '../json.js';
import type { Span } from '../span.js';
import type { VersionKey } from '../version.js';

/** What a store must know of a generation to hold its points. */
export interface StoreSpec {
  /** The generation's id: `[a-z0-9-]{1,64}`. */
  readonly generation: string;
  /** Named vectors with their dimensions; every one is nullable a point. `text` is the passage vector. */
  readonly vectors: Readonly<Record<string, number>>;
}

/** Everything of a point but its vectors. */
export interface PointPayload {
  /** uuid5(chunk, version). */
  readonly id: string;
  readonly chunkId: string;
  readonly documentId: string;
  readonly version: VersionKey;
  readonly revision: string;
  readonly source: string;
  readonly key: string;
  readonly ordinal: number;
  readonly kind: ChunkKind;
  readonly span: Span;
  readonly text: string;
  readonly context: string;
  /** Stored as it is (JSON); never searched. */
  readonly anchor: Anchor;
  readonly headings: readonly string[];
  readonly tokens: number;
  readonly page?: number;
  readonly title?: string;
  readonly uri?: string;
  readonly mime: string;
  readonly language?: string;
  /** ISO 8601. */
  readonly observedAt: string;
  readonly principals: readonly string[];
  readonly metadata: JsonObject;
  /** Analyzed terms in order, without spaces inside a term. */
  readonly terms: readonly string[];
  /** SHA-256 (hex) of the exact model input. */
  readonly inputSha256: string;
}

export interface Point extends PointPayload {
  readonly vectors: Readonly<Record<string, Float32Array>>;
}

export type Arm =
  | { readonly kind: 'dense'; readonly vector: string; readonly query: Float32Array }
  | { readonly kind: 'lexical'; readonly terms: readonly string[] };

export interface Hit {
  readonly point: Point;
  /** Dense: dot product in [-1, 1]. Lexical: BM25, > 0. Higher is better. */
  readonly score: number;
}

/** The prefilter. `principals`: a point must share at least one. The exact check is the caller's, against the head. */
export interface SearchFilter {
  readonly principals: readonly string[];
  readonly filter?: Filter;
}

export interface VectorStore {
  /** Idempotent for the same spec. @throws dimension_mismatch for another one */
  create(spec: StoreSpec): Promise<void>;
  /** Upserts by id; durable on return (fsynced, or acknowledged as applied). @throws dimension_mismatch */
  write(generation: string, points: readonly Point[]): Promise<void>;
  /**
   * Removes the document's points with a version below `below`, and those at exactly `below` whose revision is not
   * `keepRevision` (when that is given). Monotone, so safe for anyone at any time. Durable on return.
   */
  prune(generation: string, documentId: string, below: VersionKey, keepRevision?: string): Promise<void>;
  /**
   * One list a arm, best first, at most `k` each, ties by point id. May return points that the filter would refuse when it
   * can't express a clause; never leaves out one that it would allow. The caller checks each hit exactly.
   * @throws dimension_mismatch, invalid_filter
   */
  search(
    generation: string,
    arms: readonly Arm[],
    filter: SearchFilter,
    k: number,
    signal?: AbortSignal,
  ): Promise<Hit[][]>;
  /** The points of one version of a document by ordinal. Without vectors unless asked. */
  document(generation: string, documentId: string, version: VersionKey): Promise<Point[]>;
  /** Of one version's points, by ordinal: SHA-256 of what each was embedded from. */
  inputs(generation: string, documentId: string, version: VersionKey): Promise<string[]>;
  /** Every point, or those of these documents (some hundreds at most), in no order; bounded memory. */
  scroll(generation: string, options?: { documentIds?: readonly string[]; signal?: AbortSignal }): AsyncIterable<Point>;
  count(generation: string): Promise<number>;
  /** Idempotent. */
  drop(generation: string): Promise<void>;
  /** Builds or improves indexes and removes old files; safe while serving. */
  optimize(generation: string, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
