import { z } from 'zod';
import { CollectionNameSchema, JsonSchema, RowErrorSchema, SourceNameSchema, TimestampSchema } from './common.js';

const CountsSchema = z.object({
  sent: z.int().meta({ description: 'New and changed items that went to the log.' }),
  deleted: z.int(),
  unchanged: z.int(),
  skipped: z.int(),
  failed: z.int(),
});

const ItemProblemSchema = RowErrorSchema.extend({ key: z.string() }).meta({ id: 'SourceItemProblem' });

const SourceRunSchema = z
  .object({
    startedAt: TimestampSchema,
    endedAt: TimestampSchema,
    outcome: z.enum(['ok', 'failed', 'stopped', 'aborted']),
    counts: CountsSchema,
    fence: z.int().optional(),
    error: RowErrorSchema.optional(),
    problems: z.array(ItemProblemSchema).meta({ description: 'The first items that could not be read.' }),
  })
  .meta({ id: 'SourceRun' });

export const SourceStateSchema = z.enum(['idle', 'running', 'waiting', 'paused', 'stopped']).meta({
  description:
    'idle: until its schedule, or a change that it watches for; waiting: until it is tried again after an error; ' +
    'stopped: by the brake, until somebody confirms.',
});

export const SourceViewSchema = z
  .object({
    collection: CollectionNameSchema,
    source: SourceNameSchema,
    connector: z.string(),
    state: SourceStateSchema,
    everyMs: z.int(),
    watch: z.enum(['off', 'on', 'failed']),
    current: z.object({ startedAt: TimestampSchema, counts: CountsSchema }).optional().meta({
      description: 'The run that is under way.',
    }),
    last: SourceRunSchema.optional(),
    nextAt: TimestampSchema.optional(),
    failures: z.int().meta({ description: 'Failed runs since the last good one.' }),
    stopped: z.object({ at: TimestampSchema, gone: z.int(), total: z.int(), message: z.string() }).optional().meta({
      description: 'What the brake stopped: so many of so many documents would be deleted.',
    }),
    confirmed: z.int().optional().meta({ description: 'How many documents may go at once with the next run.' }),
    fence: z.int().optional().meta({ description: 'The last fencing number of the source.' }),
    cursor: JsonSchema.optional().meta({ description: 'Where the next read goes on from.' }),
  })
  .meta({
    id: 'SourceStatus',
    example: {
      collection: 'handbook',
      source: 'docs',
      connector: 'files',
      state: 'idle',
      everyMs: 900000,
      watch: 'on',
      nextAt: '2026-01-01T00:00:00.000Z',
      failures: 0,
      fence: 12,
    },
  });

export const SourceListSchema = z
  .object({
    running: z.boolean().meta({ description: 'Whether this process keeps them in step.' }),
    sources: z.array(SourceViewSchema),
  })
  .meta({ id: 'SourceList' });

export const SourceActionSchema = z.enum(['pause', 'resume', 'run', 'confirm']);

/** What a dry run streams: a line an item that would not stay as it is, one summary at the end. */
export const SourcePreviewSchema = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('item'),
      key: z.string(),
      action: z.enum(['read', 'delete', 'skip', 'problem']),
      code: z.string().optional(),
      message: z.string().optional(),
    }),
    z.object({
      type: z.literal('summary'),
      read: z.int(),
      delete: z.int(),
      unchanged: z.int(),
      skip: z.int(),
      problem: z.int(),
      stopped: RowErrorSchema.optional().meta({ description: 'The brake would stop it before any deletion.' }),
    }),
    z.object({ type: z.literal('error'), error: RowErrorSchema }),
  ])
  .meta({ id: 'SourcePreview', description: 'One line of NDJSON.' });

export type SourceCounts = z.output<typeof CountsSchema>;
export type SourceRun = z.output<typeof SourceRunSchema>;
export type SourceState = z.output<typeof SourceStateSchema>;
export type SourceView = z.output<typeof SourceViewSchema>;
export type SourceList = z.output<typeof SourceListSchema>;
export type SourceAction = z.output<typeof SourceActionSchema>;
export type SourcePreview = z.output<typeof SourcePreviewSchema>;
