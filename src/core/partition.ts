import { createHash } from 'node:crypto';

/**
 * The partition of a document's events: the first 32 bits of SHA-256 of its id, modulo the number of partitions. Every
 * log uses this one, so that a document keeps its partition when a log is moved. Never changes within an epoch.
 */
export function partitionOf(documentId: string, partitions: number): number {
  return createHash('sha256').update(documentId).digest().readUInt32BE(0) % partitions;
}
