import { z } from 'zod';
import { PolicySchema } from '../policy.js';
import { CollectionNameSchema, JsonObjectSchema, SourceNameSchema } from '../schemas/common.js';

const DAY_MS = 24 * 60 * 60_000;

/** How much of a source may go in one listing before somebody is asked. */
const BrakeSchema = z
  .object({
    share: z.number().min(0).max(1).default(0.3).meta({
      description: "Largest share of the source's documents that one listing may delete; 1 lets everything go.",
    }),
    least: z.number().int().min(1).default(10).meta({ description: 'Fewer documents than this may always go.' }),
  })
  .strict()
  .prefault({});

/** One source that is kept in step with a collection. */
export const SourceConfigSchema = z
  .object({
    collection: CollectionNameSchema.meta({ description: 'Where its documents go; made when it is not there.' }),
    source: SourceNameSchema.optional().meta({
      description:
        "The source's name within the collection; it belongs to its connector. Default: the connector's name.",
    }),
    connector: z.string().min(1).max(64).meta({ description: 'One of the connectors of the reference.' }),
    tenant: z.string().min(1).max(128).default('default').meta({ description: 'Whose collection it is.' }),
    options: JsonObjectSchema.default({}).meta({ description: "The connector's own options: see the reference." }),
    base: z.string().min(1).optional().meta({
      description: 'What relative paths in the options are relative to. Default: the folder of the configuration.',
    }),
    policy: PolicySchema.optional().meta({
      description: "Who may see its documents, where the source itself does not say. Default: the collection's policy.",
    }),
    everyMs: z
      .number()
      .int()
      .min(100)
      .max(365 * DAY_MS)
      .default(15 * 60_000)
      .meta({
        description: 'Milliseconds between the end of one listing and the next one.',
      }),
    watch: z.boolean().default(false).meta({
      description: 'Also list when the source says that it changed; listings by schedule go on.',
    }),
    deletes: z.boolean().default(true).meta({ description: 'Whether documents go when their items have gone.' }),
    paused: z.boolean().default(false).meta({ description: 'Never read it.' }),
    brake: BrakeSchema,
  })
  .strict()
  .meta({ id: 'Source', description: 'A source that is kept in step with a collection.' });

/** A file of the folder `connectors`: one source, of one collection or of each of several. */
export const SourceFileSchema = SourceConfigSchema.extend({
  collection: z
    .union([CollectionNameSchema, z.array(CollectionNameSchema).min(1).max(100)])
    .meta({ description: 'Where its documents go, or a list of such collections; made when they are not there.' }),
  source: SourceNameSchema.optional().meta({
    description: "The source's name within the collection. Default: the file's name without its ending.",
  }),
});

/** How many sources there may be in all. */
export const MAX_SOURCES = 1000;

export const SourcesSchema = z
  .array(SourceConfigSchema)
  .max(MAX_SOURCES)
  .default([])
  .superRefine((sources, context) => {
    const seen = new Set<string>();
    for (const [index, source] of sources.entries()) {
      const name = JSON.stringify([source.tenant, source.collection, sourceNameOf(source)]);
      if (seen.has(name)) {
        const message = `there is another source ${sourceNameOf(source)} of ${source.collection}: give this one a name`;
        context.addIssue({ code: 'custom', path: [index, 'source'], message });
      }
      seen.add(name);
    }
  })
  .meta({ description: 'Sources that `serve` and `connect` keep in step with their collections.' });

export type SourceConfig = z.output<typeof SourceConfigSchema>;

export function sourceNameOf({ source, connector }: Pick<SourceConfig, 'source' | 'connector'>): string {
  return source ?? connector;
}
