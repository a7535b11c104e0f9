import type { ConfigInput } from '../../../src/core/config.js';
import type { ServerVariable } from '../../support/needs.js';
import { kafkaWire } from './wires/kafka.js';
import { postgresWire } from './wires/postgres.js';
import { qdrantWire } from './wires/qdrant.js';
import { s3Wire } from './wires/s3.js';
import type { FaultName, FaultPlan } from './plan.js';

/** One server behind a proxy that does what the plan says; the other stores are embedded. */
export interface Wire {
  readonly plan: FaultPlan;
  /** @param own a name for a part of the server that nobody else has */
  stores(own: string): NonNullable<ConfigInput['stores']>;
  /** Resolves when nothing that was answered is still to be carried out. */
  idle(): Promise<void>;
  /** What is still there of that part although its collections were deleted. */
  left(own: string): Promise<string[]>;
  /** Removes the part. */
  remove(own: string): Promise<void>;
  close(): Promise<void>;
}

export interface WireKind {
  readonly variable: ServerVariable;
  /** What may happen on this wire; each is to be seen. */
  readonly faults: readonly FaultName[];
  /** @param directory of its own, empty */
  open(directory: string): Promise<Wire>;
}

export const WIRES = { kafka: kafkaWire, postgres: postgresWire, s3: s3Wire, qdrant: qdrantWire } as const;
export type WireName = keyof typeof WIRES;
