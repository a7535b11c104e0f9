import { randomUUID } from 'node:crypto';
import type { ConfigInput } from '../../src/core/config.js';

/**
 * The stores of the servers that are running, each with a part of its own: topics, a schema, a prefix. Vectors are in
 * Qdrant where it runs, else embedded.
 */
export function serverStores(environment: NodeJS.ProcessEnv = process.env): NonNullable<ConfigInput['stores']> {
  const of = (name: string): string => environment[name] ?? '';
  const own = randomUUID();
  const qdrant = environment['QDRANT_URL'];
  const apiKey = environment['QDRANT_API_KEY'];
  return {
    log: {
      kind: 'kafka',
      brokers: of('KAFKA_BROKERS').split(','),
      prefix: `test-${own}`,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      sessionTimeoutMs: 10_000,
      heartbeatMs: 500,
    },
    catalog: { kind: 'postgres', url: of('POSTGRES_URL'), schema: `t_${own.replaceAll('-', '')}` },
    blobs: {
      kind: 's3',
      endpoint: of('S3_ENDPOINT'),
      region: of('S3_REGION'),
      bucket: of('S3_BUCKET'),
      accessKeyId: of('S3_ACCESS_KEY_ID'),
      secretAccessKey: of('S3_SECRET_ACCESS_KEY'),
      prefix: `test/${own}`,
    },
    ...(qdrant === undefined
      ? {}
      : {
          vectors: { kind: 'qdrant', url: qdrant, prefix: `t${own}-`, ...(apiKey === undefined ? {} : { apiKey }) },
        }),
  };
}
