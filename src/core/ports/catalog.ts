import type { ChangeEvent, ContentRef, Position } from '../event.js';
import type { Generation, GenerationSpec, GenerationState, Release } from '../generation.js';
import type { Json, JsonObject } from '../json.js';
import type { Policy } from '../policy.js';
import type { VersionKey } from '../version.js';

/** Names one source of one collection. */
export interface SourceName {
  readonly tenant: string;
  readonly collection: string;
  readonly source: string;
}

export interface Collection {
  readonly tenant: string;
  readonly name: string;
  readonly defaultPolicy: Policy;
  readonly settings: JsonObject;
  readonly createdAt: string;
}

/**
 * A collection that is out of sight: on its way to another catalog or from one, or left behind there. Nobody lists it, works
 * on it, or makes another of its name; whatever belongs to it is there.
 */
export interface Aside {
  readonly collection: Collection;
  /** Why, for whoever goes on with it. */
  readonly note: JsonObject;
}

export interface Collections {
  /** @returns false when it was there already (then unchanged) */
  create(collection: Collection): Promise<boolean>;
  get(tenant: string, name: string): Promise<Collection | undefined>;
  list(tenant?: string): Promise<Collection[]>;
  update(
    tenant: string,
    name: string,
    change: Partial<Pick<Collection, 'defaultPolicy' | 'settings'>>,
  ): Promise<Collection | undefined>;
  /** Removes the collection with all rows that belong to it (heads, documents, generations, releases, sources, jobs …). */
  delete(tenant: string, name: string): Promise<boolean>;
  /** Takes the collection out of sight in one step, makes one that is out of sight from the start, or changes its note. */
  setAside(aside: Aside): Promise<void>;
  aside(tenant: string, name: string): Promise<Aside | undefined>;
  listAside(): Promise<Aside[]>;
  /** Puts it in sight, in one step. @returns false when none of the name is set aside */
  bringBack(tenant: string, name: string): Promise<boolean>;
}

/** A document's newest accepted state, over all generations; the authority on policy and deletion. */
export interface Head {
  readonly documentId: string;
  readonly version: VersionKey;
  readonly deleted: boolean;
  /** The newest accepted event, full state. */
  readonly event: ChangeEvent;
  /** ISO 8601. */
  readonly updatedAt: string;
}

export interface OutboxEntry {
  readonly id: number;
  readonly stream: string;
  readonly event: ChangeEvent;
}

export interface Heads {
  /**
   * Those of one collection when it is given: then ids of others are looked for and missed like ids of nothing, so that
   * time tells nobody that they exist.
   */
  get(
    documentIds: readonly string[],
    within?: { readonly tenant: string; readonly collection: string },
  ): Promise<Map<string, Head>>;
  /** Sets the head if this version is newer than what is there. Returns the head as it then is. */
  raise(head: Head): Promise<{ raised: boolean; head: Head }>;
  /**
   * For documents owned by the API, in one transaction: sets the head if its version still is `expected` (undefined: no
   * head) and the new one is newer, records the content, and puts the event into the outbox. @returns false when the head had moved
   */
  decide(head: Head, expected: VersionKey | undefined, stream: string): Promise<boolean>;
  /** Oldest first, in the order decided. */
  outbox(limit: number): Promise<OutboxEntry[]>;
  /** After the append was durable. */
  published(ids: readonly number[]): Promise<void>;
  list(tenant: string, collection: string, options: HeadQuery): Promise<Head[]>;
  /** Deleted heads that were last raised before `before` (ISO 8601), by document id. */
  tombstones(
    tenant: string,
    collection: string,
    options: { readonly before: string; readonly after?: string; readonly limit: number },
  ): Promise<Head[]>;
  /** Deleted heads of all collections that were last raised at or after `since` (ISO 8601), in that order. */
  deletedSince(
    since: string,
    options: { readonly after?: { readonly updatedAt: string; readonly documentId: string }; readonly limit: number },
  ): Promise<{ updatedAt: string; documentId: string }[]>;
  /**
   * Removes these deleted heads with the rows of all generations, each unless its head has moved, a row stands at another
   * version, something of it is still to be freed, or a generation of its collection is being built: a backfill carries rows
   * as they were a while ago. The source's floor must cover them by then. @returns how many went
   */
  forget(heads: readonly Pick<Head, 'documentId' | 'version'>[]): Promise<number>;
}

export interface HeadQuery {
  readonly source?: string;
  readonly key?: string;
  readonly includeDeleted?: boolean;
  /** Document id after which to go on. */
  readonly after?: string;
  readonly limit: number;
}

export interface RowError {
  readonly code: string;
  readonly message: string;
}

/** A version as one generation knows it: with the event, so that backfills need no log. */
export interface RowVersion {
  readonly version: VersionKey;
  readonly event: ChangeEvent;
  readonly position: Position;
}

export interface VisibleVersion extends RowVersion {
  readonly revision: string;
  readonly chunks: number;
  readonly chars: number;
  readonly pages?: number;
  readonly mime: string;
  /** `name@version` of the parser that made the revision. */
  readonly parser: string;
  readonly title?: string;
  readonly language?: string;
  readonly warnings?: readonly string[];
}

/** Applied state: one row a (generation, document). */
export interface DocumentRow {
  readonly generation: string;
  readonly documentId: string;
  readonly state: 'live' | 'failed' | 'deleted';
  /** Newest version seen. */
  readonly seen: RowVersion;
  /** The points that are shown; absent for deleted ones and for those that never parsed. */
  readonly visible?: VisibleVersion;
  readonly error?: RowError;
  readonly updatedAt: string;
  /** Changes with every write: what compare-and-set compares. */
  readonly token: number;
}

/** What a hit is checked against: the generation's row beside the head. */
export interface Visibility {
  readonly tenant: string;
  /** Absent: nothing of the document is visible in this generation. */
  readonly visible?: { readonly version: VersionKey; readonly revision: string };
  readonly deleted: boolean;
  readonly policy: Policy;
  /** The visible version is older than the newest accepted one. */
  readonly stale: boolean;
}

export interface DocumentCounts {
  readonly live: number;
  /** Heads that the generation has not caught up with. */
  readonly pending: number;
  readonly failed: number;
  readonly deleted: number;
  readonly chunks: number;
}

export interface Documents {
  get(generation: string, documentId: string): Promise<DocumentRow | undefined>;
  /** Rows of these documents that are there, by document id. */
  many(generation: string, documentIds: readonly string[]): Promise<Map<string, DocumentRow>>;
  /** Writes the row if what is there still has `expected` as its token (undefined: no row). @returns false when it had moved */
  compareAndSet(row: Omit<DocumentRow, 'token'>, expected: number | undefined): Promise<boolean>;
  /** One read for all hits of a query. */
  visibility(generation: string, documentIds: readonly string[]): Promise<Map<string, Visibility>>;
  list(
    generation: string,
    options: { state?: DocumentRow['state']; source?: string; key?: string; after?: string; limit: number },
  ): Promise<DocumentRow[]>;
  counts(tenant: string, collection: string, generation: string): Promise<DocumentCounts>;
  /** The highest log position among the rows' newest versions, one a (epoch, partition) that has any. */
  positions(generation: string): Promise<Position[]>;
  /** Languages of the documents shown, the commonest first; `und` for those without one. At most 8. */
  languages(generation: string): Promise<string[]>;
  /** Rows of all generations of one document. */
  everywhere(documentId: string): Promise<DocumentRow[]>;
  dropGeneration(generation: string): Promise<void>;
}

/** The originals that events brought, for blob accounting. */
export interface Contents {
  /** Idempotent. Recorded before anything else is done with an event. `owner` lets the collection's removal find it without a head. */
  record(
    documentId: string,
    version: VersionKey,
    ref: ContentRef,
    owner?: { readonly tenant: string; readonly collection: string },
  ): Promise<void>;
  /**
   * Contents that nothing can need again: some row is newer than their version, every row of the document is newer and does
   * not show it, and every generation that consumes has a row, unless the document was deleted since: one that lags may
   * show this version for as long as what follows cannot be parsed.
   */
  freeable(documentId: string): Promise<ContentRef[]>;
  forget(documentId: string, blobs: readonly string[]): Promise<void>;
  /** Which of these blobs are recorded. */
  known(blobs: readonly string[]): Promise<Set<string>>;
  /** All of one document, by version. */
  list(documentId: string): Promise<{ readonly version: VersionKey; readonly ref: ContentRef }[]>;
}

/** A normalized text and its structure, made once a (document, revision). */
export interface RevisionRecord {
  readonly documentId: string;
  readonly revision: string;
  /** Newest version whose event used this revision. */
  readonly version: VersionKey;
  /** The stored ParsedDocument, JSON. */
  readonly parsed: ContentRef;
  readonly createdAt: string;
  /** When another revision took its place; absent while some row shows it. */
  readonly replacedAt?: string;
}

export interface Revisions {
  get(documentId: string, revision: string): Promise<RevisionRecord | undefined>;
  /**
   * Finds the revision, raises its version to at least this and clears `replacedAt`, atomically, so that an older
   * tombstone or the retention leaves it alone.
   */
  use(documentId: string, revision: string, version: VersionKey): Promise<RevisionRecord | undefined>;
  /** Inserts, or returns the record a twin inserted first (with its version raised). */
  add(record: RevisionRecord): Promise<RevisionRecord>;
  /** Sets or clears `replacedAt` for all revisions of the document by what the rows show. */
  mark(documentId: string, now: string): Promise<void>;
  /**
   * Removes and returns, in one transaction, those older than the tombstone and shown by no row. Their blobs are the
   * caller's to delete; a blob left by a crash is unknown then, and swept. (Listing first and deleting later would take
   * the text from under a newer event that came to use it in between.)
   */
  takeFreeable(documentId: string, below: VersionKey): Promise<RevisionRecord[]>;
  /** Likewise for those replaced before `replacedBefore` and shown by no row. */
  takeExpired(replacedBefore: string, limit: number): Promise<RevisionRecord[]>;
  /** Removes the record whatever shows it, if it still names this blob: for repair, when the blob is gone. */
  forget(documentId: string, revision: string, blob: string): Promise<void>;
  known(blobs: readonly string[]): Promise<Set<string>>;
  list(documentId: string): Promise<RevisionRecord[]>;
}

export interface Generations {
  create(generation: Omit<Generation, 'history'>, reason?: string): Promise<void>;
  get(id: string): Promise<Generation | undefined>;
  list(tenant: string, collection: string): Promise<Generation[]>;
  /** Those of all tenants that follow their logs. */
  consuming(): Promise<Generation[]>;
  /** Compare-and-set of the state; recorded in the history. What is released can't be dropped: false, too. */
  move(id: string, from: GenerationState, to: GenerationState, at: string, reason?: string): Promise<boolean>;
  updateSpec(id: string, spec: GenerationSpec): Promise<void>;
}

export interface Releases {
  /** Nothing is served of a collection that was set aside. */
  current(tenant: string, collection: string): Promise<Release | undefined>;
  /**
   * Puts `next` in place if the current number still is `expected` (0: none) and its generation is not dropped; that one
   * becomes `live`, and the one that was becomes `retired`, all in one transaction. `next.number` must be `expected + 1`.
   */
  switch(next: Release, expected: number): Promise<boolean>;
  history(tenant: string, collection: string, limit: number): Promise<Release[]>;
}

export type JobState = 'queued' | 'running' | 'paused' | 'succeeded' | 'failed' | 'cancelled';

export interface Job {
  readonly id: string;
  readonly tenant: string;
  readonly kind: string;
  readonly collection?: string;
  readonly state: JobState;
  readonly progress: { readonly done: number; readonly total: number };
  readonly error?: RowError;
  /** Kind-specific: what to do, and where it stands. */
  readonly detail: JsonObject;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface Jobs {
  /** @param owner the process that runs it; without one the first that can run it adopts it */
  create(job: Job, owner?: string): Promise<void>;
  get(id: string): Promise<Job | undefined>;
  /** Those that are there. */
  many(ids: readonly string[]): Promise<Job[]>;
  /** Takes over jobs of these kinds that have not ended and are nobody's, or of a process that is no more; the oldest first. */
  adopt(owner: string, kinds: readonly string[], now: number, limit: number): Promise<Job[]>;
  /** By id, the last first: ids are time-ordered (uuid version 7). `after` is the last id of the page before. */
  list(options: { tenant?: string; kind?: string; state?: JobState; after?: string; limit: number }): Promise<Job[]>;
  /** Writes the changes if the state is one of `from`. */
  update(
    id: string,
    from: readonly JobState[],
    change: Partial<Pick<Job, 'state' | 'progress' | 'error' | 'detail' | 'updatedAt'>>,
  ): Promise<Job | undefined>;
  /** Ended jobs older than this. */
  prune(endedBefore: string): Promise<number>;
}

export interface SourceRecord extends SourceName {
  /** `api` or `connector:<name>`. */
  readonly owner: string;
  /** The last fencing number given out. */
  readonly fence: number;
  /** Events below it that have no row are superseded. */
  readonly floor?: VersionKey;
}

export interface Sources {
  get(name: SourceName): Promise<SourceRecord | undefined>;
  list(tenant: string, collection: string): Promise<SourceRecord[]>;
  /** Makes the source if there is none. @throws source_owned when it has another owner */
  claim(name: SourceName, owner: string): Promise<SourceRecord>;
  /** The next fencing number of the source. */
  nextFence(name: SourceName): Promise<number>;
  /** Sets the counter to at least this. */
  raiseFence(name: SourceName, atLeast: number): Promise<void>;
  raiseFloor(name: SourceName, floor: VersionKey): Promise<void>;
  delete(name: SourceName): Promise<void>;
}

export interface Lease {
  readonly name: string;
  readonly holder: string;
  readonly fence: number;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Leases with fencing numbers; for sources the number comes from the source's own counter. */
export interface Leases {
  /** @returns undefined while somebody else holds it */
  acquire(name: string, holder: string, ttlMs: number, now: number, source?: SourceName): Promise<Lease | undefined>;
  /** @returns false when it is no longer this holder's */
  renew(lease: Lease, ttlMs: number, now: number): Promise<boolean>;
  release(lease: Lease): Promise<void>;
  /** Whether anybody holds it. */
  held(name: string, now: number): Promise<boolean>;
  /** Ends every lease. For a process that has just become the only one on this catalog: their holders are dead. */
  endAll(): Promise<void>;
}

export interface InventoryItem {
  readonly key: string;
  /** The part of the source it was listed under (a folder, a site); a listing deletes only within its own scope. */
  readonly scope: string;
  /** What tells that it changed: size, times, hash. */
  readonly state: JsonObject;
}

/** Connectors' cursors and inventories; every write is refused when a newer fence has written. */
export interface Cursors {
  load(name: SourceName): Promise<{ fence: number; cursor: Json } | undefined>;
  save(name: SourceName, fence: number, cursor: Json): Promise<boolean>;
  inventory(name: SourceName, options: { scope?: string; after?: string; limit: number }): Promise<InventoryItem[]>;
  item(name: SourceName, key: string): Promise<InventoryItem | undefined>;
  /** Puts and removes in one transaction. @returns false when a newer fence has written */
  updateInventory(
    name: SourceName,
    fence: number,
    put: readonly InventoryItem[],
    remove: readonly string[],
  ): Promise<boolean>;
  delete(name: SourceName): Promise<void>;
}

export interface ApiKey {
  readonly id: string;
  /** SHA-256 of the secret, hex. */
  readonly hash: string;
  readonly tenant: string;
  readonly principals: readonly string[];
  readonly scopes: readonly string[];
  readonly collections?: readonly string[];
  readonly requireAs: boolean;
  readonly label?: string;
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
}

export interface Keys {
  create(key: ApiKey): Promise<void>;
  byHash(hash: string): Promise<ApiKey | undefined>;
  /** Whether there ever was a key. */
  any(): Promise<boolean>;
  list(tenant?: string): Promise<ApiKey[]>;
  revoke(id: string, at: string): Promise<boolean>;
}

export interface Idempotency {
  /** Stores under (tenant, key) unless there (and, when `now` is given, not yet expired); returns what is stored. */
  remember(
    tenant: string,
    key: string,
    requestHash: string,
    answer: JsonObject,
    expiresAt: string,
    now?: string,
  ): Promise<{ requestHash: string; answer: JsonObject; stored: boolean }>;
  find(tenant: string, key: string, now: string): Promise<{ requestHash: string; answer: JsonObject } | undefined>;
  prune(now: string): Promise<number>;
}

/** Small values of the installation itself: log identity, format versions. */
export interface Meta {
  get(name: string): Promise<string | undefined>;
  set(name: string, value: string): Promise<void>;
  /** Sets it if it still is `expected` (undefined: not there). @returns false when it had changed */
  swap(name: string, expected: string | undefined, value: string): Promise<boolean>;
}

/** One of several processes that work on one catalog. */
export interface EngineProcess {
  readonly id: string;
  /** `serve`, `worker`, `connect` or `all`. */
  readonly role: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** It counts as dead from then on. Milliseconds since 1970. */
  readonly expiresAt: number;
  /** What it tells of itself. */
  readonly detail: JsonObject;
}

export interface Processes {
  /** Tells that the process lives, and what it is now. */
  beat(process: EngineProcess): Promise<void>;
  /** Those that live, the oldest first. */
  list(now: number): Promise<EngineProcess[]>;
  leave(id: string): Promise<void>;
  /** Removes what is left of processes that died before this. */
  forget(expiredBefore: number): Promise<void>;
}

/** The catalog: several small ports over one transactional store. */
export interface Catalog {
  readonly collections: Collections;
  readonly heads: Heads;
  readonly documents: Documents;
  readonly contents: Contents;
  readonly revisions: Revisions;
  readonly generations: Generations;
  readonly releases: Releases;
  readonly jobs: Jobs;
  readonly sources: Sources;
  readonly leases: Leases;
  readonly cursors: Cursors;
  readonly keys: Keys;
  readonly idempotency: Idempotency;
  readonly meta: Meta;
  readonly processes: Processes;
  close(): Promise<void>;
}
