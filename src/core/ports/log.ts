import type { FootnoteError } from '../errors.js';
import type { ChangeEvent, Position } from '../event.js';

export interface LogIdentity {
  /** Random; another log has another id. */
  readonly id: string;
  /** Incarnation: raised whenever the log is moved or recreated. */
  readonly epoch: number;
  /** Partitions of every stream; fixed within an epoch. */
  readonly partitions: number;
}

export interface Delivery {
  readonly event: ChangeEvent;
  readonly position: Position;
  /** When it was appended, by the clock of whoever did: milliseconds since 1970. */
  readonly appendedAt: number;
  /** 1 for the first delivery to this consumer, raised by `retry`. */
  readonly attempt: number;
  /** Aborted when the partition is revoked or the consumer stops. */
  readonly signal: AbortSignal;
  /** Every effect of the event is durable. Resolves when recorded; the position is committed once all below it are. After revocation: does nothing. */
  ack(): Promise<void>;
  /** Deliver it again after `afterMs`; other documents go on. */
  retry(afterMs: number): void;
  /** Writes a dead letter (durable) and acks. */
  reject(error: FootnoteError): Promise<void>;
}

export interface ConsumeOptions {
  readonly stream: string;
  readonly group: string;
  /** Bound on unacknowledged deliveries, by event and content size. At least one is always let through. */
  readonly maxInFlightBytes: number;
  /** Bound on unacknowledged deliveries. */
  readonly maxInFlight?: number;
  readonly signal: AbortSignal;
}

export interface DeadLetter {
  /** Stable: a function of stream, group and position; rejecting twice makes one letter. */
  readonly id: string;
  readonly stream: string;
  readonly group: string;
  readonly documentId: string;
  readonly position: Position;
  readonly event: ChangeEvent;
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
  /** ISO 8601. */
  readonly at: string;
}

/**
 * An ordered, partitioned, durable log of change events. One stream a collection; partitioned by document id, so one
 * document's events stay in order. Groups hold independent commits; commits name the next offset to read.
 */
export interface EventLog {
  identity(): Promise<LogIdentity>;
  /** Durable on return. Positions in the order of `events`. When it fails, some of them may be there: append all again. */
  append(stream: string, events: readonly ChangeEvent[]): Promise<Position[]>;
  /** Ends when the signal aborts. Delivers from the group's commits on; unacknowledged events come again after a restart. */
  consume(options: ConsumeOptions): AsyncIterable<Delivery>;
  /** The next offset to read, one a partition, all partitions. */
  committed(stream: string, group: string): Promise<Position[]>;
  /**
   * Sets where a group without members begins. `onlyNew`: one that is there already stays where it is, members or not.
   * @returns false when it stayed. @throws conflict while it has members
   */
  seek(
    stream: string,
    group: string,
    positions: readonly Position[],
    options?: { readonly onlyNew?: boolean },
  ): Promise<boolean>;
  /** The offset after the last event, one a partition. */
  end(stream: string): Promise<Position[]>;
  /** Events that the group has not committed. */
  lag(stream: string, group: string): Promise<number>;
  /** Keeps everything from these positions on from being trimmed until released. A hold of the same name is replaced. */
  hold(stream: string, name: string, positions: readonly Position[]): Promise<void>;
  release(stream: string, name: string): Promise<void>;
  /**
   * Removes events below every group's commit and every hold that are older than `olderThan` (ISO 8601). Returns how
   * many. A stream without groups keeps everything: nobody has read it yet.
   */
  trim(stream: string, olderThan: string): Promise<number>;
  /** Removes the group with its commits and dead letters; its consumers end. */
  dropGroup(stream: string, group: string): Promise<void>;
  /** Removes the stream with its groups, holds and dead letters; its consumers end. */
  dropStream(stream: string): Promise<void>;
  readonly deadLetters: DeadLetters;
  close(): Promise<void>;
}

export interface DeadLetters {
  /** For failures outside of a delivery (a backfill). Durable on return; a letter of the same place is replaced. */
  add(letter: Omit<DeadLetter, 'id'>): Promise<DeadLetter>;
  list(stream: string, options?: { group?: string; after?: string; limit?: number }): Promise<DeadLetter[]>;
  get(id: string): Promise<DeadLetter | undefined>;
  remove(id: string): Promise<void>;
  /** Law 6: a deleted document leaves no dead letters of older versions. Removes those of this document at or before `upTo` (all when absent). */
  removeDocument(
    stream: string,
    documentId: string,
    options?: { group?: string; keep?: (letter: DeadLetter) => boolean },
  ): Promise<number>;
  count(stream: string): Promise<number>;
}
