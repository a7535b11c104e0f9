import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import { v4 as uuid4 } from 'uuid';
import { FootnoteError, asFootnoteError } from '../../core/errors.js';
import { requireCollection } from '../../services/require-collection.js';
import { documentId, sha256 } from '../../core/ids.js';
import { canonicalJson } from '../../core/json.js';
import type { JsonObject } from '../../core/json.js';
import type { Caller } from '../../core/policy.js';
import type { Catalog, DocumentRow } from '../../core/ports/catalog.js';
import type { BatchResult, DocumentBatch, DocumentView as DocumentAnswer } from '../../core/schemas/documents.js';
import { readContent } from '../../core/schemas/documents.js';
import type { DocumentAt, DocumentById, EngineSurface, WriteOptions, WriteOutcome } from '../../core/surface.js';
import type { Applied } from '../../services/applied.js';
import type { DocumentReads, DocumentView } from '../../services/document-reads.js';
import type { Accepted, DocumentFields, DocumentWrites } from '../../services/documents.js';
import type { JobRunner } from '../../services/jobs.js';
import type { ListedItem } from '../../services/listing.js';
import { jobView } from './jobs.js';

export interface DocumentSurfaceParts {
  readonly catalog: Pick<Catalog, 'heads' | 'releases' | 'sources' | 'idempotency' | 'collections'>;
  readonly writes: DocumentWrites;
  readonly reads: DocumentReads;
  readonly applied: Applied;
  readonly jobs: JobRunner;
  readonly now: () => number;
  /** Of one document; single uploads bring their own limit. */
  readonly maxBytes: number;
  /** Deletes documents of a connector's source; all of them without a key. */
  readonly deleteListed: (
    of: { tenant: string; collection: string; source: string; connector: string; key?: string },
    signal: AbortSignal,
  ) => Promise<ListedItem[]>;
}

/** How long an idempotency key is remembered. */
const REMEMBER_MS = 24 * 3600 * 1000;

type Written = Pick<Accepted, 'documentId' | 'version'>;

export function documentSurface(parts: DocumentSurfaceParts): EngineSurface['documents'] {
  const { reads, writes } = parts;
  return {
    async put(caller, at, upload, options, signal) {
      const content = hashing(upload.content);
      let fields: DocumentFields = {};
      const request = (): string =>
        sha256(canonicalJson(['put', at, content.sha256(), fields, options.ifMatch ?? null]));
      const known = await remembered(parts, caller, options, async () => {
        for await (const _ of content.stream);
        fields = await upload.fields();
        return request();
      });
      if (known) return outcome(parts, caller, at, known, options, signal);
      const accepted = await writes.put(
        caller,
        at,
        {
          content: content.stream,
          maxBytes: upload.maxBytes,
          fields: async () => (fields = await upload.fields()),
        },
        { ...(options.ifMatch === undefined ? {} : { ifMatch: options.ifMatch }), signal },
      );
      const written = await remember(parts, caller, options, request(), accepted);
      return outcome(parts, caller, at, written, options, signal);
    },

    batch: (caller, collection, batch, options, signal) =>
      writeBatch(parts, caller, collection, batch, options, signal),

    async patch(caller, at, patch, options, signal) {
      const view = await reads.get(caller, at.collection, at.documentId);
      const name = nameOf(view);
      const request = sha256(canonicalJson(['patch', at, patch, options.ifMatch ?? null]));
      const known = await remembered(parts, caller, options, async () => request);
      const written =
        known ??
        (await remember(
          parts,
          caller,
          options,
          request,
          await writes.patch(caller, name, patch as Parameters<DocumentWrites['patch']>[2], {
            ...(options.ifMatch === undefined ? {} : { ifMatch: options.ifMatch }),
            signal,
          }),
        ));
      return outcome(parts, caller, name, written, options, signal);
    },

    async delete(caller, at, options, signal) {
      const request = sha256(canonicalJson(['delete', at, options.ifMatch ?? null]));
      const known = await remembered(parts, caller, options, async () => request);
      const view = known && 'key' in at ? undefined : await viewOf(parts, caller, at);
      const name = view ? nameOf(view) : (at as DocumentAt);
      const written =
        known ?? (await remember(parts, caller, options, request, await remove(parts, caller, name, options, signal)));
      return outcome(parts, caller, name, written, options, signal);
    },

    async deleteSource(caller, at) {
      await requireCollection(parts.catalog.collections, caller.tenant, at.collection);
      const source = await parts.catalog.sources.get({ tenant: caller.tenant, ...at });
      if (!source) throw new FootnoteError('not_found', `There is no source ${at.source} in ${at.collection}.`);
      const detail: JsonObject = { source: at.source, principals: [...caller.principals] };
      return jobView(
        await parts.jobs.create({ tenant: caller.tenant, kind: 'delete-source', collection: at.collection, detail }),
      );
    },

    get: async (caller, at) => documentView(await reads.get(caller, at.collection, at.documentId)),

    getByKey: async (caller, at) => documentView(await viewOf(parts, caller, at)),

    async list(caller, collection, query) {
      await requireCollection(parts.catalog.collections, caller.tenant, collection);
      const { documents, next } = await reads.list(caller, collection, query);
      return { documents: documents.map(documentView), ...(next === undefined ? {} : { next }) };
    },

    async text(caller, at) {
      const { revision, parsed } = await reads.text(caller, at.collection, at.documentId, at.revision);
      return { documentId: at.documentId, revision, text: parsed.text };
    },

    async chunks(caller, at, page) {
      const view = await reads.get(caller, at.collection, at.documentId);
      const all = await reads.chunks(caller, at.collection, at.documentId);
      const from = page.after === undefined ? 0 : Number(page.after) + 1;
      if (!Number.isSafeInteger(from) || from < 0)
        throw new FootnoteError('invalid_request', 'after is not a cursor of this list.');
      const chunks = all.filter((point) => point.ordinal >= from).slice(0, page.limit);
      const last = chunks.at(-1);
      const more = last !== undefined && all.at(-1)!.ordinal > last.ordinal;
      return {
        documentId: at.documentId,
        revision: view.row?.visible?.revision ?? '',
        chunks: chunks.map((point) => ({
          id: point.chunkId,
          documentId: point.documentId,
          revision: point.revision,
          ordinal: point.ordinal,
          span: point.span,
          text: point.text,
          context: point.context,
          headings: [...point.headings],
          tokens: point.tokens,
          ...(point.page === undefined ? {} : { page: point.page }),
          kind: point.kind,
        })),
        ...(more ? { next: String(last.ordinal) } : {}),
      };
    },

    async original(caller, at) {
      const { stream, content, mime, name } = await reads.original(caller, at.collection, at.documentId);
      return {
        content: stream,
        bytes: content.bytes,
        sha256: content.sha256,
        mime: mime ?? 'application/octet-stream',
        ...(name === undefined ? {} : { name }),
      };
    },
  };
}

async function writeBatch(
  parts: DocumentSurfaceParts,
  caller: Caller,
  collection: string,
  batch: DocumentBatch,
  options: Omit<WriteOptions, 'ifMatch'>,
  signal: AbortSignal,
): Promise<BatchResult> {
  await requireCollection(parts.catalog.collections, caller.tenant, collection);
  const request = sha256(canonicalJson(['batch', collection, batch]));
  const known =
    options.idempotencyKey === undefined ? undefined : await find(parts, caller, options.idempotencyKey, request);
  if (known) return known as unknown as BatchResult;
  const results: BatchResult['results'] = [];
  const written: Written[] = [];
  for (const item of batch.documents) {
    const at = { collection, source: item.source, key: item.key ?? uuid4() };
    try {
      const accepted =
        item.op === 'delete'
          ? await remove(parts, caller, at, {}, signal)
          : await putItem(parts, caller, at, item, signal);
      written.push(accepted);
      results.push({ documentId: accepted.documentId, source: at.source, key: at.key, state: 'pending' });
    } catch (thrown) {
      const { code, message } = asFootnoteError(thrown);
      if (code === 'cancelled') throw thrown;
      results.push({ source: at.source, key: at.key, error: { code, message } });
    }
  }
  const job = await parts.jobs.create({
    tenant: caller.tenant,
    kind: 'document',
    collection,
    total: written.length,
    detail: { versions: written.map(({ documentId, version }) => ({ documentId, version })) },
  });
  const answer: BatchResult = { job: jobView(job), results };
  if (options.idempotencyKey !== undefined) {
    const expiresAt = new Date(parts.now() + REMEMBER_MS).toISOString();
    await parts.catalog.idempotency.remember(
      caller.tenant,
      options.idempotencyKey,
      request,
      answer as unknown as JsonObject,
      expiresAt,
    );
  }
  if (options.waitMs !== undefined) {
    const ended = await parts.jobs.wait(job.id, AbortSignal.any([signal, AbortSignal.timeout(options.waitMs)]));
    for (const result of results) {
      if (result.documentId === undefined) continue;
      const view = await parts.reads.get(caller, collection, result.documentId).catch((error: unknown) => {
        if (asFootnoteError(error).code === 'document_not_found') return undefined;
        throw error;
      });
      result.state = view?.state ?? 'deleted';
      if (view?.row?.visible) {
        result.revision = view.row.visible.revision;
        result.chunks = view.row.visible.chunks;
      }
      if (view?.row?.error && view.state === 'failed') result.error = view.row.error;
    }
    return { job: jobView(ended), results };
  }
  return answer;
}

/** As a single put of the same document would: the same bytes and fields, so the same revision. */
function putItem(
  { writes, maxBytes }: DocumentSurfaceParts,
  caller: Caller,
  at: DocumentAt,
  { op: _op, source: _source, key: _key, ...document }: Extract<DocumentBatch['documents'][number], { op: 'upsert' }>,
  signal: AbortSignal,
): Promise<Accepted> {
  const { bytes, fields } = readContent(document);
  return writes.put(caller, at, { content: bytes, maxBytes, fields: async () => fields }, { signal });
}

/** Deletes what the API owns; what a connector owns, in the connector's name. */
async function remove(
  parts: DocumentSurfaceParts,
  caller: Caller,
  name: DocumentAt,
  options: WriteOptions,
  signal: AbortSignal,
): Promise<Written> {
  const source = await parts.catalog.sources.get({
    tenant: caller.tenant,
    collection: name.collection,
    source: name.source,
  });
  const connector = /^connector:(.+)$/.exec(source?.owner ?? '')?.[1];
  if (connector === undefined) {
    return parts.writes.delete(caller, name, {
      ...(options.ifMatch === undefined ? {} : { ifMatch: options.ifMatch }),
      signal,
    });
  }
  const view = await viewOf(parts, caller, name);
  if (options.ifMatch !== undefined && options.ifMatch !== view.head.version) {
    throw new FootnoteError('precondition_failed', `The document ${name.key} is not in the expected version.`);
  }
  const [item] = await parts.deleteListed({ tenant: caller.tenant, ...name, connector }, signal);
  if (item?.version === undefined) throw new FootnoteError('internal', 'The deletion was not accepted.');
  return { documentId: item.documentId, version: item.version };
}

async function viewOf(
  parts: DocumentSurfaceParts,
  caller: Caller,
  at: DocumentAt | DocumentById,
): Promise<DocumentView> {
  if ('documentId' in at) return parts.reads.get(caller, at.collection, at.documentId);
  try {
    return await parts.reads.get(caller, at.collection, documentId({ tenant: caller.tenant, ...at }));
  } catch (error) {
    if (asFootnoteError(error).code !== 'document_not_found') throw error;
    // In the caller's words: they know the key, not the id.
    throw new FootnoteError('document_not_found', `There is no document ${at.key} in source ${at.source}.`);
  }
}

function nameOf({ head }: DocumentView): DocumentAt {
  const { collection, source, key } = head.event;
  return { collection, source, key };
}

async function outcome(
  parts: DocumentSurfaceParts,
  caller: Caller,
  at: DocumentAt,
  written: Written,
  options: Pick<WriteOptions, 'waitMs'>,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const { version } = written;
  const id = written.documentId;
  const named = { documentId: id, source: at.source, key: at.key };
  const release = await parts.catalog.releases.current(caller.tenant, at.collection);
  if (options.waitMs !== undefined && release) {
    const row = await applied(parts, release.generation, written, options.waitMs, signal);
    if (row?.state === 'failed')
      return {
        outcome: 'failed',
        etag: version,
        documentId: id,
        error: row.error ?? { code: 'internal', message: 'It failed.' },
      };
    if (row) {
      const visible = row.state === 'live' ? row.visible : undefined;
      const body = visible
        ? { ...named, state: 'live' as const, revision: visible.revision, chunks: visible.chunks }
        : { ...named, state: 'deleted' as const, chunks: 0 };
      return { outcome: 'applied', etag: version, body };
    }
  }
  const job = await parts.jobs.create({
    tenant: caller.tenant,
    kind: 'document',
    collection: at.collection,
    total: 1,
    detail: { versions: [{ documentId: id, version }] },
  });
  return { outcome: 'accepted', etag: version, body: { ...named, state: 'pending', job: jobView(job) } };
}

/** The row once it is there; undefined when the time is over. */
async function applied(
  parts: DocumentSurfaceParts,
  generation: string,
  written: Written,
  waitMs: number,
  signal: AbortSignal,
): Promise<DocumentRow | undefined> {
  const timeout = AbortSignal.timeout(waitMs);
  try {
    return await parts.applied.wait(
      generation,
      written.documentId,
      written.version,
      AbortSignal.any([signal, timeout]),
    );
  } catch (error) {
    if (timeout.aborted && !signal.aborted) return undefined;
    throw error;
  }
}

async function remembered(
  parts: DocumentSurfaceParts,
  caller: Caller,
  options: Pick<WriteOptions, 'idempotencyKey'>,
  request: () => Promise<string>,
): Promise<Written | undefined> {
  const key = options.idempotencyKey;
  if (key === undefined) return undefined;
  const now = new Date(parts.now()).toISOString();
  if (!(await parts.catalog.idempotency.find(caller.tenant, key, now))) return undefined;
  return (await find(parts, caller, key, await request())) as unknown as Written | undefined;
}

async function find(
  parts: DocumentSurfaceParts,
  caller: Caller,
  key: string,
  request: string,
): Promise<JsonObject | undefined> {
  const found = await parts.catalog.idempotency.find(caller.tenant, key, new Date(parts.now()).toISOString());
  if (found && found.requestHash !== request) throw reused();
  return found?.answer;
}

async function remember(
  parts: DocumentSurfaceParts,
  caller: Caller,
  options: Pick<WriteOptions, 'idempotencyKey'>,
  request: string,
  { documentId, version }: Written,
): Promise<Written> {
  const key = options.idempotencyKey;
  if (key === undefined) return { documentId, version };
  const now = parts.now();
  const kept = await parts.catalog.idempotency.remember(
    caller.tenant,
    key,
    request,
    { documentId, version },
    new Date(now + REMEMBER_MS).toISOString(),
    new Date(now).toISOString(),
  );
  if (kept.requestHash !== request) throw reused();
  return kept.answer as unknown as Written;
}

function reused(): FootnoteError {
  return new FootnoteError('idempotency_conflict', 'This Idempotency-Key was used for another request: use a new one.');
}

/** Passes the bytes on; `sha256` tells their hash once they have all passed. */
function hashing(input: Readable): { stream: Readable; sha256: () => string } {
  const hash = createHash('sha256');
  const stream = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  input.on('error', (error) => stream.destroy(error));
  stream.on('close', () => input.destroy());
  input.pipe(stream);
  let digest: string | undefined;
  return { stream, sha256: () => (digest ??= hash.digest('hex')) };
}

function documentView(view: DocumentView): DocumentAnswer {
  const { head, row, state } = view;
  const { event } = head;
  const visible = head.deleted ? undefined : row?.visible;
  const title = event.title ?? visible?.title;
  return {
    documentId: head.documentId,
    collection: event.collection,
    source: event.source,
    key: event.key,
    state,
    etag: head.version,
    ...(visible === undefined ? {} : { revision: visible.revision }),
    ...(visible !== undefined && visible.version < head.version ? { stale: true } : {}),
    ...(title === undefined ? {} : { title }),
    ...(event.uri === undefined ? {} : { uri: event.uri }),
    ...(visible === undefined
      ? event.mime === undefined
        ? {}
        : { mime: event.mime }
      : { mime: visible.mime, parser: visible.parser, chunks: visible.chunks, chars: visible.chars }),
    ...(visible?.language === undefined ? {} : { language: visible.language }),
    ...(visible?.pages === undefined ? {} : { pages: visible.pages }),
    ...(event.content === undefined ? {} : { content: { bytes: event.content.bytes, sha256: event.content.sha256 } }),
    metadata: event.metadata ?? {},
    policy: event.policy,
    ...(visible?.warnings === undefined ? {} : { warnings: [...visible.warnings] }),
    ...(state === 'failed' && row?.error ? { error: row.error } : {}),
    observedAt: event.observedAt,
    updatedAt: head.updatedAt,
  };
}
