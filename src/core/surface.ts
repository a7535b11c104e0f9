import type { Readable } from 'node:stream';
import type { Caller } from './policy.js';
import type { CitationChecks, VerifyCitations } from './schemas/citations.js';
import type { CollectionList, CollectionPut, CollectionView } from './schemas/collections.js';
import type {
  BatchResult,
  ChunkList,
  DocumentAccepted,
  DocumentApplied,
  DocumentBatch,
  DocumentFields,
  DocumentList,
  DocumentPatch,
  DocumentState,
  DocumentText,
  DocumentView,
} from './schemas/documents.js';
import type { GenerationList, Reindex, ReleaseDiff, ReleaseDiffResult, ReleaseList } from './schemas/reindex.js';
import type { KeyCreate, KeyCreated, KeyList } from './schemas/keys.js';
import type { SourceAction, SourceList, SourcePreview, SourceView } from './schemas/connectors.js';
import type { JobAction, JobList, JobView } from './schemas/jobs.js';
import type {
  Backup,
  CanonicalChunk,
  DeadLetterList,
  DeadLetterView,
  Ingest,
  IngestEvent,
  Readiness,
  ReleasePut,
  ReleaseView,
  ReplayResult,
  Status,
  Verify,
  VerifyEvent,
} from './schemas/operations.js';
import type {
  ContextMany,
  ContextManyResult,
  ContextRequest,
  ContextResult,
  Search,
  SearchMany,
  SearchManyResult,
  SearchResult,
  Why,
  WhyResult,
} from './schemas/query.js';

/** A page of a list. `after` is `next` of the page before. */
export interface Paging {
  readonly after?: string;
  readonly limit: number;
}

/** A document on its way in. */
export interface Upload {
  /** At most `maxBytes`; beyond that the stream fails with document_too_large. Destroyed when the request is. */
  readonly content: Readable;
  readonly maxBytes: number;
  /**
   * What the document brings besides its bytes. Call it after the content was read to its end: in a multipart body the
   * fields may follow the file. @throws invalid_request when they are wrong: what was stored is to be freed then
   */
  fields(): Promise<DocumentFields>;
}

export interface WriteOptions {
  /** An ETag that the head must still have. @throws precondition_failed */
  readonly ifMatch?: string;
  /** The same key with the same request returns the first answer. @throws idempotency_conflict for another request */
  readonly idempotencyKey?: string;
  /** Wait this long (ms) until the write is applied; absent: answer as soon as it is accepted durably. */
  readonly waitMs?: number;
}

export interface DocumentAt {
  readonly collection: string;
  readonly source: string;
  readonly key: string;
}

export interface SourceAt {
  readonly collection: string;
  readonly source: string;
}

export interface DocumentById {
  readonly collection: string;
  readonly documentId: string;
}

/** How a write stands when the answer is due. `etag` is the head's version. */
export type WriteOutcome =
  /** Not waited for, or not applied within `waitMs`. */
  | { readonly outcome: 'accepted'; readonly etag: string; readonly body: DocumentAccepted }
  /** Searchable (or gone) by now, in this state or a newer one. */
  | { readonly outcome: 'applied'; readonly etag: string; readonly body: DocumentApplied }
  /** The row turned failed: its code and message. */
  | {
      readonly outcome: 'failed';
      readonly etag: string;
      readonly documentId: string;
      readonly error: { readonly code: string; readonly message: string };
    };

export interface Original {
  readonly content: Readable;
  readonly bytes: number;
  readonly sha256: string;
  readonly mime: string;
  readonly name?: string;
}

/**
 * Everything that the HTTP API, and the commands through it or through an engine of their own, ask of an engine. Requests
 * and answers are those of `schemas/`. A caller sees only its tenant; `as` in requests was NOT applied yet for bodies that
 * have it (search, context, why, citations.verify: use `narrowCaller`), and was applied by the API for document reads.
 * What the caller may not read is not_found. Errors are FootnoteErrors.
 */
export interface EngineSurface {
  readonly collections: {
    list(caller: Caller, signal: AbortSignal): Promise<CollectionList>;
    /** Creates or changes. Given fields replace, absent ones stay. */
    put(
      caller: Caller,
      name: string,
      change: CollectionPut,
      signal: AbortSignal,
    ): Promise<{ created: boolean; collection: CollectionView }>;
    get(caller: Caller, name: string, signal: AbortSignal): Promise<CollectionView>;
    delete(caller: Caller, name: string, signal: AbortSignal): Promise<void>;
  };
  readonly documents: {
    /** @throws collection_not_found, source_owned, precondition_failed, idempotency_conflict, document_too_large, invalid_request */
    put(
      caller: Caller,
      at: DocumentAt,
      upload: Upload,
      options: WriteOptions,
      signal: AbortSignal,
    ): Promise<WriteOutcome>;
    /** Refusals of single items are told in their result, the others go on. */
    batch(
      caller: Caller,
      collection: string,
      batch: DocumentBatch,
      options: Omit<WriteOptions, 'ifMatch'>,
      signal: AbortSignal,
    ): Promise<BatchResult>;
    patch(
      caller: Caller,
      at: DocumentById,
      patch: DocumentPatch,
      options: WriteOptions,
      signal: AbortSignal,
    ): Promise<WriteOutcome>;
    /** @throws document_not_found when it is not there (any more) */
    delete(
      caller: Caller,
      at: DocumentAt | DocumentById,
      options: WriteOptions,
      signal: AbortSignal,
    ): Promise<WriteOutcome>;
    /** A job that deletes every document of the source. */
    deleteSource(caller: Caller, at: { collection: string; source: string }, signal: AbortSignal): Promise<JobView>;
    get(caller: Caller, at: DocumentById, signal: AbortSignal): Promise<DocumentView>;
    getByKey(caller: Caller, at: DocumentAt, signal: AbortSignal): Promise<DocumentView>;
    /** By document id. Deleted ones only when asked for by `state`. */
    list(
      caller: Caller,
      collection: string,
      query: Paging & { source?: string; key?: string; state?: DocumentState },
      signal: AbortSignal,
    ): Promise<DocumentList>;
    /** Without `revision` the searchable one. @throws document_not_found, content_missing (the revision is no longer kept) */
    text(caller: Caller, at: DocumentById & { revision?: string }, signal: AbortSignal): Promise<DocumentText>;
    chunks(caller: Caller, at: DocumentById, page: Paging, signal: AbortSignal): Promise<ChunkList>;
    /** The newest accepted bytes. The API reads `content` to its end or destroys it. */
    original(caller: Caller, at: DocumentById, signal: AbortSignal): Promise<Original>;
  };
  search(caller: Caller, collection: string, request: Search, signal: AbortSignal): Promise<SearchResult>;
  context(caller: Caller, collection: string, request: ContextRequest, signal: AbortSignal): Promise<ContextResult>;
  /** Each query asked of all of the collections. @throws collection_not_found, space_mismatch */
  searchMany(caller: Caller, request: SearchMany, signal: AbortSignal): Promise<SearchManyResult>;
  contextMany(caller: Caller, request: ContextMany, signal: AbortSignal): Promise<ContextManyResult>;
  why(caller: Caller, collection: string, request: Why, signal: AbortSignal): Promise<WhyResult>;
  readonly citations: {
    verify(caller: Caller, collection: string, request: VerifyCitations, signal: AbortSignal): Promise<CitationChecks>;
  };
  readonly jobs: {
    /** Newest first. */
    list(
      caller: Caller,
      query: Paging & { kind?: string; state?: JobView['state'] },
      signal: AbortSignal,
    ): Promise<JobList>;
    get(caller: Caller, id: string, signal: AbortSignal): Promise<JobView>;
    /** @throws job_not_found; conflict when its state does not allow it */
    control(caller: Caller, id: string, action: JobAction, signal: AbortSignal): Promise<JobView>;
  };
  /** Sources that the configuration keeps in step. */
  readonly connectors: {
    list(caller: Caller, signal: AbortSignal): Promise<SourceList>;
    /** @throws not_found; conflict when its state does not allow it */
    control(caller: Caller, at: SourceAt, action: SourceAction, signal: AbortSignal): Promise<SourceView>;
    /** Appends and deletes nothing. Ends with a `summary`. @throws not_found */
    preview(caller: Caller, at: SourceAt, signal: AbortSignal): AsyncIterable<SourcePreview>;
  };
  status(caller: Caller, signal: AbortSignal): Promise<Status>;
  /** Stops when the signal aborts; what was appended by then is applied all the same. Ends with a `summary`. */
  ingest(caller: Caller, collection: string, request: Ingest, signal: AbortSignal): AsyncIterable<IngestEvent>;
  verify(caller: Caller, collection: string, request: Verify, signal: AbortSignal): AsyncIterable<VerifyEvent>;
  /** Sorted by chunk id. Errors thrown before the first line are answered as problems, later ones break the connection. */
  export(caller: Caller, collection: string, signal: AbortSignal): AsyncIterable<CanonicalChunk>;
  readonly dlq: {
    list(caller: Caller, collection: string, page: Paging, signal: AbortSignal): Promise<DeadLetterList>;
    /** @throws not_found */
    get(caller: Caller, collection: string, id: string, signal: AbortSignal): Promise<DeadLetterView>;
    replay(caller: Caller, collection: string, id: string, signal: AbortSignal): Promise<ReplayResult>;
    drop(caller: Caller, collection: string, id: string, signal: AbortSignal): Promise<void>;
  };
  readonly release: {
    get(caller: Caller, collection: string, signal: AbortSignal): Promise<ReleaseView>;
    /** @throws behind, conflict, not_found */
    set(caller: Caller, collection: string, request: ReleasePut, signal: AbortSignal): Promise<ReleaseView>;
  };
  /** A job that copies the whole data directory while it is served; `result` tells what. @throws conflict while another one is at it */
  backup(caller: Caller, request: Backup, signal: AbortSignal): Promise<JobView>;
  /** A job that does at once what is otherwise done every so often: what is past its time goes, tables are made compact. */
  maintain(caller: Caller, signal: AbortSignal): Promise<JobView>;
  readonly generations: {
    list(caller: Caller, collection: string, signal: AbortSignal): Promise<GenerationList>;
    /** A job. @throws conflict while another one is at it */
    reindex(caller: Caller, collection: string, request: Reindex, signal: AbortSignal): Promise<JobView>;
    /** @throws not_found, conflict (it is served or being built) */
    drop(caller: Caller, collection: string, id: string, signal: AbortSignal): Promise<void>;
    releases(caller: Caller, collection: string, limit: number, signal: AbortSignal): Promise<ReleaseList>;
    diff(caller: Caller, collection: string, request: ReleaseDiff, signal: AbortSignal): Promise<ReleaseDiffResult>;
  };
  /** `anyTenant`: the operator of the machine, who makes keys for all tenants. */
  readonly keys: {
    /** @throws forbidden, invalid_request */
    create(caller: Caller, request: KeyCreate, anyTenant: boolean, signal: AbortSignal): Promise<KeyCreated>;
    list(caller: Caller, anyTenant: boolean, signal: AbortSignal): Promise<KeyList>;
    /** @throws not_found */
    revoke(caller: Caller, id: string, anyTenant: boolean, signal: AbortSignal): Promise<void>;
  };
  /** Can it serve now? Quick; no side effects. */
  ready(signal: AbortSignal): Promise<Readiness>;
  /** Prometheus text. */
  metrics(): Promise<{ contentType: string; body: string }>;
}
