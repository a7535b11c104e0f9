import { kafka } from './kafka.js';
import { postgres } from './postgres.js';
import { qdrant } from './qdrant.js';
import { s3 } from './s3.js';
import type { ServerKind } from './server.js';

/** Every server that the distributed adapters are tested on, in the order in which they are started. */
export const SERVERS: readonly ServerKind[] = [kafka, postgres, qdrant, s3];
