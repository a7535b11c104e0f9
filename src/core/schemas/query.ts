import { z } from 'zod';
import { CitationSchema, MarkedCitationSchema } from './citations.js';
import {
  AsSchema,
  CollectionNameSchema,
  DocumentIdSchema,
  JsonObjectSchema,
  ReleaseRefSchema,
  RevisionIdSchema,
  TimingsSchema,
} from './common.js';
import { RequestFilterSchema } from './filter.js';

export const ModeSchema = z.enum(['hybrid', 'dense', 'lexical']);

const QueryTextSchema = z
  .string()
  .min(1)
  .max(20_000)
  .refine((query) => query.trim() !== '', 'is blank')
  .meta({ example: 'how do I turn the key?' });

const asked = {
  query: QueryTextSchema,
  mode: ModeSchema.default('hybrid'),
  filter: RequestFilterSchema.optional(),
  as: AsSchema.optional(),
};

export const SearchSchema = z.strictObject({ ...asked, limit: z.int().min(1).max(1000).default(10) }).meta({
  id: 'Search',
  example: { query: 'how do I turn the key?', limit: 5, filter: { eq: ['metadata.year', 2024] } },
});

export const HitSchema = z
  .object({
    chunkId: z.string(),
    documentId: DocumentIdSchema,
    revision: RevisionIdSchema,
    source: z.string(),
    key: z.string(),
    score: z.number(),
    scores: z
      .record(z.string(), z.number())
      .meta({ description: 'By arm: dense, lexical; `fused` before the neighbours.' }),
    confidence: z.number().min(0).max(1),
    text: z.string(),
    title: z.string().optional(),
    uri: z.string().optional(),
    headings: z.array(z.string()).optional(),
    page: z.int().optional(),
    kind: z.string().optional(),
    metadata: JsonObjectSchema.optional(),
    stale: z.boolean().optional().meta({ description: 'The document has a newer state that is not applied yet.' }),
    folded: z
      .array(z.object({ chunkId: z.string(), documentId: DocumentIdSchema }))
      .optional()
      .meta({ description: 'Near-duplicates that this hit stands for.' }),
    citation: CitationSchema,
  })
  .meta({ id: 'Hit' });

export const SearchResultSchema = z
  .object({ hits: z.array(HitSchema), release: ReleaseRefSchema, timings: TimingsSchema })
  .meta({ id: 'SearchResult', description: 'Best first.' });

/** Placeholders: `{n}` in `marker`; `{marker}`, `{text}`, `{title}`, `{uri}`, `{headings}` in `passage`. */
const TemplateSchema = z
  .strictObject({
    marker: z
      .string()
      .max(64)
      .refine((text) => text.includes('{n}'), 'must hold {n}')
      .optional(),
    passage: z
      .string()
      .max(2000)
      .refine((text) => text.includes('{marker}') && text.includes('{text}'), 'must hold {marker} and {text}')
      .optional(),
    separator: z.string().max(64).optional(),
  })
  .meta({
    id: 'ContextTemplate',
    example: { marker: '[{n}]', passage: '{marker} {title}\n{text}', separator: '\n\n' },
  });

export const ContextSchema = z
  .strictObject({
    ...asked,
    budget: z.strictObject({
      tokens: z.int().min(1).max(2_000_000),
      tokenizer: z
        .string()
        .min(1)
        .max(512)
        .default('o200k_base')
        .meta({ description: 'o200k_base, cl100k_base, or the path or name of a configured tokenizer.json.' }),
    }),
    template: TemplateSchema.optional(),
  })
  .meta({
    id: 'ContextRequest',
    example: { query: 'how do I turn the key?', budget: { tokens: 1024, tokenizer: 'o200k_base' } },
  });

export const ContextResultSchema = z
  .object({
    context: z.string(),
    tokens: z.int().meta({ description: 'Of `context`, by the tokenizer asked for; never above the budget.' }),
    citations: z.array(MarkedCitationSchema),
    explain: z.object({
      used: z.array(z.string()).meta({ description: 'Chunk ids.' }),
      dropped: z.array(z.object({ chunkId: z.string(), reason: z.string() })),
    }),
    confidence: z.number().min(0).max(1),
    release: ReleaseRefSchema,
    timings: TimingsSchema,
  })
  .meta({ id: 'ContextResult' });

/** Several collections and several queries in one request: each query is asked of all of the collections. */
const { query: _query, ...shared } = asked;
const many = {
  collections: z
    .array(CollectionNameSchema)
    .min(1)
    .max(16)
    .refine((names) => new Set(names).size === names.length, 'names a collection twice')
    .meta({ description: 'Of one embedding model, unless the mode is lexical.', example: ['handbook', 'tickets'] }),
  queries: z.array(QueryTextSchema).min(1).max(32),
  ...shared,
};
const releases = z.record(z.string(), ReleaseRefSchema).meta({ description: 'By collection.' });

export const SearchManySchema = z.strictObject({ ...many, limit: SearchSchema.shape.limit }).meta({
  id: 'SearchMany',
  example: { collections: ['handbook', 'tickets'], queries: ['how do I turn the key?', 'who has the key?'], limit: 5 },
});

export const SearchManyResultSchema = z
  .object({
    results: z.array(
      z.object({
        query: z.string(),
        hits: z.array(HitSchema.extend({ collection: z.string() }).meta({ id: 'HitIn' })),
        releases,
        timings: TimingsSchema,
      }),
    ),
  })
  .meta({ id: 'SearchManyResult', description: 'A result a query, in the order asked.' });

export const ContextManySchema = z
  .strictObject({ ...many, budget: ContextSchema.shape.budget, template: ContextSchema.shape.template })
  .meta({
    id: 'ContextMany',
    example: {
      collections: ['handbook', 'tickets'],
      queries: ['how do I turn the key?'],
      budget: { tokens: 1024, tokenizer: 'o200k_base' },
    },
  });

export const ContextManyResultSchema = z
  .object({
    results: z.array(
      ContextResultSchema.omit({ release: true, citations: true }).extend({
        query: z.string(),
        citations: z.array(MarkedCitationSchema.extend({ collection: z.string() }).meta({ id: 'MarkedCitationIn' })),
        releases,
      }),
    ),
  })
  .meta({ id: 'ContextManyResult', description: 'A context a query, in the order asked; the budget is that of each.' });

/** In the order of a query. */
const WhyStageSchema = z.enum(['log', 'failed', 'policy', 'filter', 'rank', 'packing']).meta({
  description:
    'log: not accepted, deleted, or not applied yet; failed: nothing of it could be read; policy: not for these ' +
    'principals; filter: shut out by the filter; rank: others were nearer; packing: left out of the context.',
});

export const WhySchema = z
  .strictObject({
    ...asked,
    documentId: DocumentIdSchema,
    limit: SearchSchema.shape.limit,
    budget: ContextSchema.shape.budget
      .optional()
      .meta({ description: 'Asks about a context of this budget; without it, about a search.' }),
  })
  .meta({
    id: 'Why',
    example: { query: 'how do I turn the key?', documentId: '3f0c2f6e-4a3b-5d1c-8e9f-0a1b2c3d4e5f' },
  });

export const WhyResultSchema = z
  .object({
    found: z.boolean(),
    lostAt: WhyStageSchema.optional().meta({ description: 'The stage that lost it; absent when it was found.' }),
    stages: z.array(
      z.object({
        stage: WhyStageSchema,
        present: z.boolean(),
        rank: z.int().optional(),
        score: z.number().optional(),
        detail: z.string().optional(),
      }),
    ),
    release: ReleaseRefSchema,
    timings: TimingsSchema,
  })
  .meta({ id: 'WhyResult' });

export type Mode = z.output<typeof ModeSchema>;
export type Search = z.output<typeof SearchSchema>;
export type SearchHit = z.output<typeof HitSchema>;
export type SearchResult = z.output<typeof SearchResultSchema>;
export type ContextRequest = z.output<typeof ContextSchema>;
export type ContextResult = z.output<typeof ContextResultSchema>;
export type Why = z.output<typeof WhySchema>;
export type WhyResult = z.output<typeof WhyResultSchema>;
export type SearchMany = z.output<typeof SearchManySchema>;
export type SearchManyResult = z.output<typeof SearchManyResultSchema>;
export type ContextMany = z.output<typeof ContextManySchema>;
export type ContextManyResult = z.output<typeof ContextManyResultSchema>;
