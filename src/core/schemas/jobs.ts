import { z } from 'zod';
import { JobIdSchema, JsonObjectSchema, RowErrorSchema, TimestampSchema } from './common.js';

export const JobStateSchema = z.enum(['queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled']);

export const JobSchema = z
  .object({
    id: JobIdSchema,
    kind: z.string().meta({ example: 'document' }),
    collection: z.string().optional(),
    state: JobStateSchema,
    progress: z.object({ done: z.number(), total: z.number() }),
    error: RowErrorSchema.optional(),
    result: JsonObjectSchema.optional().meta({ description: 'What the job has to tell, by kind.' }),
    createdAt: TimestampSchema,
    updatedAt: TimestampSchema,
  })
  .meta({
    id: 'Job',
    example: {
      id: 'j-7d1c9a52',
      kind: 'document',
      collection: 'handbook',
      state: 'running',
      progress: { done: 0, total: 1 },
      createdAt: '2026-01-01T00:00:00.000Z',
      updatedAt: '2026-01-01T00:00:00.000Z',
    },
  });

export const JobListSchema = z
  .object({ jobs: z.array(JobSchema), next: z.string().optional() })
  .meta({ id: 'JobList' });

export const JobActionSchema = z.enum(['pause', 'resume', 'cancel']);

export type JobView = z.output<typeof JobSchema>;
export type JobList = z.output<typeof JobListSchema>;
export type JobAction = z.output<typeof JobActionSchema>;
