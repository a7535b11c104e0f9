import { z } from 'zod';
import { RowErrorSchema, TimestampSchema } from './common.js';

const GenerationIdSchema = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, 'a generation id')
  .meta({ example: 'g-4f7a21' });

export const ReindexSchema = z
  .strictObject({
    model: z.string().min(1).max(1024).optional().meta({
      description: "A built-in model's name or a model folder's path. Default: the live generation's.",
    }),
    chunker: z
      .strictObject({
        targetTokens: z.int().min(16).max(4096).optional().meta({ description: 'Tokens that a cut chunk aims at.' }),
        contextTokens: z.int().min(0).max(1024).optional().meta({ description: 'Most tokens of title and headings.' }),
      })
      .optional(),
    switch: z.boolean().default(false).meta({ description: 'Release it as soon as it is ready.' }),
  })
  .meta({ id: 'Reindex', example: { chunker: { targetTokens: 128 }, switch: true } });

export const GenerationViewSchema = z
  .object({
    id: GenerationIdSchema,
    state: z.enum(['draft', 'building', 'shadow', 'live', 'retired', 'dropped']),
    served: z.boolean().meta({ description: 'The release points at it.' }),
    lag: z.int().meta({ description: 'Changes that it has not applied yet.' }),
    documents: z.object({ live: z.int(), failed: z.int() }),
    chunks: z.int(),
    model: z.string(),
    chunker: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    ready: z
      .boolean()
      .meta({ description: 'May be released: complete, in step, and nothing fails that the live one shows.' }),
    notReady: z.string().optional().meta({ description: 'Why not.' }),
    createdAt: TimestampSchema,
    error: RowErrorSchema.optional(),
  })
  .meta({ id: 'Generation' });

export const GenerationListSchema = z
  .object({ generations: z.array(GenerationViewSchema) })
  .meta({ id: 'GenerationList' });

const DiffQuerySchema = z.strictObject({
  query: z.string().min(1).max(8192),
  relevant: z.array(z.string().min(1).max(1024)).max(1000).optional().meta({
    description: 'Ids or keys of the documents that should be found.',
  }),
});

export const ReleaseDiffSchema = z
  .strictObject({
    a: GenerationIdSchema,
    b: GenerationIdSchema,
    queries: z.array(DiffQuerySchema).max(1000).optional().meta({
      description: 'A golden set. Absent: queries asked of this collection lately.',
    }),
    k: z.int().min(1).max(100).default(10),
  })
  .meta({ id: 'ReleaseDiff', example: { a: 'g-4f7a21', b: 'g-90cd12', k: 10 } });

const JudgedSchema = z.object({ recall: z.number(), mrr: z.number() });

export const ReleaseDiffResultSchema = z
  .object({
    a: z.string(),
    b: z.string(),
    k: z.int(),
    queries: z.int(),
    overlap: z.number().meta({ description: 'Mean share of the first k documents that both find, 0 to 1.' }),
    sameFirst: z.number().meta({ description: 'Share of queries whose first document is the same.' }),
    judged: z.object({ queries: z.int(), a: JudgedSchema, b: JudgedSchema }).optional(),
    most: z
      .array(
        z.object({ query: z.string(), overlap: z.number(), onlyA: z.array(z.string()), onlyB: z.array(z.string()) }),
      )
      .meta({ description: 'The queries that differ most, with the keys that only one of them finds.' }),
  })
  .meta({ id: 'ReleaseDiffResult' });

export const ReleaseListSchema = z
  .object({
    releases: z.array(z.object({ number: z.int(), generation: z.string(), at: TimestampSchema, served: z.boolean() })),
  })
  .meta({ id: 'ReleaseList' });

export type Reindex = z.output<typeof ReindexSchema>;
export type GenerationView = z.output<typeof GenerationViewSchema>;
export type GenerationList = z.output<typeof GenerationListSchema>;
export type ReleaseDiff = z.output<typeof ReleaseDiffSchema>;
export type ReleaseDiffResult = z.output<typeof ReleaseDiffResultSchema>;
export type ReleaseList = z.output<typeof ReleaseListSchema>;
