import { z } from 'zod';
import { kafkaConnection } from './kafka.js';

const MiB = 1024 * 1024;
const ms = (fallback: number, least = 100) => z.number().int().min(least).max(86_400_000).default(fallback);
const count = (fallback: number, most: number) => z.number().int().min(1).max(most).default(fallback);

const KafkaSchema = z.strictObject({
  kind: z.literal('kafka'),
  brokers: kafkaConnection.brokers,
  prefix: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{1,80}$/, 'up to 80 letters, digits, dots, hyphens and underscores')
    .default('footnote')
    .meta({ description: 'Before the name of every topic and group; one a Footnote on a cluster.' }),
  tls: kafkaConnection.tls,
  sasl: kafkaConnection.sasl,
  replicationFactor: count(3, 100).meta({ description: 'Copies of each new topic; not more than there are brokers.' }),
  minInsyncReplicas: count(2, 100).meta({
    description: 'Copies that must have an event before it counts as accepted.',
  }),
  maxMessageBytes: z
    .number()
    .int()
    .min(10_000)
    .max(64 * MiB)
    .default(900_000)
    .meta({ description: 'Largest change without its content; below the cluster’s message.max.bytes.' }),
  sessionTimeoutMs: ms(30_000, 1000).meta({
    description: 'A worker that was not heard for so long loses its partitions.',
  }),
  heartbeatMs: ms(3000).meta({ description: 'How often workers are heard; a third of the session at most.' }),
  rebalanceTimeoutMs: ms(60_000, 1000).meta({ description: 'How long a rebalance waits for workers to come.' }),
  requestTimeoutMs: ms(15_000, 1000).meta({ description: 'Longest time for one request.' }),
});

const PostgresSchema = z.strictObject({
  kind: z.literal('postgres'),
  url: z.string().min(1).meta({
    description: '`postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`; write it as ${VARIABLE}.',
  }),
  schema: z
    .string()
    .min(1)
    .max(63)
    .default('footnote')
    .meta({ description: 'Where the tables are; one a Footnote in a database.' }),
  maxConnections: count(10, 1000).meta({ description: 'Connections of one process.' }),
  statementTimeoutMs: ms(30_000).meta({ description: 'Longest time for one statement.' }),
});

const QdrantSchema = z.strictObject({
  kind: z.literal('qdrant'),
  url: z.url().meta({ description: 'Where it serves HTTP: `https://HOST:6333`.' }),
  apiKey: z.string().min(1).optional().meta({ description: 'Write it as ${VARIABLE}.' }),
  prefix: z
    .string()
    .regex(/^[a-zA-Z0-9_-]{0,80}$/, 'up to 80 letters, digits, hyphens and underscores')
    .default('footnote-')
    .meta({ description: 'Before the name of every collection; one a Footnote on a cluster.' }),
  shardNumber: count(1, 1000).optional().meta({ description: 'Shards of each new collection. Default: one a node.' }),
  replicationFactor: count(1, 100).meta({ description: 'Copies of each shard.' }),
  writeConsistencyFactor: count(1, 100).meta({
    description: 'Copies that must have applied a write before it counts.',
  }),
  vectorsOnDisk: z
    .boolean()
    .default(false)
    .meta({ description: 'Read full vectors from disk and keep them out of memory.' }),
  quantization: z
    .enum(['none', 'scalar', 'binary'])
    .default('none')
    .meta({ description: 'Smaller vectors to search with; candidates are scored again with full ones.' }),
  timeoutMs: ms(60_000, 1000).meta({ description: 'Longest time for one request.' }),
  parallelism: count(4, 64).meta({ description: 'Requests to write at once.' }),
});

const S3Schema = z.strictObject({
  kind: z.literal('s3'),
  bucket: z.string().min(1).max(255),
  prefix: z
    .string()
    .max(500)
    .default('footnote')
    .meta({ description: 'Begins every key; one a Footnote in a bucket.' }),
  region: z.string().min(1).default('us-east-1'),
  endpoint: z.url().optional().meta({ description: 'Of a store that is not AWS: `https://HOST:PORT`.' }),
  accessKeyId: z.string().min(1).optional().meta({
    description: 'With secretAccessKey. Without both the environment, profiles and the machine’s role are asked.',
  }),
  secretAccessKey: z.string().min(1).optional().meta({ description: 'Write it as ${VARIABLE}.' }),
  forcePathStyle: z
    .boolean()
    .optional()
    .meta({ description: 'Bucket in the path of the address. Default: where there is an endpoint.' }),
  partBytes: z
    .number()
    .int()
    .min(5 * MiB)
    .max(512 * MiB)
    .default(8 * MiB)
    .meta({ description: 'Part of an upload; held in memory.' }),
});

/** Where everything is kept. Each store is the embedded one until the configuration names another. */
export const StoresSchema = z
  .strictObject({
    log: z
      .discriminatedUnion('kind', [z.strictObject({ kind: z.literal('sqlite') }), KafkaSchema])
      .default({ kind: 'sqlite' })
      .meta({ description: 'Changes on their way: a file in the data directory, or Apache Kafka.' }),
    catalog: z
      .discriminatedUnion('kind', [z.strictObject({ kind: z.literal('sqlite') }), PostgresSchema])
      .default({ kind: 'sqlite' })
      .meta({ description: 'What is known of documents: a file in the data directory, or PostgreSQL.' }),
    vectors: z
      .discriminatedUnion('kind', [z.strictObject({ kind: z.literal('lancedb') }), QdrantSchema])
      .default({ kind: 'lancedb' })
      .meta({ description: 'Passages with their vectors: files in the data directory, or Qdrant.' }),
    blobs: z
      .discriminatedUnion('kind', [z.strictObject({ kind: z.literal('files') }), S3Schema])
      .default({ kind: 'files' })
      .meta({ description: 'Originals and texts: files in the data directory, or S3.' }),
  })
  .superRefine(({ log, blobs }, context) => {
    if (log.kind === 'kafka' && log.heartbeatMs * 3 > log.sessionTimeoutMs) {
      const message = `must be a third of sessionTimeoutMs (${log.sessionTimeoutMs}) at most`;
      context.addIssue({ code: 'custom', path: ['log', 'heartbeatMs'], message });
    }
    if (log.kind === 'kafka' && log.minInsyncReplicas > log.replicationFactor) {
      const message = `must not be above replicationFactor (${log.replicationFactor})`;
      context.addIssue({ code: 'custom', path: ['log', 'minInsyncReplicas'], message });
    }
    if (blobs.kind === 's3' && (blobs.accessKeyId === undefined) !== (blobs.secretAccessKey === undefined)) {
      const missing = blobs.accessKeyId === undefined ? 'accessKeyId' : 'secretAccessKey';
      context.addIssue({ code: 'custom', path: ['blobs', missing], message: 'comes with the other one or not at all' });
    }
  })
  .prefault({});
