import { z } from 'zod';
import { CollectionsSchema } from './config/collections.js';
import { SourcesSchema } from './config/sources.js';
import { StoresSchema } from './config/stores.js';
import { FootnoteError } from './errors.js';

const MiB = 1024 * 1024;
const bytes = (fallback: number) => z.number().int().min(1024).default(fallback);

/** The one configuration; every field has a default, so `{}` is a working engine. */
export const ConfigSchema = z
  .object({
    data: z
      .string()
      .min(1)
      .default('.footnote')
      .meta({ description: 'The directory that holds everything that no server holds: see stores.' }),
    cache: z.string().min(1).optional().meta({
      description: "Where models are kept; shared between data directories. Default: the user's cache directory.",
    }),
    stores: StoresSchema.meta({ description: 'Where log, catalog, vectors and blobs are kept.' }),
    http: z
      .object({
        host: z
          .string()
          .default('127.0.0.1')
          .meta({ description: 'Address to serve on; beyond loopback only once there is a key.' }),
        port: z.number().int().min(0).max(65535).default(7470).meta({ description: '0 takes any free port.' }),
        hosts: z
          .array(z.string())
          .default([])
          .meta({ description: 'Names besides the loopback ones that a Host header may carry.' }),
        origins: z.array(z.string()).default([]).meta({ description: 'Browser origins that may call the API.' }),
        documentBytes: bytes(100 * MiB).meta({ description: 'Largest document that the API takes.' }),
        jsonBytes: bytes(1 * MiB).meta({ description: 'Largest JSON body.' }),
        requestTimeoutMs: z
          .number()
          .int()
          .min(100)
          .default(60_000)
          .meta({ description: 'Longest time for one request, in milliseconds.' }),
        rateLimit: z
          .strictObject({
            requests: z
              .number()
              .int()
              .min(1)
              .max(1_000_000)
              .default(6000)
              .meta({ description: 'Requests in a window.' }),
            seconds: z.number().int().min(1).max(86_400).default(60).meta({ description: "The window's length." }),
          })
          .prefault({})
          .meta({ description: 'What each key may ask; more is answered with 429.' }),
        maxConnections: z
          .number()
          .int()
          .min(1)
          .default(512)
          .meta({ description: 'Further connections are closed as they come.' }),
      })
      .strict()
      .prefault({}),
    embedding: z
      .object({
        model: z
          .string()
          .min(1)
          .default('all-MiniLM-L6-v2')
          .meta({ description: "A built-in model's name or the path of a model folder with `footnote-model.json`." }),
        device: z.enum(['cpu', 'cuda']).default('cpu').meta({ description: 'What computes embeddings.' }),
        sessions: z
          .union([z.literal('auto'), z.number().int().min(1).max(256)])
          .default('auto')
          .meta({ description: 'Inference sessions, one thread each; `auto` uses the cores.' }),
        threads: z
          .number()
          .int()
          .min(1)
          .max(64)
          .default(1)
          .meta({ description: 'Threads inside one session; part of the build fingerprint.' }),
        queueBytes: bytes(64 * MiB).meta({
          description: 'Texts that may wait for an embedding; more are refused as overload.',
        }),
        hubEndpoint: z
          .url()
          .default('https://huggingface.co')
          .meta({ description: 'Where model files are downloaded from.' }),
        offline: z.boolean().default(false).meta({ description: 'Refuse to download anything.' }),
        cacheBytes: bytes(1024 * MiB).meta({ description: 'Bytes of vectors kept for texts that come again.' }),
      })
      .strict()
      .prefault({}),
    parsing: z
      .object({
        processes: z
          .union([z.literal('auto'), z.number().int().min(1).max(64)])
          .default('auto')
          .meta({ description: 'Child processes that parse; `auto` uses the cores.' }),
        deadlineMs: z
          .number()
          .int()
          .min(100)
          .default(60_000)
          .meta({ description: 'Longest time for one document, in milliseconds; then its process is killed.' }),
        memoryBytes: bytes(1024 * MiB).meta({
          description: 'Most memory of one parsing process; beyond it the process is killed.',
        }),
        maxBytes: bytes(100 * MiB).meta({ description: 'Larger files are refused before they are read.' }),
        outputBytes: bytes(64 * MiB).meta({ description: 'Longest normalized text with its structure.' }),
      })
      .strict()
      .prefault({}),
    ingest: z
      .object({
        maxInFlight: z
          .number()
          .int()
          .min(1)
          .max(1024)
          .default(16)
          .meta({ description: 'Documents under way at once.' }),
        maxInFlightBytes: bytes(64 * MiB).meta({ description: 'Bytes of changes under way at once.' }),
        onParseFailure: z
          .enum(['stale', 'hide'])
          .default('stale')
          .meta({ description: "What a document shows when its newest state can't be parsed." }),
        partitions: z
          .number()
          .int()
          .min(1)
          .max(1024)
          .default(8)
          .meta({ description: "Partitions of a new collection's log stream." }),
      })
      .strict()
      .prefault({}),
    search: z
      .object({
        candidates: z
          .number()
          .int()
          .min(10)
          .max(2000)
          .default(100)
          .meta({ description: 'Candidates asked of each arm.' }),
        queryCacheEntries: z
          .number()
          .int()
          .min(0)
          .max(1_000_000)
          .default(4096)
          .meta({ description: 'Query vectors kept.' }),
        textCacheBytes: bytes(64 * MiB).meta({ description: 'Document texts kept in memory for answers.' }),
      })
      .strict()
      .prefault({}),
    collections: CollectionsSchema,
    sources: SourcesSchema,
    connectors: z.string().min(1).optional().meta({
      description:
        'A folder of further sources, a YAML file each: see the guide. Default: `connectors` beside this file, where that is a folder. Read by the command line.',
    }),
    releases: z
      .strictObject({
        keepHours: z.number().min(0).default(24).meta({
          description: 'Hours that a generation is kept after another took its place: so long rolling back is instant.',
        }),
      })
      .prefault({}),
    reindex: z
      .strictObject({
        concurrency: z.number().int().min(1).max(64).default(2).meta({ description: 'Documents under way at once.' }),
        searchP95Ratio: z.number().min(1).max(10).default(1.3).meta({
          description:
            'How much slower searches may get meanwhile, at their 95th percentile; then it pauses for longer.',
        }),
      })
      .prefault({}),
    retention: z
      .object({
        revisionDays: z.number().min(0).default(30).meta({
          description:
            "Days that a replaced revision's text stays, so that citations can be checked. Deletion frees it at once.",
        }),
        logDays: z.number().min(0).default(7).meta({ description: 'Days that applied events stay in the log.' }),
        deadLetterDays: z.number().min(0).default(90).meta({
          description: 'Days that a dead letter can be replayed. Its document stays failed, with reason and original.',
        }),
        tombstoneDays: z.number().min(0).default(90).meta({
          description:
            'Days that the name of a deleted document is remembered; not fewer than logDays and deadLetterDays, which it guards against.',
        }),
        jobDays: z.number().min(0).default(30).meta({ description: 'Days that ended jobs are listed.' }),
      })
      .strict()
      .superRefine(({ tombstoneDays, logDays, deadLetterDays }, context) => {
        const least = Math.max(logDays, deadLetterDays);
        if (tombstoneDays >= least) return;
        const message = `must be at least ${least}, as long as the log (logDays) and dead letters (deadLetterDays) are kept`;
        context.addIssue({ code: 'custom', path: ['tombstoneDays'], message });
      })
      .prefault({}),
    log: z
      .object({
        level: z
          .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
          .default('info')
          .meta({ description: 'What is logged, as JSON lines on standard error.' }),
      })
      .strict()
      .prefault({}),
  })
  .strict();

export type Config = z.output<typeof ConfigSchema>;
export type ConfigInput = z.input<typeof ConfigSchema>;

/** @throws FootnoteError invalid_config that names each field's path and what it may hold */
export function parseConfig(input: unknown, file = 'the configuration'): Config {
  const result = ConfigSchema.safeParse(input ?? {});
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || '(top level)'}: ${issue.message}`);
  throw new FootnoteError('invalid_config', `In ${file}: ${problems.join('; ')}.`, {
    details: { problems: result.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })) },
  });
}
