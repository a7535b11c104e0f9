import { z } from 'zod';
import { CollectionNameSchema, TimestampSchema } from './common.js';

/** What a key may do. None includes another: a key that only writes can't read what it wrote. */
export const KeyScopeSchema = z.enum(['read', 'write', 'admin']).meta({
  description: 'read: search and read; write: put and delete documents; admin: everything else of the tenant.',
});

const TenantSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, '1 to 64 letters, digits, dots, dashes or underscores')
  .meta({ example: 'acme' });

const rights = {
  tenant: TenantSchema,
  scopes: z.array(KeyScopeSchema).min(1).max(3),
  principals: z
    .array(z.string().min(1).max(256))
    .max(1000)
    .meta({
      description: 'Who the key reads as: a document is seen when it names one of them. None: it can read nothing.',
      example: ['staff'],
    }),
  collections: z.array(CollectionNameSchema).min(1).max(1000).optional().meta({
    description: 'The only collections that exist for this key. Absent: all of its tenant.',
  }),
  requireAs: z.boolean().meta({
    description: 'Each read must say for whom (`as`): for backends that serve many people with one key.',
  }),
  label: z.string().min(1).max(256).optional().meta({ description: 'For people.', example: 'chat backend' }),
  expiresAt: z.iso.datetime().optional().meta({ description: 'When it ends, ISO 8601, UTC.' }),
};

export const KeyCreateSchema = z
  .strictObject({
    ...rights,
    tenant: TenantSchema.optional().meta({ description: "Default: the caller's own." }),
    requireAs: rights.requireAs.default(false),
  })
  .meta({ id: 'KeyCreate', example: { scopes: ['read'], principals: ['staff'], label: 'chat backend' } });

export const KeySchema = z
  .object({ id: z.string(), ...rights, createdAt: TimestampSchema, revokedAt: TimestampSchema.optional() })
  .meta({ id: 'Key' });

export const KeyCreatedSchema = z
  .object({
    key: KeySchema,
    secret: z.string().meta({ description: 'Shown this once: only its hash is kept.', example: 'fn_…' }),
  })
  .meta({ id: 'KeyCreated' });

export const KeyListSchema = z.object({ keys: z.array(KeySchema) }).meta({ id: 'KeyList' });

export type KeyCreate = z.output<typeof KeyCreateSchema>;
export type KeyView = z.output<typeof KeySchema>;
export type KeyCreated = z.output<typeof KeyCreatedSchema>;
export type KeyList = z.output<typeof KeyListSchema>;
