import type { JsonObject } from './json.js';
import type { Policy } from './policy.js';
import type { Version } from './version.js';

/** Newest event envelope this software writes; it reads this one and the one before. */
export const EVENT_VERSION = 1;

/** Names the bytes of one blob. A blob belongs to one event of one document and is never shared. */
export interface ContentRef {
  readonly blob: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** A place in the log. `epoch` is the incarnation of the log; offsets start at 0 in each partition. */
export interface Position {
  readonly epoch: number;
  readonly partition: number;
  readonly offset: bigint;
}

/** One change to one document, full state: an upsert carries everything a clean build needs. */
export interface ChangeEvent {
  readonly v: number;
  readonly tenant: string;
  readonly collection: string;
  readonly source: string;
  readonly key: string;
  readonly op: 'upsert' | 'delete';
  readonly fence: number;
  /** Set for documents owned by the API: the head's sequence number, which then orders the document's events. */
  readonly sequence?: bigint;
  /** Upserts only. */
  readonly content?: ContentRef;
  readonly title?: string;
  readonly uri?: string;
  /** As the source says it; the content decides. */
  readonly mime?: string;
  /** File name or the like, a hint for type detection. */
  readonly name?: string;
  readonly metadata?: JsonObject;
  readonly policy: Policy;
  /** ISO 8601, UTC: when the source was seen in this state. */
  readonly observedAt: string;
  /** Parse options that came with the event (a PDF's password is a reference to a secret, never the secret). */
  readonly parse?: ParseOptions;
}

export interface ParseOptions {
  readonly charset?: string;
  /** For encrypted documents. Never logged, never exported. */
  readonly password?: string;
}

/** Documents owned by the API are ordered by their sequence alone, in epoch 0; all others by their place in the log. */
export function eventVersion(event: Pick<ChangeEvent, 'fence' | 'sequence'>, position: Position): Version {
  if (event.sequence !== undefined) return { fence: event.fence, epoch: 0, n: event.sequence };
  return { fence: event.fence, epoch: position.epoch, n: position.offset };
}
