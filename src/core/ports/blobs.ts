import type { Readable } from 'node:stream';
import type { ContentRef } from '../event.js';

/** Whom a blob belongs to: one event (or one revision's text) of one document. Never shared, so freeing it is safe. */
export interface BlobOwner {
  readonly tenant: string;
  readonly collection: string;
  readonly documentId: string;
  readonly kind: 'original' | 'parsed';
}

/** Blobs that neither an event nor a revision names are swept when they are older than this. */
export const UNNAMED_BLOB_GRACE_MS = 60 * 60_000;

/**
 * Who stores a blob names it within this time, or takes it that the sweep has come (a suspended machine): by then it
 * stores another one or gives up.
 */
export const NAME_BLOB_WITHIN_MS = 15 * 60_000;

export interface BlobStore {
  /** Durable on return: written, fsynced, renamed, folder fsynced. Nothing is left behind on failure. @throws document_too_large beyond `maxBytes` */
  put(
    owner: BlobOwner,
    data: Readable | Uint8Array,
    options?: { maxBytes?: number; signal?: AbortSignal },
  ): Promise<ContentRef>;
  /**
   * Stores the bytes of a blob of another store under the name they have there. Durable on return; repeatable.
   * @throws data_corrupt when they are not what `ref` says, invalid_request for a name that no store gave
   */
  putAs(ref: ContentRef, data: Readable, options?: { signal?: AbortSignal }): Promise<void>;
  /** A stream of the bytes, or of `[start, end)` of them. @throws content_missing */
  get(ref: ContentRef, range?: { start: number; end: number }): Promise<Readable>;
  /** All bytes; for small things. @throws content_missing */
  read(ref: ContentRef): Promise<Uint8Array>;
  /** A path for readers in other processes, where the store has one; otherwise undefined. */
  path(ref: ContentRef): string | undefined;
  /** Idempotent: deleting what is gone is no error. */
  delete(ref: ContentRef): Promise<void>;
  deleteDocument(owner: Pick<BlobOwner, 'tenant' | 'collection' | 'documentId'>): Promise<void>;
  deleteCollection(owner: Pick<BlobOwner, 'tenant' | 'collection'>): Promise<void>;
  /** Every blob of a collection with its age, for the sweep of those that no event names. */
  list(
    owner: Pick<BlobOwner, 'tenant' | 'collection'>,
  ): AsyncIterable<{ ref: Pick<ContentRef, 'blob' | 'bytes'>; documentId: string; modifiedAt: Date }>;
}
