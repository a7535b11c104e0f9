import { z } from 'zod';
import { PolicySchema } from '../policy.js';
import { CollectionNameSchema } from '../schemas/common.js';

/** A collection that is there from the start, with the permissions of whatever comes without its own. */
const CollectionConfigSchema = z
  .strictObject({
    name: CollectionNameSchema,
    tenant: z.string().min(1).max(128).default('default').meta({ description: 'Whose collection it is.' }),
    defaultPolicy: PolicySchema.meta({
      description:
        'Who may see documents that say nothing themselves; copied into each as it comes, so a change holds for later ones.',
    }),
  })
  .meta({ id: 'CollectionConfig' });

export const CollectionsSchema = z
  .array(CollectionConfigSchema)
  .max(1000)
  .default([])
  .superRefine((collections, context) => {
    const seen = new Set<string>();
    for (const [index, { tenant, name }] of collections.entries()) {
      const id = `${tenant}/${name}`;
      if (seen.has(id)) context.addIssue({ code: 'custom', path: [index, 'name'], message: `There are two of ${id}.` });
      seen.add(id);
    }
  })
  .meta({ description: 'Collections that are made when they are not there, with their permissions.' });
