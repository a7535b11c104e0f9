import type { BlobStore } from '../../src/core/ports/blobs.js';
import type { VectorCache } from '../../src/core/ports/cache.js';
import type { Contents, Documents, Generations, Heads, Revisions } from '../../src/core/ports/catalog.js';
import type { Clock } from '../../src/core/ports/clock.js';
import type { EventLog } from '../../src/core/ports/log.js';
import type { VectorStore } from '../../src/core/ports/vectors.js';

export interface VerifyPorts {
  readonly heads: Pick<Heads, 'get' | 'raise' | 'list'>;
  readonly documents: Pick<Documents, 'get' | 'list' | 'everywhere' | 'dropGeneration'>;
  readonly contents: Pick<Contents, 'freeable' | 'forget' | 'known'>;
  readonly revisions: Pick<Revisions, 'get' | 'mark' | 'takeFreeable' | 'known'>;
  readonly generations: Pick<Generations, 'get' | 'list'>;
  readonly blobs: Pick<BlobStore, 'read' | 'get' | 'list' | 'delete'>;
  readonly vectors: Pick<VectorStore, 'document' | 'inputs' | 'scroll' | 'prune' | 'drop'>;
  readonly cache: Pick<VectorCache, 'forget'>;
  readonly deadLetters: EventLog['deadLetters'];
  readonly log: Pick<EventLog, 'end' | 'committed' | 'dropGroup' | 'release'>;
  readonly clock: Pick<Clock, 'now'>;
}

export type ProblemKind =
  /** A visible version has more or fewer points than its row says. Law 4. */
  | 'points_missing'
  /** Points that no row can show again. Repaired. */
  | 'points_left'
  /** A visible revision has no stored text. Law 1. */
  | 'text_missing'
  /** A chunk's text is not its span of the stored text. Law 1. */
  | 'span_mismatch'
  /** A point's input hash is not that of its prefix, context and text. Law 3. */
  | 'input_mismatch'
  /** A vector is absent, has other dimensions or is not of unit length. Law 3. */
  | 'vector_invalid'
  /** The original of a document's newest or visible version is gone. */
  | 'content_missing'
  /** A row is newer than its document's head. Law 7. Repaired. */
  | 'head_behind'
  /** A blob that no event and no revision names. Repaired after its grace. */
  | 'blob_left'
  /** Contents or texts that nothing needs any more. Repaired. */
  | 'content_left'
  /** A dead letter of a version that something newer has replaced. Repaired. */
  | 'letter_left'
  /** Rows of a dropped generation. Repaired. */
  | 'generation_left';

export interface Problem {
  readonly kind: ProblemKind;
  readonly generation?: string;
  readonly documentId?: string;
  /** What was found; ids and counts, no content. */
  readonly detail: string;
  readonly repaired: boolean;
}

export interface VerifyOptions {
  readonly repair?: boolean;
  readonly signal?: AbortSignal;
  /**
   * Whether this generation has a backfill, a replay or an older task in flight, or may get one from another process.
   * Points without a row go only when it has not: such a task might be about to write the row that shows them.
   */
  readonly inFlight?: (generation: string) => boolean | Promise<boolean>;
  /** Put before a document's chunks by the model, by vector name, to check input hashes; unchecked when absent. */
  readonly prefix?: (generation: string) => string | undefined;
  /** Unnamed blobs younger than this stay. Default one hour. */
  readonly blobGraceMs?: number;
  readonly onProblem?: (problem: Problem) => void;
}

export interface VerifyReport {
  readonly documents: number;
  readonly chunks: number;
  readonly problems: readonly Problem[];
  /** All problems, also those beyond the listed ones. */
  readonly found: number;
  readonly repaired: number;
}
