import type { FootnoteError } from '../../src/core/errors.js';
import type { ChangeEvent, Position } from '../../src/core/event.js';
import type { BlobStore } from '../../src/core/ports/blobs.js';
import type { VectorCache } from '../../src/core/ports/cache.js';
import type { Contents, Documents, Heads, Revisions, Sources } from '../../src/core/ports/catalog.js';
import type { Clock } from '../../src/core/ports/clock.js';
import type { DeadLetters } from '../../src/core/ports/log.js';
import type { Embedder } from '../../src/core/ports/models.js';
import type { Parsing, Preparing } from '../../src/core/ports/processing.js';
import type { VectorStore } from '../../src/core/ports/vectors.js';
import type { Version, VersionKey } from '../../src/core/version.js';
import type { FaultPoints } from '../../src/runtime/faults.js';
import type { Telemetry } from '../../src/runtime/telemetry.js';

/** Everything that applying a change touches. */
export interface IngestPorts {
  readonly heads: Pick<Heads, 'get' | 'raise'>;
  readonly documents: Pick<Documents, 'get' | 'compareAndSet' | 'everywhere'>;
  readonly contents: Pick<Contents, 'record' | 'freeable' | 'forget'>;
  readonly revisions: Pick<Revisions, 'get' | 'use' | 'add' | 'mark' | 'takeFreeable' | 'forget'>;
  readonly sources: Pick<Sources, 'get'>;
  readonly blobs: Pick<BlobStore, 'put' | 'get' | 'read' | 'path' | 'delete'>;
  readonly parsing: Pick<Parsing, 'identify' | 'parse'>;
  readonly preparing: Pick<Preparing, 'prepare'>;
  /** By vector name, as in `GenerationSpec.models`. */
  readonly embedders: Readonly<Record<string, Embedder>>;
  readonly vectors: Pick<VectorStore, 'write' | 'prune' | 'inputs'>;
  readonly cache: VectorCache;
  readonly deadLetters: Pick<DeadLetters, 'removeDocument'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly faults: FaultPoints;
  readonly telemetry: Pick<Telemetry, 'observe' | 'freshness' | 'searchable' | 'outcome' | 'count'>;
}

/** An event and where it stands in the log: together they give its version. */
export interface Change {
  readonly event: ChangeEvent;
  readonly position: Position;
}

export interface ApplyOptions {
  readonly signal?: AbortSignal;
  /** What a document shows when its newest state can't be parsed: its last good version (default) or nothing. */
  readonly onParseFailure?: 'stale' | 'hide';
  /** Takes an unexplained (`internal`) error as permanent: it has been tried often enough. */
  readonly finalAttempt?: boolean;
  /** How an event's version is found; only the simulation's mutants put another rule here. */
  readonly versionOf?: (event: ChangeEvent, position: Position) => Version;
}

export type Stage = 'identify' | 'parse' | 'prepare' | 'embed' | 'write' | 'commit' | 'free';

export type ApplyKind = 'indexed' | 'unchanged' | 'deleted' | 'superseded' | 'failed';

export interface ApplyOutcome {
  readonly kind: ApplyKind;
  readonly documentId: string;
  readonly version: VersionKey;
  readonly revision?: string;
  readonly chunks: number;
  /** Chunks whose vectors were computed now; the others came from the cache. */
  readonly embedded: number;
  readonly cached: number;
  /** Milliseconds by stage; `total` for all of it. */
  readonly ms: Readonly<Partial<Record<Stage | 'total', number>>>;
  readonly mime?: string;
  readonly pages?: number;
  readonly chars?: number;
  readonly warnings: readonly string[];
  /** When this change's row began to show its points: milliseconds since 1970. */
  readonly shownAt?: number;
  /** Of kind `failed`: the permanent error; the caller writes the dead letter. */
  readonly error?: FootnoteError;
}
