import { z } from 'zod';
import { PolicySchema } from '../policy.js';
import {
  CollectionNameSchema,
  DocumentIdSchema,
  DocumentKeySchema,
  JsonObjectSchema,
  RevisionIdSchema,
  RowErrorSchema,
  SourceNameSchema,
  SpanSchema,
  TimestampSchema,
} from './common.js';
import { JobSchema } from './jobs.js';

/** Media type of a document sent as JSON. */
export const DOCUMENT_JSON = 'application/vnd.footnote.document+json';

const TitleSchema = z.string().min(1).max(2000);
const UriSchema = z.string().min(1).max(4096);

const fields = {
  title: TitleSchema.optional(),
  uri: UriSchema.optional().meta({ description: 'Where a reader finds the original.' }),
  mime: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .meta({ description: 'A hint: the content decides.', example: 'text/markdown' }),
  name: z.string().min(1).max(1024).optional().meta({ description: 'File name, a hint for the type.' }),
  metadata: JsonObjectSchema.optional(),
  policy: PolicySchema.optional().meta({ description: "Default: the collection's `defaultPolicy`." }),
  observedAt: z.iso
    .datetime({ offset: true })
    .optional()
    .meta({ description: 'When the source was in this state. Default: now.' }),
  parse: z
    .strictObject({ charset: z.string().min(1).max(64).optional(), password: z.string().min(1).max(1024).optional() })
    .optional()
    .meta({ description: 'Options for the parser. A password is kept with the document and never shown.' }),
};

/** What a document brings besides its bytes: the multipart part `document`. */
export const DocumentFieldsSchema = z.strictObject(fields).meta({
  id: 'DocumentFields',
  example: { title: 'Guide', uri: 'https://example.com/guide', metadata: { year: 2024 } },
});

const content = {
  text: z.string().optional(),
  base64: z.base64().optional(),
};

/** Exactly one of `text` and `base64`. */
function oneContent(value: { text?: string | undefined; base64?: string | undefined }): boolean {
  return (value.text === undefined) !== (value.base64 === undefined);
}
const ONE_CONTENT = { message: 'give exactly one of text and base64', path: ['text'] };

/** A document as JSON, the body of `application/vnd.footnote.document+json`. */
export const DocumentJsonSchema = z
  .strictObject({ ...fields, ...content })
  .refine(oneContent, ONE_CONTENT)
  .meta({
    id: 'DocumentJson',
    description: 'A document; exactly one of `text` and `base64`.',
    example: { title: 'Guide', mime: 'text/markdown', text: '# Guide\n\nTurn the key to the left.\n' },
  });

/**
 * The bytes of a document that came as JSON, and what it brings besides. Text came as characters, so its bytes are UTF-8
 * by our own choice and nothing is to be guessed.
 */
export function readContent({
  text,
  base64,
  ...fields
}: DocumentFields & { text?: string | undefined; base64?: string | undefined }): {
  bytes: Buffer;
  fields: DocumentFields;
} {
  if (text === undefined) return { bytes: Buffer.from(base64 ?? '', 'base64'), fields };
  return { bytes: Buffer.from(text, 'utf8'), fields: { ...fields, parse: { ...fields.parse, charset: 'utf-8' } } };
}

const BatchItemSchema = z.union([
  z
    .strictObject({
      op: z.literal('upsert').default('upsert'),
      source: SourceNameSchema.default('api'),
      key: DocumentKeySchema.optional().meta({ description: 'Default: a new one is made.' }),
      ...fields,
      ...content,
    })
    .refine(oneContent, ONE_CONTENT)
    .meta({ id: 'BatchUpsert' }),
  z
    .strictObject({ op: z.literal('delete'), source: SourceNameSchema.default('api'), key: DocumentKeySchema })
    .meta({ id: 'BatchDelete' }),
]);

export const BatchSchema = z.strictObject({ documents: z.array(BatchItemSchema).min(1).max(1000) }).meta({
  id: 'DocumentBatch',
  example: {
    documents: [
      { key: 'a.md', mime: 'text/markdown', text: '# A\n' },
      { op: 'delete', key: 'b.md' },
    ],
  },
});

/** RFC 7396: null removes a field, metadata merges level by level, lists are replaced. */
export const DocumentPatchSchema = z
  .strictObject({
    title: TitleSchema.nullable().optional(),
    uri: UriSchema.nullable().optional(),
    metadata: JsonObjectSchema.nullable().optional(),
    policy: z
      .strictObject({
        principals: PolicySchema.shape.principals.optional(),
        region: z.string().max(64).nullable().optional(),
        rights: z.string().max(256).nullable().optional(),
        pii: z.string().max(64).nullable().optional(),
        origin: z.string().max(256).nullable().optional(),
        injectionRisk: z.number().min(0).max(1).nullable().optional(),
      })
      .optional(),
  })
  .meta({
    id: 'DocumentPatch',
    description: 'JSON merge patch (RFC 7396) of title, uri, metadata and policy.',
    example: { title: 'New title', metadata: { draft: null }, policy: { principals: ['staff'] } },
  });

export const DocumentStateSchema = z.enum(['pending', 'live', 'failed', 'deleted']).meta({
  description:
    'pending: accepted, not yet applied; live: searchable; failed: the newest state could not be applied; deleted: gone.',
});

export const DocumentSchema = z
  .object({
    documentId: DocumentIdSchema,
    collection: CollectionNameSchema,
    source: z.string(),
    key: z.string(),
    state: DocumentStateSchema,
    etag: z.string().meta({ description: 'Version of the newest accepted state, for If-Match.' }),
    revision: RevisionIdSchema.optional().meta({ description: 'Of the searchable text; absent when there is none.' }),
    stale: z.boolean().optional().meta({ description: 'What is searchable is older than the newest accepted state.' }),
    title: z.string().optional(),
    uri: z.string().optional(),
    mime: z.string().optional(),
    language: z.string().optional(),
    parser: z.string().optional(),
    chunks: z.int().optional(),
    chars: z.int().optional(),
    pages: z.int().optional(),
    content: z.object({ bytes: z.int(), sha256: z.string() }).optional().meta({ description: 'Of the original.' }),
    metadata: JsonObjectSchema,
    policy: PolicySchema,
    warnings: z.array(z.string()).optional(),
    error: RowErrorSchema.optional(),
    observedAt: TimestampSchema,
    updatedAt: TimestampSchema,
  })
  .meta({ id: 'Document' });

export const DocumentListSchema = z
  .object({ documents: z.array(DocumentSchema), next: z.string().optional() })
  .meta({ id: 'DocumentList', description: '`next` is absent on the last page.' });

/** 200 of a write with `wait=true`. */
export const DocumentAppliedSchema = z
  .object({
    documentId: DocumentIdSchema,
    source: z.string(),
    key: z.string(),
    state: z.enum(['live', 'deleted']),
    revision: RevisionIdSchema.optional().meta({ description: 'Absent for deletions.' }),
    chunks: z.int(),
  })
  .meta({
    id: 'DocumentApplied',
    example: {
      documentId: '3f0c2f6e-4a3b-5d1c-8e9f-0a1b2c3d4e5f',
      source: 'api',
      key: 'guide/a.md',
      state: 'live',
      revision: '0123456789abcdef0123456789abcdef',
      chunks: 3,
    },
  });

/** 202 of a write. */
export const DocumentAcceptedSchema = z
  .object({
    documentId: DocumentIdSchema,
    source: z.string(),
    key: z.string(),
    state: z.literal('pending'),
    job: JobSchema,
  })
  .meta({ id: 'DocumentAccepted', description: 'Durably accepted; the job tells when it is applied.' });

export const BatchResultSchema = z
  .object({
    job: JobSchema.optional(),
    results: z.array(
      z.object({
        documentId: DocumentIdSchema.optional(),
        source: z.string(),
        key: z.string(),
        state: DocumentStateSchema.optional().meta({ description: 'Absent when the item was refused.' }),
        revision: RevisionIdSchema.optional(),
        chunks: z.int().optional(),
        error: RowErrorSchema.optional(),
      }),
    ),
  })
  .meta({ id: 'DocumentBatchResult', description: 'In the order of `documents`.' });

export const DocumentTextSchema = z
  .object({ documentId: DocumentIdSchema, revision: RevisionIdSchema, text: z.string() })
  .meta({ id: 'DocumentText', description: 'The normalized text that spans point into.' });

const ChunkSchema = z
  .object({
    id: z.string(),
    documentId: DocumentIdSchema,
    revision: RevisionIdSchema,
    ordinal: z.int(),
    span: SpanSchema,
    text: z.string(),
    context: z.string().optional().meta({ description: 'Put before the text in the model input.' }),
    headings: z.array(z.string()),
    tokens: z.int(),
    page: z.int().optional(),
    kind: z.enum(['text', 'table', 'code', 'image']),
  })
  .meta({ id: 'Chunk' });

export const ChunkListSchema = z
  .object({
    documentId: DocumentIdSchema,
    revision: RevisionIdSchema,
    chunks: z.array(ChunkSchema),
    next: z.string().optional(),
  })
  .meta({ id: 'ChunkList', description: 'By ordinal.' });

export type DocumentFields = z.output<typeof DocumentFieldsSchema>;
export type DocumentBatch = z.output<typeof BatchSchema>;
export type DocumentPatch = z.output<typeof DocumentPatchSchema>;
export type DocumentState = z.output<typeof DocumentStateSchema>;
export type DocumentView = z.output<typeof DocumentSchema>;
export type DocumentList = z.output<typeof DocumentListSchema>;
export type DocumentApplied = z.output<typeof DocumentAppliedSchema>;
export type DocumentAccepted = z.output<typeof DocumentAcceptedSchema>;
export type BatchResult = z.output<typeof BatchResultSchema>;
export type DocumentText = z.output<typeof DocumentTextSchema>;
export type ChunkList = z.output<typeof ChunkListSchema>;
