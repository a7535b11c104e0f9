import type { Readable } from 'node:stream';
import type { ParsedDocument } from '../core/document.js';
import { FootnoteError } from '../core/errors.js';
import type { ContentRef } from '../core/event.js';
import { decodeParsed } from '../core/parsed-codec.js';
import { type Caller, mayRead } from '../core/policy.js';
import type { BlobStore } from '../core/ports/blobs.js';
import type { Catalog, DocumentRow, Head } from '../core/ports/catalog.js';
import type { Point, VectorStore } from '../core/ports/vectors.js';
import { requireCollection } from './require-collection.js';

export interface DocumentReadPorts {
  readonly catalog: Pick<Catalog, 'collections' | 'heads' | 'documents' | 'revisions' | 'releases'>;
  readonly blobs: Pick<BlobStore, 'get' | 'read'>;
  readonly vectors: Pick<VectorStore, 'document'>;
}

export type DocumentState = 'live' | 'pending' | 'failed' | 'deleted';

/** A document as its newest accepted event says, beside what the live generation shows of it. */
export interface DocumentView {
  readonly head: Head;
  /** The live generation's row; absent while it has not seen the document. */
  readonly row?: DocumentRow;
  /** `pending`: the live generation has not seen the newest version. */
  readonly state: DocumentState;
  readonly generation: string | undefined;
}

export interface ListDocuments {
  readonly source?: string;
  readonly key?: string;
  readonly state?: DocumentState;
  readonly after?: string;
  readonly limit: number;
}

const PAGE = 200;

/**
 * Reads of single documents. Permission is the head's, now; what the caller may not read does not exist for them
 * (`document_not_found` in both cases).
 */
export class DocumentReads {
  constructor(private readonly ports: DocumentReadPorts) {}

  /** @throws document_not_found, collection_not_found */
  async get(caller: Caller, collection: string, documentId: string): Promise<DocumentView> {
    const { heads, collections } = this.ports.catalog;
    const head = (await heads.get([documentId], { tenant: caller.tenant, collection })).get(documentId);
    // Also when there is such a document: what belongs to a collection that was moved away is still there.
    await requireCollection(collections, caller.tenant, collection);
    if (!head || !readable(caller, collection, head)) throw notFound(documentId);
    return this.#view(head, await this.#generation(caller, collection));
  }

  /** In order of document id; `next` goes into `after`. Pages are full unless it is the last. */
  async list(
    caller: Caller,
    collection: string,
    options: ListDocuments,
  ): Promise<{ documents: DocumentView[]; next?: string }> {
    await requireCollection(this.ports.catalog.collections, caller.tenant, collection);
    const generation = await this.#generation(caller, collection);
    const documents: DocumentView[] = [];
    let after = options.after;
    for (;;) {
      const heads = await this.ports.catalog.heads.list(caller.tenant, collection, {
        limit: PAGE,
        includeDeleted: options.state === 'deleted',
        ...(options.source === undefined ? {} : { source: options.source }),
        ...(options.key === undefined ? {} : { key: options.key }),
        ...(after === undefined ? {} : { after }),
      });
      for (const head of heads) {
        after = head.documentId;
        if (head.deleted !== (options.state === 'deleted') || !mayKnow(caller, collection, head)) continue;
        const view = await this.#view(head, generation);
        if (options.state !== undefined && view.state !== options.state) continue;
        documents.push(view);
        if (documents.length >= options.limit) return { documents, next: after };
      }
      if (heads.length < PAGE) return { documents };
    }
  }

  /** The normalized text with its structure: of the visible revision, or of an older one that is still kept. @throws content_missing */
  async text(
    caller: Caller,
    collection: string,
    documentId: string,
    revision?: string,
  ): Promise<{ revision: string; parsed: ParsedDocument }> {
    const { row } = await this.get(caller, collection, documentId);
    const wanted = revision ?? row?.visible?.revision;
    const record = wanted === undefined ? undefined : await this.ports.catalog.revisions.get(documentId, wanted);
    if (!record) {
      const message =
        revision === undefined
          ? `Document ${documentId} has no searchable text: read the document, its state and error say why.`
          : `The text of revision ${revision} is not kept (any more): leave the revision away for the newest text.`;
      throw new FootnoteError('content_missing', message);
    }
    const bytes = await this.ports.blobs.read(record.parsed);
    return { revision: record.revision, parsed: decodeParsed(bytes) };
  }

  /** The visible chunks in order, without vectors. */
  async chunks(caller: Caller, collection: string, documentId: string): Promise<Point[]> {
    const { row, generation } = await this.get(caller, collection, documentId);
    if (!row?.visible || generation === undefined) return [];
    const points = await this.ports.vectors.document(generation, documentId, row.visible.version);
    return points.filter((point) => point.revision === row.visible?.revision);
  }

  /** The newest accepted original. @throws content_missing */
  async original(
    caller: Caller,
    collection: string,
    documentId: string,
    range?: { start: number; end: number },
  ): Promise<{ stream: Readable; content: ContentRef; mime?: string; name?: string }> {
    const { head } = await this.get(caller, collection, documentId);
    const { content, mime, name } = head.event;
    if (!content) throw notFound(documentId);
    const stream = await this.ports.blobs.get(content, range);
    return { stream, content, ...(mime === undefined ? {} : { mime }), ...(name === undefined ? {} : { name }) };
  }

  async #generation(caller: Caller, collection: string): Promise<string | undefined> {
    return (await this.ports.catalog.releases.current(caller.tenant, collection))?.generation;
  }

  async #view(head: Head, generation: string | undefined): Promise<DocumentView> {
    const row =
      generation === undefined ? undefined : await this.ports.catalog.documents.get(generation, head.documentId);
    const behind = !row || row.seen.version < head.version;
    const state = head.deleted ? 'deleted' : behind ? 'pending' : row.state === 'failed' ? 'failed' : 'live';
    return { head, state, generation, ...(row ? { row } : {}) };
  }
}

function readable(caller: Caller, collection: string, head: Head): boolean {
  return !head.deleted && mayKnow(caller, collection, head);
}

function mayKnow(caller: Caller, collection: string, { event }: Head): boolean {
  return event.collection === collection && mayRead(caller, event.tenant, event.policy);
}

function notFound(documentId: string): FootnoteError {
  return new FootnoteError('document_not_found', `There is no document ${documentId}.`);
}
