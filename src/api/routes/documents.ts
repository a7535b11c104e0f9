import { z } from 'zod';
import {
  BatchResultSchema,
  BatchSchema,
  ChunkListSchema,
  DocumentListSchema,
  DocumentPatchSchema,
  DocumentSchema,
  DocumentStateSchema,
  DocumentTextSchema,
} from '../../core/schemas/documents.js';
import { DocumentKeySchema, RevisionIdSchema, SourceNameSchema } from '../../core/schemas/common.js';
import type { Endpoint } from '../route.js';
import { endpoint, json } from '../route.js';
import { bytes } from '../streaming.js';
import {
  AsQuery,
  ByDocumentId,
  IDEMPOTENCY_KEY,
  InCollection,
  PageQuery,
  WaitQuery,
  defined,
  paging,
  reader,
} from './shared.js';
import { WRITE_ANSWERS, WRITE_ERRORS, answerWrite, writeOptions } from './writes.js';

export const documentRoutes: readonly Endpoint[] = [
  endpoint(
    {
      method: 'get',
      path: '/v1/collections/{c}/documents',
      operationId: 'listDocuments',
      scope: 'read',
      tag: 'Documents',
      summary: 'List documents',
      description: 'By document id. Deleted ones only with `state=deleted`.',
      params: InCollection,
      query: z.object({
        source: SourceNameSchema.optional(),
        key: DocumentKeySchema.optional(),
        state: DocumentStateSchema.optional(),
        ...PageQuery.shape,
        ...AsQuery.shape,
      }),
      answers: { 200: { description: 'A page.', schema: DocumentListSchema } },
      errors: ['collection_not_found', 'principals_required'],
    },
    async (surface, asked) => {
      const { source, key, state } = asked.query;
      const query = { ...paging(asked.query), ...defined({ source, key, state }) };
      return json(await surface.documents.list(reader(asked), asked.params.c, query, asked.signal));
    },
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/collections/{c}/documents:batch',
      operationId: 'batchDocuments',
      scope: 'read',
      tag: 'Documents',
      summary: 'Put and delete many documents',
      description: 'An item that is refused is told in its result; the others go on.',
      params: InCollection,
      query: WaitQuery,
      headers: [IDEMPOTENCY_KEY],
      body: { schema: BatchSchema, limit: 'batch' },
      answers: {
        200: { description: 'Every item has ended.', schema: BatchResultSchema },
        202: { description: 'Accepted durably; some items are pending.', schema: BatchResultSchema },
      },
      errors: ['collection_not_found', 'idempotency_conflict', 'disk_full'],
      deadline: 'upload',
    },
    async (surface, asked) => {
      const { ifMatch: _, ...options } = writeOptions(asked, asked.query.wait);
      const result = await surface.documents.batch(asked.caller, asked.params.c, asked.body, options, asked.signal);
      const pending = result.results.some(({ state }) => state === 'pending');
      return json(result, pending ? 202 : 200);
    },
  ),
  endpoint(
    {
      method: 'get',
      path: '/v1/collections/{c}/documents/{documentId}',
      operationId: 'getDocument',
      scope: 'read',
      tag: 'Documents',
      summary: 'Read a document',
      params: ByDocumentId,
      query: AsQuery,
      answers: { 200: { description: 'The document.', schema: DocumentSchema, headers: { ETag: 'For If-Match.' } } },
      errors: ['collection_not_found', 'document_not_found', 'principals_required'],
    },
    async (surface, asked) => {
      const { c, documentId } = asked.params;
      const document = await surface.documents.get(reader(asked), { collection: c, documentId }, asked.signal);
      return json(document, 200, { etag: `"${document.etag}"` });
    },
  ),
  endpoint(
    {
      method: 'patch',
      path: '/v1/collections/{c}/documents/{documentId}',
      operationId: 'patchDocument',
      scope: 'read',
      tag: 'Documents',
      summary: 'Change title, uri, metadata or policy',
      description: 'JSON merge patch (RFC 7396). A change of the policy holds from the moment it is answered.',
      params: ByDocumentId,
      query: WaitQuery,
      headers: [{ name: 'If-Match', description: 'As with PUT.' }, IDEMPOTENCY_KEY],
      body: { schema: DocumentPatchSchema, types: ['application/merge-patch+json', 'application/json'] },
      answers: WRITE_ANSWERS,
      errors: WRITE_ERRORS,
      deadline: 'upload',
    },
    async (surface, asked) => {
      const at = { collection: asked.params.c, documentId: asked.params.documentId };
      const options = writeOptions(asked, asked.query.wait);
      return answerWrite(asked, await surface.documents.patch(asked.caller, at, asked.body, options, asked.signal));
    },
  ),
  endpoint(
    {
      method: 'delete',
      path: '/v1/collections/{c}/documents/{documentId}',
      operationId: 'deleteDocument',
      scope: 'read',
      tag: 'Documents',
      summary: 'Delete a document by its id',
      params: ByDocumentId,
      query: WaitQuery,
      headers: [{ name: 'If-Match', description: 'As with PUT.' }, IDEMPOTENCY_KEY],
      answers: WRITE_ANSWERS,
      errors: WRITE_ERRORS,
      deadline: 'upload',
    },
    async (surface, asked) => {
      const at = { collection: asked.params.c, documentId: asked.params.documentId };
      const options = writeOptions(asked, asked.query.wait);
      return answerWrite(asked, await surface.documents.delete(asked.caller, at, options, asked.signal));
    },
  ),
  endpoint(
    {
      method: 'get',
      path: '/v1/collections/{c}/documents/{documentId}/text',
      operationId: 'getDocumentText',
      scope: 'read',
      tag: 'Documents',
      summary: 'The normalized text that spans point into',
      description: 'Plain text, or JSON when `Accept` asks for it. Replaced revisions are kept for a while.',
      params: ByDocumentId,
      query: z.object({ revision: RevisionIdSchema.optional(), ...AsQuery.shape }),
      answers: {
        200: {
          description: 'The text.',
          content: { 'text/plain': { schema: z.string() }, 'application/json': { schema: DocumentTextSchema } },
          headers: { 'Footnote-Revision': 'The revision of the text.' },
        },
      },
      errors: ['collection_not_found', 'document_not_found', 'content_missing', 'principals_required'],
    },
    async (surface, asked) => {
      const { c, documentId } = asked.params;
      const at = { collection: c, documentId, ...defined({ revision: asked.query.revision }) };
      const text = await surface.documents.text(reader(asked), at, asked.signal);
      const headers = { 'footnote-revision': text.revision, vary: 'accept' };
      if (/\bapplication\/json\b/i.test(asked.incoming.headers.accept ?? '')) return json(text, 200, headers);
      return new Response(text.text, { headers: { 'content-type': 'text/plain; charset=utf-8', ...headers } });
    },
  ),
  endpoint(
    {
      method: 'get',
      path: '/v1/collections/{c}/documents/{documentId}/chunks',
      operationId: 'getDocumentChunks',
      scope: 'read',
      tag: 'Documents',
      summary: 'The searchable chunks',
      params: ByDocumentId,
      query: z.object({ ...PageQuery.shape, ...AsQuery.shape }),
      answers: { 200: { description: 'A page, by ordinal.', schema: ChunkListSchema } },
      errors: ['collection_not_found', 'document_not_found', 'principals_required'],
    },
    async (surface, asked) => {
      const at = { collection: asked.params.c, documentId: asked.params.documentId };
      return json(await surface.documents.chunks(reader(asked), at, paging(asked.query), asked.signal));
    },
  ),
  endpoint(
    {
      method: 'get',
      path: '/v1/collections/{c}/documents/{documentId}/original',
      operationId: 'getDocumentOriginal',
      scope: 'read',
      tag: 'Documents',
      summary: 'The bytes as they came',
      params: ByDocumentId,
      query: AsQuery,
      answers: {
        200: {
          description: 'The bytes, with the media type that was found.',
          content: { '*/*': { schema: { type: 'string', format: 'binary' } } },
        },
      },
      errors: ['collection_not_found', 'document_not_found', 'content_missing', 'principals_required'],
      deadline: 'stream',
    },
    async (surface, asked) => {
      const at = { collection: asked.params.c, documentId: asked.params.documentId };
      const original = await surface.documents.original(reader(asked), at, asked.signal);
      return bytes(asked, original.content, {
        'content-type': /^[\w.+-]+\/[\w.+-]+$/.test(original.mime) ? original.mime : 'application/octet-stream',
        'content-length': String(original.bytes),
        etag: `"${original.sha256}"`,
        // Somebody else's content on our origin: never rendered, never run.
        'content-disposition': disposition(original.name),
        'content-security-policy': "default-src 'none'; sandbox",
      });
    },
  ),
];

/** RFC 6266 with RFC 8187 for names beyond ASCII. */
function disposition(name: string | undefined): string {
  if (name === undefined) return 'attachment';
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename*=UTF-8''${encoded}`;
}
