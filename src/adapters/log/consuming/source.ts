import type { ChangeEvent } from '../../../core/event.js';
import type { AckTracker } from '../../../runtime/ack-tracker.js';

/** An event that could be delivered next. */
export interface Candidate {
  readonly offset: bigint;
  readonly event: ChangeEvent;
  /** Of the event and its content, for the bound on bytes in flight. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly appendedAt: number;
  readonly attempt: number;
}

/** One partition while one consumer owns it. */
export interface PartitionSource {
  readonly partition: number;
  /** Aborted when the partition is revoked. */
  readonly revoked: AbortController;
  readonly tracker: AckTracker;
  /** What would be delivered next; the same until it is taken. */
  peek(): Candidate | undefined;
  /** Takes what `peek` gave. */
  take(): Candidate;
  /** Acked: it does not come again while the partition is ours. */
  settled(candidate: Candidate): void;
  /** The wait of a retry is over. */
  due(candidate: Candidate): void;
  /** Aborts the signal and forgets what was read. */
  revoke(): void;
}

/**
 * Deliveries of one partition that may be open at once, those that wait for a retry included: beyond it nothing new is
 * read until the oldest are done.
 */
export const WINDOW = 10_000;
