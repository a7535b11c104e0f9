import { Readable } from 'node:stream';
import { FootnoteError } from '../../src/core/errors.js';
import type { Caller } from '../../src/core/policy.js';
import type { SourceView } from '../../src/core/schemas/connectors.js';
import type { DocumentFields, DocumentView } from '../../src/core/schemas/documents.js';
import type { JobView } from '../../src/core/schemas/jobs.js';
import type { EngineSurface, WriteOptions, WriteOutcome } from '../../src/core/surface.js';

/**
 * Functions that an API can be handed in tests of routing and validation; they answer with fixed, well-formed values and
 * note what they were asked. What an engine does is tested with an engine.
 */
export interface FakeSurface extends EngineSurface {
  readonly asked: { readonly name: string; readonly caller?: Caller; readonly args: readonly unknown[] }[];
  /** The bytes and fields of documents that were put, by key. */
  readonly stored: Map<string, { bytes: Buffer; fields: DocumentFields; options: WriteOptions }>;
  /** How the next writes end. */
  outcome: 'accepted' | 'applied' | 'failed';
}

export const DOCUMENT_ID = '3f0c2f6e-4a3b-5d1c-8e9f-0a1b2c3d4e5f';
export const REVISION = '0123456789abcdef0123456789abcdef';
const AT = '2026-01-01T00:00:00.000Z';
const ETAG = '0000000000001.00000000.0000000000000001';
const release = { number: 1, generation: 'g-1' };

function fakeJob(state: JobView['state'] = 'queued'): JobView {
  return { id: 'j-1', kind: 'document', state, progress: { done: 0, total: 1 }, createdAt: AT, updatedAt: AT };
}

const document: DocumentView = {
  documentId: DOCUMENT_ID,
  collection: 'demo',
  source: 'api',
  key: 'a.md',
  state: 'live',
  etag: ETAG,
  revision: REVISION,
  metadata: { year: 2024 },
  policy: { principals: ['local'] },
  observedAt: AT,
  updatedAt: AT,
  content: { bytes: 5, sha256: 'ab' },
};

const citation = {
  id: 'c1x',
  documentId: DOCUMENT_ID,
  revision: REVISION,
  source: 'api',
  key: 'a.md',
  quote: 'Turn',
  span: { start: 0, end: 4 },
  selectors: [{ type: 'TextPositionSelector' as const, start: 0, end: 4 }],
};

const source: SourceView = {
  collection: 'demo',
  source: 'docs',
  connector: 'files',
  state: 'idle',
  everyMs: 60_000,
  watch: 'on',
  last: {
    startedAt: AT,
    endedAt: AT,
    outcome: 'ok',
    counts: { sent: 1, deleted: 0, unchanged: 2, skipped: 0, failed: 0 },
    problems: [],
    fence: 3,
  },
  nextAt: AT,
  failures: 0,
  fence: 3,
  cursor: { commit: 'abc' },
};

export function fakeSurface(changes: Partial<EngineSurface> = {}): FakeSurface {
  const asked: FakeSurface['asked'] = [];
  const stored: FakeSurface['stored'] = new Map();
  const note = (name: string, caller: Caller, ...args: unknown[]) => void asked.push({ name, caller, args });
  const write = (key: string, { waitMs }: WriteOptions): WriteOutcome => {
    const names = { documentId: DOCUMENT_ID, source: 'api', key };
    if (waitMs === undefined || surface.outcome === 'accepted') {
      return { outcome: 'accepted', etag: ETAG, body: { ...names, state: 'pending', job: fakeJob() } };
    }
    if (surface.outcome === 'failed') {
      const error = { code: 'password_required', message: 'The document is encrypted: send its password.' };
      return { outcome: 'failed', etag: ETAG, documentId: DOCUMENT_ID, error };
    }
    return { outcome: 'applied', etag: ETAG, body: { ...names, state: 'live', revision: REVISION, chunks: 1 } };
  };
  const collection = { name: 'demo', defaultPolicy: { principals: ['local'] }, settings: {}, createdAt: AT };
  const letter = {
    id: 'd-1',
    documentId: DOCUMENT_ID,
    source: 'api',
    key: 'a.md',
    op: 'upsert' as const,
    generation: 'g-1',
    code: 'corrupt_document',
    message: 'It cannot be read.',
    attempts: 1,
    at: AT,
    position: { epoch: 1, partition: 0, offset: '7' },
  };
  const generation = {
    id: 'g-1',
    state: 'live' as const,
    served: true,
    lag: 0,
    documents: { live: 1, failed: 0 },
    chunks: 1,
    model: 'test-hash',
    chunker: { targetTokens: 96 },
    ready: true,
    createdAt: AT,
  };
  const fullKey = {
    id: 'k-1',
    tenant: 'default',
    scopes: ['read' as const],
    principals: ['local'],
    requireAs: false,
    createdAt: AT,
  };
  const fullRelease = { collection: 'demo', ...release, spaces: {}, retrieval: {}, at: AT };

  const surface: FakeSurface = {
    asked,
    stored,
    outcome: 'applied',
    collections: {
      list: async () => ({ collections: [collection] }),
      put: async (caller, name, change) => {
        note('collections.put', caller, name, change);
        return { created: true, collection };
      },
      get: async (_, name) => {
        if (name !== 'demo') throw new FootnoteError('collection_not_found', `There is no collection "${name}".`);
        return collection;
      },
      delete: async () => undefined,
    },
    documents: {
      put: async (caller, at, upload, options) => {
        note('documents.put', caller, at);
        const chunks: Buffer[] = [];
        for await (const chunk of upload.content) chunks.push(chunk as Buffer);
        stored.set(at.key, { bytes: Buffer.concat(chunks), fields: await upload.fields(), options });
        return write(at.key, options);
      },
      batch: async (caller, collection, batch, options) => {
        note('documents.batch', caller, collection, batch, options);
        const state = options.waitMs === undefined ? 'pending' : 'live';
        return { job: fakeJob(), results: [{ documentId: DOCUMENT_ID, source: 'api', key: 'a.md', state }] };
      },
      patch: async (caller, at, patch, options) => {
        note('documents.patch', caller, at, patch, options);
        return write('a.md', options);
      },
      delete: async (caller, at, options) => {
        note('documents.delete', caller, at, options);
        return write('key' in at ? at.key : 'a.md', options);
      },
      deleteSource: async () => fakeJob(),
      get: async (caller, at) => {
        note('documents.get', caller, at);
        return document;
      },
      getByKey: async (caller, at) => {
        note('documents.getByKey', caller, at);
        return { ...document, source: at.source, key: at.key };
      },
      list: async (caller, collection, query) => {
        note('documents.list', caller, collection, query);
        return { documents: [document], next: 'more' };
      },
      text: async (caller, at) => {
        note('documents.text', caller, at);
        return { documentId: DOCUMENT_ID, revision: REVISION, text: 'Turn 🔑\n' };
      },
      chunks: async (caller, at, page) => {
        note('documents.chunks', caller, at, page);
        const chunk = { id: 'k', documentId: DOCUMENT_ID, revision: REVISION, ordinal: 0, span: { start: 0, end: 4 } };
        const chunks = [{ ...chunk, text: 'Turn', headings: [], tokens: 3, kind: 'text' as const }];
        return { documentId: DOCUMENT_ID, revision: REVISION, chunks };
      },
      original: async () => ({
        content: Readable.from([Buffer.from('hello')]),
        bytes: 5,
        sha256: 'ab',
        mime: 'text/html',
        name: 'ü "1".html',
      }),
    },
    search: async (caller, collection, request) => {
      note('search', caller, collection, request);
      const hit = { chunkId: 'k', documentId: DOCUMENT_ID, revision: REVISION, source: 'api', key: 'a.md', score: 1 };
      const hits = [{ ...hit, scores: { dense: 0.5 }, confidence: 0.9, text: 'Turn', citation }];
      return { hits, release, timings: { total: 1 } };
    },
    context: async (caller, collection, request) => {
      note('context', caller, collection, request);
      return {
        context: '[1] Turn',
        tokens: 4,
        citations: [{ ...citation, marker: '[1]' }],
        explain: { used: ['k'], dropped: [{ chunkId: 'l', reason: 'budget' }] },
        confidence: 0.5,
        release,
        timings: { total: 1 },
      };
    },
    searchMany: async (caller, request) => {
      note('searchMany', caller, request);
      return { results: request.queries.map((query) => ({ query, hits: [], releases: {}, timings: {} })) };
    },
    contextMany: async (caller, request) => {
      note('contextMany', caller, request);
      const empty = { context: '', tokens: 0, citations: [], explain: { used: [], dropped: [] }, confidence: 0 };
      return { results: request.queries.map((query) => ({ query, ...empty, releases: {}, timings: {} })) };
    },
    backup: async (caller, request) => {
      note('backup', caller, request);
      return fakeJob();
    },
    maintain: async (caller) => {
      note('maintain', caller);
      return fakeJob();
    },
    why: async () => ({ found: true, stages: [{ stage: 'rank', present: true, rank: 1 }], release, timings: {} }),
    citations: {
      verify: async (caller, collection, request) => {
        note('citations.verify', caller, collection, request);
        return { results: request.citations.map(() => ({ valid: true, current: true })) };
      },
    },
    jobs: {
      list: async (caller, query) => {
        note('jobs.list', caller, query);
        return { jobs: [fakeJob()] };
      },
      get: async (_, id) => {
        if (id !== 'j-1') throw new FootnoteError('job_not_found', `There is no job "${id}".`);
        return fakeJob('succeeded');
      },
      control: async (caller, id, action) => {
        note('jobs.control', caller, id, action);
        return fakeJob('paused');
      },
    },
    status: async () => ({
      version: '0.1.0',
      collections: {
        demo: { documents: { live: 1, pending: 0, failed: 0, deleted: 0 }, chunks: 1, generation: 'g-1', lag: 0 },
      },
    }),
    async *ingest(caller, collection, request) {
      note('ingest', caller, collection, request);
      yield { type: 'progress', done: 0, total: 1 };
      yield { type: 'file', file: 'a.md', outcome: 'indexed', ms: 1 };
      yield {
        type: 'summary',
        files: 1,
        indexed: 1,
        unchanged: 0,
        skipped: 0,
        failed: 0,
        deleted: 0,
        chunks: 1,
        ms: 1,
      };
    },
    async *verify(caller, collection, request) {
      note('verify', caller, collection, request);
      yield { type: 'summary', ok: true, checked: { documents: 1 }, problems: 0, repaired: 0, ms: 1 };
    },
    async *export() {
      const names = { id: 'k', documentId: DOCUMENT_ID, source: 'api', key: 'a.md', revision: REVISION, ordinal: 0 };
      const hashes = { textSha256: 'a', inputSha256: 'b', vectorSha256: 'c', metadataSha256: 'd', policySha256: 'e' };
      yield { ...names, span: { start: 0, end: 4 }, ...hashes };
    },
    dlq: {
      list: async () => ({ deadLetters: [letter] }),
      get: async () => letter,
      replay: async (_, __, id) => ({ id, outcome: 'superseded' }),
      drop: async () => undefined,
    },
    release: {
      get: async () => fullRelease,
      set: async (caller, collection, request) => {
        note('release.set', caller, collection, request);
        return fullRelease;
      },
    },
    generations: {
      list: async () => ({ generations: [generation] }),
      reindex: async (caller, collection, request) => {
        note('generations.reindex', caller, collection, request);
        return { ...fakeJob(), kind: 'reindex' };
      },
      drop: async () => undefined,
      releases: async () => ({ releases: [{ number: 1, generation: 'g-1', at: AT, served: true }] }),
      diff: async (_caller, _collection, { a, b, k }) => ({ a, b, k, queries: 0, overlap: 1, sameFirst: 1, most: [] }),
    },
    keys: {
      list: async () => ({ keys: [fullKey] }),
      create: async (caller, request, anyTenant) => {
        note('keys.create', caller, request, anyTenant);
        return { key: fullKey, secret: 'fn_x' };
      },
      revoke: async () => undefined,
    },
    connectors: {
      list: async () => ({ running: true, sources: [source] }),
      control: async (caller, at, action) => {
        note(`connectors.${action}`, caller, at);
        return source;
      },
      async *preview(caller, at) {
        note('connectors.preview', caller, at);
        yield { type: 'item', key: 'a.md', action: 'read' };
        yield { type: 'summary', read: 1, delete: 0, unchanged: 0, skip: 0, problem: 0 };
      },
    },
    ready: async () => ({ ready: true, checks: { catalog: { ok: true } } }),
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: '# none\n' }),
    ...changes,
  };
  return surface;
}
