import { z } from 'zod';
import {
  DocumentIdSchema,
  JsonObjectSchema,
  RowErrorSchema,
  SourceNameSchema,
  SpanSchema,
  TimestampSchema,
} from './common.js';

export const HealthSchema = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });

const ChecksSchema = z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string().optional() }));

export const ReadinessSchema = z
  .object({ ready: z.boolean(), checks: ChecksSchema })
  .meta({ id: 'Readiness', example: { ready: true, checks: { catalog: { ok: true }, model: { ok: true } } } });

export const CollectionStatusSchema = z
  .object({
    documents: z.object({ live: z.int(), pending: z.int(), failed: z.int(), deleted: z.int() }),
    chunks: z.int(),
    generation: z.string().nullable(),
    lag: z.int().meta({ description: 'Events that the live generation has not committed.' }),
    deadLetters: z.int().optional(),
    staleParsers: z.number().optional().meta({ description: 'Share of live documents parsed by older parsers.' }),
    languages: z
      .record(z.string(), z.number())
      .optional()
      .meta({ description: 'Shares of live documents by language, from a sample; `und` where none was recognised.' }),
    warnings: z.array(z.string()).optional().meta({ description: 'What somebody should look at.' }),
    generations: z.array(z.object({ id: z.string(), state: z.string(), lag: z.int().optional() })).optional(),
    sources: z.array(z.object({ source: z.string(), owner: z.string() })).optional(),
  })
  .meta({ id: 'CollectionStatus' });

export const StatusSchema = z
  .object({
    version: z.string(),
    startedAt: TimestampSchema.optional(),
    collections: z.record(z.string(), CollectionStatusSchema),
    stores: ChecksSchema.optional().meta({
      description: 'Whether the servers among the stores answer. While one does not, no collections are listed.',
    }),
    processes: z
      .array(
        z.object({
          id: z.string(),
          role: z.string(),
          startedAt: TimestampSchema,
          host: z.string(),
          pid: z.int(),
          version: z.string(),
          problems: z
            .record(z.string(), RowErrorSchema)
            .meta({ description: 'Why it does not follow a generation, by generation.' }),
        }),
      )
      .optional()
      .meta({ description: 'The processes that work on the same servers.' }),
    warnings: z.array(z.string()).optional().meta({ description: 'What somebody should look at.' }),
    model: JsonObjectSchema.optional(),
    storage: JsonObjectSchema.optional(),
  })
  .meta({ id: 'Status' });

/** Ingests paths on the server's own machine. */
export const IngestSchema = z
  .strictObject({
    paths: z
      .array(z.string().min(1).max(4096))
      .min(1)
      .max(1000)
      .meta({ description: 'Absolute paths of files or folders.' }),
    source: SourceNameSchema.optional(),
    metadata: JsonObjectSchema.optional(),
    deleteMissing: z
      .boolean()
      .optional()
      .meta({ description: 'Delete documents whose files have gone. Default: true.' }),
  })
  .meta({ id: 'Ingest', example: { paths: ['/srv/handbook'] } });

/** One line of a report (`ingest --report`, `parse --report`). */
export const ReportLineSchema = z
  .object({
    file: z.string(),
    documentId: z.string().optional(),
    outcome: z.enum(['indexed', 'unchanged', 'skipped', 'failed', 'deleted']),
    code: z.string().optional(),
    message: z.string().optional(),
    mime: z.string().optional(),
    pages: z.int().optional(),
    chars: z.int().optional(),
    chunks: z.int().optional(),
    ms: z.number(),
  })
  .meta({ id: 'ReportLine' });

const ProgressSchema = z.object({
  type: z.literal('progress'),
  done: z.int(),
  total: z.int().optional(),
  bytes: z.int().optional(),
  detail: JsonObjectSchema.optional(),
});

const StreamErrorSchema = z.object({
  type: z.literal('error'),
  error: RowErrorSchema.meta({ description: 'The work ended here; a stream without `summary` is not complete.' }),
});

/** What `ingest` streams: a line a file as it ends, progress in between, one summary at the end. */
export const IngestEventSchema = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('file'), ...ReportLineSchema.shape }),
    ProgressSchema,
    z.object({
      type: z.literal('summary'),
      files: z.int(),
      indexed: z.int(),
      unchanged: z.int(),
      skipped: z.int(),
      failed: z.int(),
      deleted: z.int(),
      chunks: z.int(),
      embedded: z.int().optional().meta({ description: 'Chunks whose vectors were not in the cache.' }),
      ms: z.number(),
    }),
    StreamErrorSchema,
  ])
  .meta({ id: 'IngestEvent', description: 'One line of NDJSON.' });

export const VerifySchema = z
  .strictObject({ repair: z.boolean().default(false) })
  .meta({ id: 'Verify', example: { repair: false } });

export const VerifyEventSchema = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('problem'),
      kind: z.string(),
      documentId: z.string().optional(),
      message: z.string(),
      repaired: z.boolean(),
    }),
    ProgressSchema,
    z.object({
      type: z.literal('summary'),
      ok: z.boolean(),
      checked: z.record(z.string(), z.int()),
      problems: z.int(),
      repaired: z.int(),
      ms: z.number(),
    }),
    StreamErrorSchema,
  ])
  .meta({ id: 'VerifyEvent', description: 'One line of NDJSON.' });

/** A line of `export --canonical`, sorted by id: equal dumps mean equal indexes (law 4). */
export const CanonicalChunkSchema = z
  .object({
    id: z.string(),
    documentId: DocumentIdSchema,
    source: z.string(),
    key: z.string(),
    revision: z.string(),
    ordinal: z.int(),
    span: SpanSchema,
    textSha256: z.string(),
    inputSha256: z.string(),
    vectorSha256: z.string(),
    metadataSha256: z.string(),
    policySha256: z.string(),
  })
  .meta({ id: 'CanonicalChunk', description: 'One line of NDJSON.' });

export const DeadLetterSchema = z
  .object({
    id: z.string(),
    documentId: DocumentIdSchema,
    source: z.string(),
    key: z.string(),
    op: z.enum(['upsert', 'delete']),
    generation: z.string(),
    code: z.string(),
    message: z.string(),
    attempts: z.int(),
    at: TimestampSchema,
    position: z.object({ epoch: z.int(), partition: z.int(), offset: z.string() }),
    bytes: z.int().optional().meta({ description: 'Of the original, which is kept.' }),
    mime: z.string().optional(),
  })
  .meta({ id: 'DeadLetter' });

export const DeadLetterListSchema = z
  .object({ deadLetters: z.array(DeadLetterSchema), next: z.string().optional() })
  .meta({ id: 'DeadLetterList' });

export const ReplayResultSchema = z
  .object({
    id: z.string(),
    outcome: z.enum(['replayed', 'superseded', 'failed']).meta({
      description: 'superseded: the document has a newer state, so a replay changes nothing.',
    }),
    error: RowErrorSchema.optional(),
  })
  .meta({ id: 'ReplayResult', example: { id: 'd-1', outcome: 'superseded' } });

export const ReleaseSchema = z
  .object({
    collection: z.string(),
    number: z.int(),
    generation: z.string(),
    previous: z.string().optional(),
    spaces: z.record(z.string(), z.string()),
    retrieval: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    promptVersion: z.string().optional(),
    at: TimestampSchema,
  })
  .meta({ id: 'Release' });

export const ReleasePutSchema = z
  .strictObject({
    generation: z
      .string()
      .regex(/^[a-z0-9-]{1,64}$/, 'a generation id')
      .meta({ description: 'What to serve from now on; a former one is a rollback.' }),
    expected: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'Number of the release that is to be replaced; 409 when it is another.' }),
  })
  .meta({ id: 'ReleasePut', example: { generation: 'g-4f7a21', expected: 1 } });

export type Readiness = z.output<typeof ReadinessSchema>;
export type CollectionStatus = z.output<typeof CollectionStatusSchema>;
export type Status = z.output<typeof StatusSchema>;
export type Ingest = z.output<typeof IngestSchema>;
export type ReportLine = z.output<typeof ReportLineSchema>;
export type IngestEvent = z.output<typeof IngestEventSchema>;
export type Verify = z.output<typeof VerifySchema>;
export type VerifyEvent = z.output<typeof VerifyEventSchema>;
export type CanonicalChunk = z.output<typeof CanonicalChunkSchema>;
export type DeadLetterView = z.output<typeof DeadLetterSchema>;
export type DeadLetterList = z.output<typeof DeadLetterListSchema>;
export type ReplayResult = z.output<typeof ReplayResultSchema>;
export type ReleaseView = z.output<typeof ReleaseSchema>;
export type ReleasePut = z.output<typeof ReleasePutSchema>;

export const BackupSchema = z
  .strictObject({
    directory: z
      .string()
      .min(1)
      .max(4096)
      .refine((path) => path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path), 'must be an absolute path')
      .meta({ description: 'On the server: an empty folder, or one that holds earlier backups.' }),
    keep: z.int().min(1).max(10_000).optional().meta({
      description: 'How many backups stay there; older ones are removed once this one is complete. Default: all.',
    }),
  })
  .meta({ id: 'Backup', example: { directory: '/var/backups/footnote', keep: 14 } });

export type Backup = z.output<typeof BackupSchema>;
