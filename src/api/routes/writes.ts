import { createHash, randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { ErrorCode } from '../../core/errors.js';
import { FootnoteError } from '../../core/errors.js';
import { SourceNameSchema } from '../../core/schemas/common.js';
import { DocumentAcceptedSchema, DocumentAppliedSchema, DocumentSchema } from '../../core/schemas/documents.js';
import { JobSchema } from '../../core/schemas/jobs.js';
import type { DocumentAt, EngineSurface, WriteOptions, WriteOutcome } from '../../core/surface.js';
import { problemResponse } from '../problems.js';
import type { Answer, Asked, Endpoint } from '../route.js';
import { endpoint, json } from '../route.js';
import { openUpload } from '../uploads.js';
import {
  AsQuery,
  ByKey,
  IDEMPOTENCY_KEY,
  IF_MATCH,
  InCollection,
  InSource,
  WaitQuery,
  idempotencyKey,
  ifMatch,
  reader,
} from './shared.js';

const ETAG = { ETag: 'Version of the newest accepted state, for If-Match.' };

export const WRITE_ANSWERS: Readonly<Record<number, Answer>> = {
  200: { description: 'Applied (`wait=true`).', schema: DocumentAppliedSchema, headers: ETAG },
  202: {
    description: 'Durably accepted; not waited for, or not applied within 30 s.',
    schema: DocumentAcceptedSchema,
    headers: { ...ETAG, Location: 'The job.' },
  },
};

export const WRITE_ERRORS: readonly ErrorCode[] = [
  'collection_not_found',
  'document_not_found',
  'source_owned',
  'precondition_failed',
  'idempotency_conflict',
  'document_too_large',
  'corrupt_document',
  'password_required',
  'password_wrong',
  'empty_document',
  'parse_timeout',
  'disk_full',
  'overloaded',
];

export function writeOptions(asked: Asked, wait: 'true' | 'false'): WriteOptions {
  const match = ifMatch(asked);
  const key = idempotencyKey(asked);
  return {
    ...(match === undefined ? {} : { ifMatch: match }),
    ...(key === undefined ? {} : { idempotencyKey: key }),
    ...(wait === 'true' ? { waitMs: asked.settings.waitMs } : {}),
  };
}

/** 200 when applied, 202 when pending, 422 with the row's own code when it failed. */
export function answerWrite(asked: Asked, write: WriteOutcome): Response {
  const etag = `"${write.etag}"`;
  switch (write.outcome) {
    case 'applied':
      return json(write.body, 200, { etag });
    case 'accepted':
      return json(write.body, 202, { etag, location: `/v1/jobs/${encodeURIComponent(write.body.job.id)}` });
    case 'failed': {
      const error = new FootnoteError(write.error.code as ErrorCode, write.error.message, {
        details: { documentId: write.documentId },
      });
      return problemResponse(error, { requestId: asked.requestId, status: 422 }, { etag });
    }
  }
}

async function put(surface: EngineSurface, asked: Asked, at: DocumentAt, options: WriteOptions): Promise<Response> {
  const upload = await openUpload(asked.incoming, asked.settings.uploads);
  try {
    return answerWrite(asked, await surface.documents.put(asked.caller, at, upload, options, asked.signal));
  } finally {
    upload.dispose();
  }
}

export const writeRoutes: readonly Endpoint[] = [
  endpoint(
    {
      method: 'post',
      path: '/v1/collections/{c}/documents',
      operationId: 'addDocument',
      scope: 'write',
      tag: 'Documents',
      summary: 'Add a document under a new key',
      params: InCollection,
      query: WaitQuery.extend({ source: SourceNameSchema.default('api') }),
      headers: [IDEMPOTENCY_KEY],
      upload: true,
      answers: WRITE_ANSWERS,
      errors: WRITE_ERRORS,
      deadline: 'upload',
    },
    (surface, asked) => {
      const at = { collection: asked.params.c, source: asked.query.source, key: newKey(asked) };
      return put(surface, asked, at, writeOptions(asked, asked.query.wait));
    },
  ),
  endpoint(
    {
      method: 'put',
      path: '/v1/collections/{c}/sources/{source}/documents/{key}',
      operationId: 'putDocument',
      scope: 'write',
      tag: 'Documents',
      summary: 'Put a document',
      description:
        'The raw bytes with their Content-Type, a multipart body with the parts `file` and `document`, or JSON. ' +
        'Bytes are streamed to the store; the content decides the type.',
      params: ByKey,
      query: WaitQuery,
      headers: [IF_MATCH, IDEMPOTENCY_KEY],
      upload: true,
      answers: WRITE_ANSWERS,
      errors: WRITE_ERRORS,
      deadline: 'upload',
    },
    (surface, asked) => put(surface, asked, place(asked), writeOptions(asked, asked.query.wait)),
  ),
  endpoint(
    {
      method: 'get',
      path: '/v1/collections/{c}/sources/{source}/documents/{key}',
      operationId: 'getDocumentByKey',
      scope: 'write',
      tag: 'Documents',
      summary: 'Read a document by its key',
      params: ByKey,
      query: AsQuery,
      answers: { 200: { description: 'The document.', schema: DocumentSchema, headers: ETAG } },
      errors: ['collection_not_found', 'document_not_found', 'principals_required'],
    },
    async (surface, asked) => {
      const document = await surface.documents.getByKey(reader(asked), place(asked), asked.signal);
      return json(document, 200, { etag: `"${document.etag}"` });
    },
  ),
  endpoint(
    {
      method: 'delete',
      path: '/v1/collections/{c}/sources/{source}/documents/{key}',
      operationId: 'deleteDocumentByKey',
      scope: 'write',
      tag: 'Documents',
      summary: 'Delete a document',
      params: ByKey,
      query: WaitQuery,
      headers: [IF_MATCH, IDEMPOTENCY_KEY],
      answers: WRITE_ANSWERS,
      errors: WRITE_ERRORS,
      deadline: 'upload',
    },
    async (surface, asked) => {
      const options = writeOptions(asked, asked.query.wait);
      return answerWrite(asked, await surface.documents.delete(asked.caller, place(asked), options, asked.signal));
    },
  ),
  endpoint(
    {
      method: 'delete',
      path: '/v1/collections/{c}/sources/{source}',
      operationId: 'deleteSource',
      scope: 'write',
      tag: 'Documents',
      summary: 'Delete every document of a source',
      params: InSource,
      answers: { 202: { description: 'The job that does it.', schema: JobSchema, headers: { Location: 'The job.' } } },
      errors: ['collection_not_found', 'not_found', 'source_owned'],
    },
    async (surface, { caller, params, signal }) => {
      const at = { collection: params.c, source: params.source };
      const job = await surface.documents.deleteSource(caller, at, signal);
      return json(job, 202, { location: `/v1/jobs/${encodeURIComponent(job.id)}` });
    },
  ),
];

function place({ params }: Pick<Asked<typeof ByKey, z.ZodObject>, 'params'>): DocumentAt {
  return { collection: params.c, source: params.source, key: params.key };
}

/** A retry with the same Idempotency-Key must name the same document, so the key is made of it then. */
function newKey(asked: Asked): string {
  const given = idempotencyKey(asked);
  return given === undefined ? randomUUID() : createHash('sha256').update(given).digest('hex').slice(0, 32);
}
