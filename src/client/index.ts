import type { z } from 'zod';
import type { CitationChecks, VerifyCitationsSchema } from '../core/schemas/citations.js';
import type { CollectionList, CollectionPutSchema, CollectionView } from '../core/schemas/collections.js';
import type { SourceList, SourcePreview, SourceView } from '../core/schemas/connectors.js';
import type {
  BatchResult,
  ChunkList,
  DocumentAccepted,
  DocumentApplied,
  BatchSchema,
  DocumentJsonSchema,
  DocumentList,
  DocumentPatchSchema,
  DocumentState,
  DocumentText,
  DocumentView,
} from '../core/schemas/documents.js';
import type { JobList, JobView } from '../core/schemas/jobs.js';
import type { KeyCreateSchema, KeyCreated, KeyList } from '../core/schemas/keys.js';
import type {
  BackupSchema,
  CanonicalChunk,
  DeadLetterList,
  DeadLetterView,
  IngestEvent,
  IngestSchema,
  Readiness,
  ReleasePutSchema,
  ReleaseView,
  ReplayResult,
  Status,
  VerifyEvent,
  VerifySchema,
} from '../core/schemas/operations.js';
import type {
  ContextManyResult,
  ContextManySchema,
  ContextResult,
  ContextSchema,
  SearchManyResult,
  SearchManySchema,
  SearchResult,
  SearchSchema,
  WhyResult,
  WhySchema,
} from '../core/schemas/query.js';
import type {
  GenerationList,
  ReindexSchema,
  ReleaseDiffResult,
  ReleaseDiffSchema,
  ReleaseList,
} from '../core/schemas/reindex.js';
import { FootnoteApiError } from './errors.js';
import type { Call, CallOptions, ClientOptions } from './transport.js';
import { Transport } from './transport.js';

export { FootnoteApiError } from './errors.js';
export type { CallOptions, ClientOptions } from './transport.js';

type Of<S extends z.ZodType> = z.input<S>;

export interface Paging extends CallOptions {
  /** `next` of the page before. */
  readonly cursor?: string;
  readonly limit?: number;
}

/** For reads of one document or list: for whom, of the key's principals. */
export interface Reading extends CallOptions {
  readonly as?: readonly string[];
}

export interface Writing extends CallOptions {
  /** Answer when it is searchable. */
  readonly wait?: boolean;
  /** The ETag that the document must have. */
  readonly ifMatch?: string;
  /** Makes the write repeatable: it is done once, however often it is sent. */
  readonly idempotencyKey?: string;
}

/** A document's name within its collection. Source `api` unless said. */
export interface Named {
  readonly source?: string;
  readonly key: string;
}

/** Bytes with their type, or fields with `text` or `base64`. */
export type DocumentContent =
  | { readonly content: string | Uint8Array | ReadableStream<Uint8Array>; readonly contentType: string }
  | Of<typeof DocumentJsonSchema>;

type Written = DocumentApplied | DocumentAccepted;

const FIELDS = 'application/vnd.footnote.document+json';
const ENDED = new Set(['succeeded', 'failed', 'cancelled']);

/**
 * The whole HTTP API, a method an operation, named as in the OpenAPI document. Works wherever there is `fetch`; imports
 * nothing else. Answers other than success are thrown as FootnoteApiError. Calls that may be repeated are, after a 429, a
 * 503 or a broken connection.
 */
export class FootnoteClient {
  readonly #http: Transport;

  constructor(options: ClientOptions) {
    this.#http = new Transport(options);
  }

  // Query

  search(collection: string, request: Of<typeof SearchSchema>, options?: CallOptions): Promise<SearchResult> {
    return this.#ask(at(collection, 'search'), request, options);
  }

  context(collection: string, request: Of<typeof ContextSchema>, options?: CallOptions): Promise<ContextResult> {
    return this.#ask(at(collection, 'context'), request, options);
  }

  searchMany(request: Of<typeof SearchManySchema>, options?: CallOptions): Promise<SearchManyResult> {
    return this.#ask('/v1/search', request, options);
  }

  contextMany(request: Of<typeof ContextManySchema>, options?: CallOptions): Promise<ContextManyResult> {
    return this.#ask('/v1/context', request, options);
  }

  why(collection: string, request: Of<typeof WhySchema>, options?: CallOptions): Promise<WhyResult> {
    return this.#ask(at(collection, 'why'), request, options);
  }

  verifyCitations(
    collection: string,
    request: Of<typeof VerifyCitationsSchema>,
    options?: CallOptions,
  ): Promise<CitationChecks> {
    return this.#ask(at(collection, 'citations/verify'), request, options);
  }

  // Documents

  putDocument(collection: string, document: Named, content: DocumentContent, options?: Writing): Promise<Written> {
    return this.#http.json('PUT', named(collection, document), {
      ...carrying(content, options),
      repeatable: repeats(content),
    });
  }

  /** The server makes the key. */
  addDocument(
    collection: string,
    content: DocumentContent,
    { source, ...options }: Writing & { readonly source?: string } = {},
  ): Promise<Written> {
    const call = carrying(content, options);
    return this.#http.json('POST', at(collection, 'documents'), {
      ...call,
      query: { ...call.query, source },
      repeatable: options.idempotencyKey !== undefined && repeats(content),
    });
  }

  batchDocuments(collection: string, batch: Of<typeof BatchSchema>, options?: Writing): Promise<BatchResult> {
    const repeatable = options?.idempotencyKey !== undefined;
    return this.#http.json('POST', at(collection, 'documents:batch'), { ...writing(options), json: batch, repeatable });
  }

  patchDocument(
    collection: string,
    documentId: string,
    patch: Of<typeof DocumentPatchSchema>,
    options?: Writing,
  ): Promise<Written> {
    return this.#http.json('PATCH', document(collection, documentId), {
      ...writing(options),
      json: patch,
      repeatable: true,
    });
  }

  deleteDocument(collection: string, documentId: string, options?: Writing): Promise<Written> {
    return this.#http.json('DELETE', document(collection, documentId), { ...writing(options), repeatable: true });
  }

  deleteDocumentByKey(collection: string, of: Named, options?: Writing): Promise<Written> {
    return this.#http.json('DELETE', named(collection, of), { ...writing(options), repeatable: true });
  }

  deleteSource(collection: string, source: string, options?: CallOptions): Promise<JobView> {
    return this.#http.json('DELETE', at(collection, `sources/${encodeURIComponent(source)}`), { ...options });
  }

  listDocuments(
    collection: string,
    options: Paging &
      Reading & { readonly source?: string; readonly key?: string; readonly state?: DocumentState } = {},
  ): Promise<DocumentList> {
    return this.#get(at(collection, 'documents'), options);
  }

  getDocument(collection: string, documentId: string, options?: Reading): Promise<DocumentView> {
    return this.#get(document(collection, documentId), options);
  }

  getDocumentByKey(collection: string, of: Named, options?: Reading): Promise<DocumentView> {
    return this.#get(named(collection, of), options);
  }

  getDocumentText(
    collection: string,
    documentId: string,
    options?: Reading & { readonly revision?: string },
  ): Promise<DocumentText> {
    return this.#get(`${document(collection, documentId)}/text`, options, { accept: 'application/json' });
  }

  getDocumentChunks(collection: string, documentId: string, options?: Paging & Reading): Promise<ChunkList> {
    return this.#get(`${document(collection, documentId)}/chunks`, options);
  }

  /** The newest accepted bytes. */
  getDocumentOriginal(collection: string, documentId: string, { as, ...options }: Reading = {}): Promise<Response> {
    const query = as === undefined ? {} : { query: { as } };
    return this.#http.send('GET', `${document(collection, documentId)}/original`, {
      ...options,
      ...query,
      repeatable: true,
    });
  }

  // Collections

  listCollections(options?: CallOptions): Promise<CollectionList> {
    return this.#get('/v1/collections', options);
  }

  putCollection(
    collection: string,
    change: Of<typeof CollectionPutSchema> = {},
    options?: CallOptions,
  ): Promise<CollectionView> {
    return this.#http.json('PUT', at(collection), { ...options, json: change, repeatable: true });
  }

  getCollection(collection: string, options?: CallOptions): Promise<CollectionView> {
    return this.#get(at(collection), options);
  }

  deleteCollection(collection: string, options?: CallOptions): Promise<void> {
    return this.#http.json('DELETE', at(collection), { ...options });
  }

  // Ingestion and checks

  /** Folders of the server's own machine: wants the token of `server.json` as the key. */
  ingest(collection: string, request: Of<typeof IngestSchema>, options?: CallOptions): AsyncGenerator<IngestEvent> {
    return this.#http.lines('POST', at(collection, 'ingest'), { ...options, json: request });
  }

  verify(
    collection: string,
    request: Of<typeof VerifySchema> = {},
    options?: CallOptions,
  ): AsyncGenerator<VerifyEvent> {
    return this.#http.lines('POST', at(collection, 'verify'), { ...options, json: request });
  }

  export(collection: string, options?: CallOptions): AsyncGenerator<CanonicalChunk> {
    return this.#http.lines('GET', at(collection, 'export'), { ...options });
  }

  listDeadLetters(collection: string, options?: Paging): Promise<DeadLetterList> {
    return this.#get(at(collection, 'dlq'), options);
  }

  getDeadLetter(collection: string, id: string, options?: CallOptions): Promise<DeadLetterView> {
    return this.#get(at(collection, `dlq/${encodeURIComponent(id)}`), options);
  }

  replayDeadLetter(collection: string, id: string, options?: CallOptions): Promise<ReplayResult> {
    return this.#http.json('POST', at(collection, `dlq/${encodeURIComponent(id)}/replay`), { ...options });
  }

  dropDeadLetter(collection: string, id: string, options?: CallOptions): Promise<void> {
    return this.#http.json('POST', at(collection, `dlq/${encodeURIComponent(id)}/drop`), { ...options });
  }

  // Generations and releases

  reindex(collection: string, request: Of<typeof ReindexSchema> = {}, options?: CallOptions): Promise<JobView> {
    return this.#http.json('POST', at(collection, 'reindex'), { ...options, json: request });
  }

  listGenerations(collection: string, options?: CallOptions): Promise<GenerationList> {
    return this.#get(at(collection, 'generations'), options);
  }

  dropGeneration(collection: string, generation: string, options?: CallOptions): Promise<void> {
    return this.#http.json('DELETE', at(collection, `generations/${encodeURIComponent(generation)}`), { ...options });
  }

  diffGenerations(
    collection: string,
    request: Of<typeof ReleaseDiffSchema>,
    options?: CallOptions,
  ): Promise<ReleaseDiffResult> {
    return this.#ask(at(collection, 'generations/diff'), request, options);
  }

  getRelease(collection: string, options?: CallOptions): Promise<ReleaseView> {
    return this.#get(at(collection, 'release'), options);
  }

  setRelease(collection: string, request: Of<typeof ReleasePutSchema>, options?: CallOptions): Promise<ReleaseView> {
    return this.#http.json('PUT', at(collection, 'release'), { ...options, json: request });
  }

  listReleases(collection: string, options?: CallOptions): Promise<ReleaseList> {
    return this.#get(at(collection, 'releases'), options);
  }

  // Jobs

  listJobs(options?: Paging & { readonly kind?: string; readonly state?: JobView['state'] }): Promise<JobList> {
    return this.#get('/v1/jobs', options);
  }

  getJob(id: string, options?: CallOptions): Promise<JobView> {
    return this.#get(job(id), options);
  }

  pauseJob(id: string, options?: CallOptions): Promise<JobView> {
    return this.#http.json('POST', `${job(id)}/pause`, { ...options });
  }

  resumeJob(id: string, options?: CallOptions): Promise<JobView> {
    return this.#http.json('POST', `${job(id)}/resume`, { ...options });
  }

  cancelJob(id: string, options?: CallOptions): Promise<JobView> {
    return this.#http.json('POST', `${job(id)}/cancel`, { ...options });
  }

  /** Looks at a job until it has ended. @throws FootnoteApiError with the job's own code when it failed */
  async waitForJob(
    id: string,
    { everyMs = 250, ...options }: CallOptions & { readonly everyMs?: number } = {},
  ): Promise<JobView> {
    for (;;) {
      const now = await this.getJob(id, options);
      if (now.error) throw new FootnoteApiError(now.error.code as 'internal', now.error.message, 200);
      if (ENDED.has(now.state)) return now;
      options.signal?.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  // Keys

  listKeys(options?: CallOptions): Promise<KeyList> {
    return this.#get('/v1/keys', options);
  }

  createKey(request: Of<typeof KeyCreateSchema>, options?: CallOptions): Promise<KeyCreated> {
    return this.#http.json('POST', '/v1/keys', { ...options, json: request });
  }

  revokeKey(id: string, options?: CallOptions): Promise<void> {
    return this.#http.json('DELETE', `/v1/keys/${encodeURIComponent(id)}`, { ...options, repeatable: true });
  }

  // Sources

  listSources(options?: CallOptions): Promise<SourceList> {
    return this.#get('/v1/connectors', options);
  }

  pauseSource(collection: string, source: string, options?: CallOptions): Promise<SourceView> {
    return this.#http.json('POST', `${sourceAt(collection, source)}/pause`, { ...options });
  }

  resumeSource(collection: string, source: string, options?: CallOptions): Promise<SourceView> {
    return this.#http.json('POST', `${sourceAt(collection, source)}/resume`, { ...options });
  }

  runSource(collection: string, source: string, options?: CallOptions): Promise<SourceView> {
    return this.#http.json('POST', `${sourceAt(collection, source)}/run`, { ...options });
  }

  /** Lets deletions pass that the brake stopped. */
  confirmSource(collection: string, source: string, options?: CallOptions): Promise<SourceView> {
    return this.#http.json('POST', `${sourceAt(collection, source)}/confirm`, { ...options });
  }

  previewSource(collection: string, source: string, options?: CallOptions): AsyncGenerator<SourcePreview> {
    return this.#http.lines('POST', `${sourceAt(collection, source)}/preview`, { ...options });
  }

  // Service

  health(options?: CallOptions): Promise<{ readonly status: string }> {
    return this.#get('/healthz', options);
  }

  /** @throws FootnoteApiError `unavailable` (503) while it can't serve */
  ready(options?: CallOptions): Promise<Readiness> {
    return this.#http.json('GET', '/readyz', { ...options });
  }

  status(options?: CallOptions): Promise<Status> {
    return this.#get('/v1/status', options);
  }

  /** In the Prometheus text format. */
  async metrics(options?: CallOptions): Promise<string> {
    return (await this.#http.send('GET', '/metrics', { ...options, repeatable: true })).text();
  }

  /** Into a folder of the server: wants the token of `server.json` as the key. */
  backup(request: Of<typeof BackupSchema>, options?: CallOptions): Promise<JobView> {
    return this.#http.json('POST', '/v1/backup', { ...options, json: request });
  }

  /** Removes what is past its time, in every collection: wants the token of `server.json` as the key. */
  maintain(options?: CallOptions): Promise<JobView> {
    return this.#http.json('POST', '/v1/maintain', { ...options });
  }

  /** The OpenAPI 3.1 document. */
  openapi(options?: CallOptions): Promise<Readonly<Record<string, unknown>>> {
    return this.#get('/openapi.json', options);
  }

  #ask<T>(path: string, json: unknown, options: CallOptions = {}): Promise<T> {
    return this.#http.json('POST', path, { ...options, json, repeatable: true });
  }

  #get<T>(path: string, { signal, ...query }: CallOptions & object = {}, headers: Call['headers'] = {}): Promise<T> {
    const call = { query: query as Call['query'] & {}, headers, repeatable: true };
    return this.#http.json('GET', path, signal === undefined ? call : { ...call, signal });
  }
}

function at(collection: string, path?: string): string {
  return `/v1/collections/${encodeURIComponent(collection)}${path === undefined ? '' : `/${path}`}`;
}

function document(collection: string, documentId: string): string {
  return at(collection, `documents/${encodeURIComponent(documentId)}`);
}

function named(collection: string, { source = 'api', key }: Named): string {
  return at(collection, `sources/${encodeURIComponent(source)}/documents/${encodeURIComponent(key)}`);
}

function job(id: string): string {
  return `/v1/jobs/${encodeURIComponent(id)}`;
}

function sourceAt(collection: string, source: string): string {
  return `/v1/connectors/${encodeURIComponent(collection)}/${encodeURIComponent(source)}`;
}

function writing({ wait, ifMatch, idempotencyKey, signal }: Writing = {}): Call {
  return {
    query: { wait },
    headers: { 'if-match': ifMatch, 'idempotency-key': idempotencyKey },
    ...(signal === undefined ? {} : { signal }),
  };
}

/** A write with a document. */
function carrying(content: DocumentContent, options: Writing | undefined): Call {
  const { headers, ...call } = writing(options);
  if (!('contentType' in content)) return { ...call, headers: { ...headers, 'content-type': FIELDS }, json: content };
  return { ...call, headers: { ...headers, 'content-type': content.contentType }, content: content.content };
}

/** A stream is gone once it was sent. */
function repeats(content: DocumentContent): boolean {
  return !('contentType' in content && content.content instanceof ReadableStream);
}
