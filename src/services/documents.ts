import type { Readable } from 'node:stream';
import { FootnoteError, asFootnoteError, throwIfAborted } from '../core/errors.js';
import { type ChangeEvent, type ContentRef, EVENT_VERSION, type ParseOptions } from '../core/event.js';
import { streamOf } from '../core/generation.js';
import { type DocumentName, documentId } from '../core/ids.js';
import type { Json, JsonObject } from '../core/json.js';
import { type Caller, type Policy, PolicySchema, mayRead } from '../core/policy.js';
import { type BlobStore, NAME_BLOB_WITHIN_MS } from '../core/ports/blobs.js';
import type { Catalog, Collection, Head, SourceRecord } from '../core/ports/catalog.js';
import type { Clock } from '../core/ports/clock.js';
import { type VersionKey, parseVersionKey, versionKey } from '../core/version.js';
import type { FaultPoints } from '../runtime/faults.js';
import { mergePatch } from './merge-patch.js';
import { requireCollection } from './require-collection.js';

export interface DocumentWritePorts {
  readonly catalog: Pick<Catalog, 'collections' | 'heads' | 'sources'>;
  readonly blobs: Pick<BlobStore, 'put' | 'get' | 'delete'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly faults: FaultPoints;
  /** An event stands in the outbox: publish it. */
  readonly onDecided?: () => void;
}

/** Where a write can be interrupted between two effects. */
export const DOCUMENT_FAULT_POINTS = ['documents:content-stored', 'documents:decided'] as const;

export interface WriteOptions {
  /** The head's version that the caller saw, or `*` for any: @throws precondition_failed when it is another. */
  readonly ifMatch?: string;
  /** Only if there is no such document. */
  readonly ifNoneMatch?: '*';
  readonly signal?: AbortSignal;
}

/** What a document brings besides its bytes. */
export interface DocumentFields {
  readonly mime?: string | undefined;
  readonly name?: string | undefined;
  readonly title?: string | undefined;
  readonly uri?: string | undefined;
  readonly metadata?: JsonObject | undefined;
  /** Absent: the document keeps its policy; a new one gets the collection's default. Leaving it out never widens it. */
  readonly policy?: Policy | undefined;
  readonly parse?: { readonly charset?: string | undefined; readonly password?: string | undefined } | undefined;
  /** ISO 8601; now when absent. */
  readonly observedAt?: string | undefined;
}

export interface PutDocument {
  readonly content: Readable | Uint8Array;
  /** @throws document_too_large beyond it */
  readonly maxBytes?: number;
  /** Asked once the content was read to its end: in a multipart body the fields may follow it. */
  readonly fields: () => Promise<DocumentFields>;
}

/** Absent leaves, null removes, metadata and policy merge (RFC 7396). */
export interface PatchDocument {
  readonly title?: string | null;
  readonly uri?: string | null;
  readonly metadata?: JsonObject;
  readonly policy?: JsonObject;
}

export interface Accepted {
  readonly documentId: string;
  /** The head's new version; the ETag. */
  readonly version: VersionKey;
  /** There was no live document of this name before. */
  readonly created: boolean;
}

/** A write that lost this many races in a row is told to its caller. */
const ATTEMPTS = 32;

/**
 * Writes to documents owned by the API. The request decides on the document's head; the event goes out through the outbox
 * of the same transaction, so an accepted write reaches the log in exactly that order whatever crashes.
 */
export class DocumentWrites {
  constructor(private readonly ports: DocumentWritePorts) {}

  /** Durable on return. @throws collection_not_found, source_owned, precondition_failed, forbidden, document_too_large */
  async put(
    caller: Caller,
    name: Omit<DocumentName, 'tenant'>,
    input: PutDocument,
    options: WriteOptions = {},
  ): Promise<Accepted> {
    const { ports } = this;
    const full = { tenant: caller.tenant, collection: name.collection, source: name.source, key: name.key };
    const collection = await this.#collection(full);
    await this.#source(full);
    const id = documentId(full);
    // Before the upload: a request that can't be accepted should not cost a blob.
    this.#mayWrite(caller, full, (await ports.catalog.heads.get([id])).get(id), options);
    const content = await ports.blobs.put({ ...full, documentId: id, kind: 'original' }, input.content, {
      ...(input.maxBytes === undefined ? {} : { maxBytes: input.maxBytes }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    const storedAt = ports.clock.now();
    await this.#reach('documents:content-stored', id);
    const write = (async () => {
      const fields = await input.fields();
      return this.#decide(caller, full, options, async (head) => ({
        op: 'upsert',
        content,
        ...described(fields),
        policy: fields.policy ?? (live(head) ? head.event.policy : collection.defaultPolicy),
        observedAt: fields.observedAt ?? this.#now(),
        storedAt,
      }));
    })();
    return this.#orDrop(write, content);
  }

  /** Merges into the newest state, which it carries with its own copy of the content. @throws document_not_found, … */
  async patch(
    caller: Caller,
    name: Omit<DocumentName, 'tenant'>,
    change: PatchDocument,
    options: WriteOptions = {},
  ): Promise<Accepted> {
    const full = { ...name, tenant: caller.tenant };
    await this.#collection(full);
    const id = documentId(full);
    let copy: { of: string; ref: ContentRef; storedAt: number } | undefined;
    const drop = async (): Promise<void> => {
      if (copy) await this.ports.blobs.delete(copy.ref);
      copy = undefined;
    };
    try {
      return await this.#decide(caller, full, options, async (head) => {
        const found = this.#readable(caller, full, head);
        const { content } = found.event;
        if (!content) throw new FootnoteError('internal', `The head of ${id} has no content.`);
        if (copy?.of !== content.blob) {
          await drop();
          const bytes = await this.ports.blobs.get(content);
          const ref = await this.ports.blobs.put({ ...full, documentId: id, kind: 'original' }, bytes);
          copy = { of: content.blob, ref, storedAt: this.ports.clock.now() };
          await this.#reach('documents:content-stored', id);
        }
        return { ...merged(found.event, change, copy.ref, this.#now()), storedAt: copy.storedAt };
      });
    } catch (error) {
      if (undecided(error)) await drop();
      throw error;
    }
  }

  /** @throws document_not_found (also for what the caller may not read), source_owned, precondition_failed */
  async delete(caller: Caller, name: Omit<DocumentName, 'tenant'>, options: WriteOptions = {}): Promise<Accepted> {
    const full = { ...name, tenant: caller.tenant };
    await this.#collection(full);
    return this.#decide(caller, full, options, async (head) => ({
      op: 'delete',
      policy: this.#readable(caller, full, head).event.policy,
      observedAt: this.#now(),
    }));
  }

  /** Decides on the head as it is; when it moved meanwhile, once more from its new state. */
  async #decide(
    caller: Caller,
    name: DocumentName,
    options: WriteOptions,
    next: (head: Head | undefined) => Promise<Body & { readonly storedAt?: number }>,
  ): Promise<Accepted> {
    const { heads } = this.ports.catalog;
    const id = documentId(name);
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      throwIfAborted(options.signal);
      const head = (await heads.get([id])).get(id);
      this.#mayWrite(caller, name, head, options);
      let body: Body & { readonly storedAt?: number };
      try {
        body = await next(head);
      } catch (error) {
        // The newest content can only go when the head moves: then there is a newer one to start from.
        if (asFootnoteError(error).code !== 'content_missing') throw error;
        if ((await heads.get([id])).get(id)?.version === head?.version) throw error;
        continue;
      }
      const { storedAt, ...state } = body;
      const order = await this.#nextVersion(name, head);
      const event: ChangeEvent = {
        v: EVENT_VERSION,
        tenant: name.tenant,
        collection: name.collection,
        source: name.source,
        key: name.key,
        fence: order.fence,
        sequence: order.n,
        ...state,
      };
      const version = versionKey(order);
      const decided: Head = {
        documentId: id,
        version,
        deleted: event.op === 'delete',
        event,
        updatedAt: this.#now(),
      };
      // Refused rather than naming a blob that may have been swept meanwhile.
      if (storedAt !== undefined && this.ports.clock.now() - storedAt > NAME_BLOB_WITHIN_MS) {
        throw new FootnoteError('request_timeout', 'The upload took too long to be accepted: send it again.', {
          permanence: 'permanent',
        });
      }
      if (await heads.decide(decided, head?.version, streamOf(name.tenant, name.collection))) {
        await this.#reach('documents:decided', id);
        this.ports.onDecided?.();
        return { documentId: id, version, created: !live(head) };
      }
    }
    throw new FootnoteError('conflict', 'The document changes faster than this write could be decided: try again.', {
      retryAfter: 1,
    });
  }

  /** Fence of the API for this source, epoch 0, the head's next sequence number; always newer than the head and the floor. */
  async #nextVersion(name: DocumentName, head: Head | undefined): Promise<{ fence: number; epoch: 0; n: bigint }> {
    const source = await this.#source(name);
    const last = head && parseVersionKey(head.version);
    const floor = source.floor === undefined ? undefined : parseVersionKey(source.floor);
    let fence = source.fence;
    const above = Math.max(last?.fence ?? 0, floor?.fence ?? 0);
    if (fence < above || fence === 0) {
      // The source was made anew, or restored: its counter must not fall behind what its documents carry.
      await this.ports.catalog.sources.raiseFence(name, above + 1);
      fence = (await this.#source(name)).fence;
    }
    const sequence = (of: typeof last): bigint => (of?.fence === fence && of.epoch === 0 ? of.n : 0n);
    // An epoch above 0 at this fence: events of a log, from before the API owned the source. Start above them.
    if ((last?.fence === fence && last.epoch > 0) || (floor?.fence === fence && floor.epoch > 0)) {
      fence = await this.ports.catalog.sources.nextFence(name);
    }
    const n = [sequence(last), sequence(floor)].reduce((a, b) => (a > b ? a : b)) + 1n;
    return { fence, epoch: 0, n };
  }

  async #collection(name: DocumentName): Promise<Collection> {
    return requireCollection(this.ports.catalog.collections, name.tenant, name.collection);
  }

  /** @throws source_owned when a connector owns it */
  async #source(name: DocumentName): Promise<SourceRecord> {
    return this.ports.catalog.sources.claim(name, 'api');
  }

  #mayWrite(caller: Caller, name: DocumentName, head: Head | undefined, options: WriteOptions): void {
    const exists = live(head);
    const { ifMatch, ifNoneMatch } = options;
    const matches = ifMatch === undefined || (exists && (ifMatch === '*' || ifMatch === head.version));
    if (!matches || (ifNoneMatch === '*' && exists)) {
      throw new FootnoteError('precondition_failed', `The document ${name.key} is not in the expected version.`);
    }
    if (exists && !mayRead(caller, head.event.tenant, head.event.policy)) {
      throw new FootnoteError('forbidden', `This key may not write the document ${name.key}.`);
    }
  }

  #readable(caller: Caller, name: DocumentName, head: Head | undefined): Head {
    if (live(head) && mayRead(caller, head.event.tenant, head.event.policy)) return head;
    throw new FootnoteError('document_not_found', `There is no document ${name.key} in source ${name.source}.`);
  }

  async #orDrop(write: Promise<Accepted>, content: ContentRef): Promise<Accepted> {
    try {
      return await write;
    } catch (error) {
      if (undecided(error)) await this.ports.blobs.delete(content);
      throw error;
    }
  }

  #reach(point: (typeof DOCUMENT_FAULT_POINTS)[number], id: string): Promise<void> {
    return this.ports.faults.reach(point, id);
  }

  #now(): string {
    return new Date(this.ports.clock.now()).toISOString();
  }
}

/**
 * Whether the write certainly was not accepted. After a failure of the catalog itself nobody knows: the blob stays, and
 * the sweep takes it if no event names it.
 */
function undecided(error: unknown): boolean {
  return asFootnoteError(error).permanence === 'permanent';
}

function described(fields: DocumentFields): Partial<ChangeEvent> {
  const { mime, name, title, uri, metadata, parse } = fields;
  const options: ParseOptions = {
    ...(parse?.charset === undefined ? {} : { charset: parse.charset }),
    ...(parse?.password === undefined ? {} : { password: parse.password }),
  };
  return {
    ...(mime === undefined ? {} : { mime }),
    ...(name === undefined ? {} : { name }),
    ...(title === undefined ? {} : { title }),
    ...(uri === undefined ? {} : { uri }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(parse === undefined ? {} : { parse: options }),
  };
}

function live(head: Head | undefined): head is Head {
  return head !== undefined && !head.deleted;
}

type Body = Omit<ChangeEvent, 'v' | 'tenant' | 'collection' | 'source' | 'key' | 'fence' | 'sequence'>;

function merged(event: ChangeEvent, change: PatchDocument, content: ContentRef, observedAt: string): Body {
  const { mime, name, parse } = event;
  const title = change.title === undefined ? event.title : (change.title ?? undefined);
  const uri = change.uri === undefined ? event.uri : (change.uri ?? undefined);
  const metadata = change.metadata ? (mergePatch(event.metadata, change.metadata) as JsonObject) : event.metadata;
  return {
    op: 'upsert',
    content,
    policy: change.policy ? patchedPolicy(event.policy, change.policy) : event.policy,
    ...(mime === undefined ? {} : { mime }),
    ...(name === undefined ? {} : { name }),
    ...(parse === undefined ? {} : { parse }),
    ...(title === undefined ? {} : { title }),
    ...(uri === undefined ? {} : { uri }),
    ...(metadata === undefined ? {} : { metadata }),
    observedAt,
  };
}

function patchedPolicy(policy: Policy, patch: JsonObject): Policy {
  const result = PolicySchema.safeParse(mergePatch(policy as unknown as Json, patch));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new FootnoteError('invalid_request', `policy.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}.`);
}
