import { z } from 'zod';
import { FootnoteError } from './errors.js';

const MiB = 1024 * 1024;
const bytes = (fallback: number) => z.number().int().min(1024).default(fallback);

/** The one configuration; every field has a default, so `{}` is a working engine. */
export const ConfigSchema = z
  .object({
    /** The directory that holds everything: log, catalog, vectors, blobs. */
    data: z.string().min(1).default('.footnote'),
    /** Where models are kept; shared between data directories. Default: the user's cache directory. */
    cache: z.string().min(1).optional(),
    http: z
      .object({
        host: z.string().default('127.0.0.1'),
        port: z.number().int().min(0).max(65535).default(7470),
        /** Names besides the loopback ones that a Host header may carry. */
        hosts: z.array(z.string()).default([]),
        /** Browser origins that may call the API. */
        origins: z.array(z.string()).default([]),
        documentBytes: bytes(100 * MiB),
        jsonBytes: bytes(1 * MiB),
        requestTimeoutMs: z.number().int().min(100).default(60_000),
        maxConnections: z.number().int().min(1).default(512),
      })
      .strict()
      .prefault({}),
    embedding: z
      .object({
        /** A built-in model's name or the path of a model folder with `footnote-model.json`. */
        model: z.string().min(1).default('all-MiniLM-L6-v2'),
        device: z.enum(['cpu', 'cuda']).default('cpu'),
        /** Inference sessions, one thread each; `auto` uses the cores. */
        sessions: z.union([z.literal('auto'), z.number().int().min(1).max(256)]).default('auto'),
        /** Threads inside one session; part of the build fingerprint. */
        threads: z.number().int().min(1).max(64).default(1),
        queueBytes: bytes(64 * MiB),
        hubEndpoint: z.url().default('https://huggingface.co'),
        /** Refuse to download anything. */
        offline: z.boolean().default(false),
        /** Bytes of vectors kept for texts that come again. */
        cacheBytes: bytes(1024 * MiB),
      })
      .strict()
      .prefault({}),
    parsing: z
      .object({
        processes: z.union([z.literal('auto'), z.number().int().min(1).max(64)]).default('auto'),
        deadlineMs: z.number().int().min(100).default(60_000),
        memoryBytes: bytes(1024 * MiB),
        /** Larger files are refused before they are read. */
        maxBytes: bytes(100 * MiB),
        /** Longest normalized text with its structure. */
        outputBytes: bytes(64 * MiB),
      })
      .strict()
      .prefault({}),
    ingest: z
      .object({
        maxInFlight: z.number().int().min(1).max(1024).default(16),
        maxInFlightBytes: bytes(64 * MiB),
        /** What a document shows when its newest state can't be parsed. */
        onParseFailure: z.enum(['stale', 'hide']).default('stale'),
        partitions: z.number().int().min(1).max(1024).default(8),
      })
      .strict()
      .prefault({}),
    search: z
      .object({
        /** Candidates asked of each arm. */
        candidates: z.number().int().min(10).max(2000).default(100),
        queryCacheEntries: z.number().int().min(0).max(1_000_000).default(4096),
        textCacheBytes: bytes(64 * MiB),
      })
      .strict()
      .prefault({}),
    retention: z
      .object({
        /** Days that a replaced revision's text stays, so that citations can be checked. Deletion frees it at once. */
        revisionDays: z.number().min(0).default(30),
        /** Days that applied events stay in the log. */
        logDays: z.number().min(0).default(7),
        jobDays: z.number().min(0).default(30),
      })
      .strict()
      .prefault({}),
    log: z
      .object({ level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info') })
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
