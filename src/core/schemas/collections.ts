import { z } from 'zod';
import { PolicySchema } from '../policy.js';
import { CollectionNameSchema, JsonObjectSchema, TimestampSchema } from './common.js';

export const CollectionPutSchema = z
  .strictObject({
    defaultPolicy: PolicySchema.optional().meta({
      description: 'Copied into documents that come without one. Default: principals [local].',
    }),
    settings: JsonObjectSchema.optional(),
  })
  .meta({ id: 'CollectionPut', example: { defaultPolicy: { principals: ['local'] } } });

export const CollectionSchema = z
  .object({
    name: CollectionNameSchema,
    defaultPolicy: PolicySchema,
    settings: JsonObjectSchema,
    createdAt: TimestampSchema,
  })
  .meta({ id: 'Collection' });

export const CollectionListSchema = z.object({ collections: z.array(CollectionSchema) }).meta({ id: 'CollectionList' });

export type CollectionPut = z.output<typeof CollectionPutSchema>;
export type CollectionView = z.output<typeof CollectionSchema>;
export type CollectionList = z.output<typeof CollectionListSchema>;
