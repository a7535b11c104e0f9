import { setMaxListeners } from 'node:events';
import { decodeEvent } from '../../../core/event-codec.js';
import type { ChangeEvent } from '../../../core/event.js';
import { AckTracker } from '../../../runtime/ack-tracker.js';
import type { LogStore, StoredEvent, Stream } from './store.js';

/** An event that could be delivered next. */
export interface Candidate {
  readonly offset: number;
  readonly event: ChangeEvent;
  /** Of the event and its content, for the bound on bytes in flight. */
  readonly bytes: number;
  readonly attempt: number;
}

/**
 * Deliveries of one partition that may be open at once, those that wait for a retry included: beyond it nothing new is
 * read until the oldest are done.
 */
const WINDOW = 10_000;

/** One partition while one consumer owns it: reads ahead a page, tracks acks, holds what is due again. */
export class PartitionReader {
  readonly stream: Stream;
  readonly partition: number;
  /** Aborted when the partition is revoked. */
  readonly revoked = new AbortController();
  readonly tracker: AckTracker;
  readonly #store: LogStore;
  #page: StoredEvent[] = [];
  #next: number;
  #peeked: Candidate | undefined;
  readonly #due: { offset: number; attempt: number }[] = [];

  constructor(store: LogStore, stream: Stream, partition: number, committed: number) {
    this.#store = store;
    this.stream = stream;
    this.partition = partition;
    this.#next = committed;
    this.tracker = new AckTracker(BigInt(committed));
    // Every open delivery may listen.
    setMaxListeners(0, this.revoked.signal);
  }

  /** What would be delivered next; the same until it is taken. */
  peek(): Candidate | undefined {
    this.#peeked ??= this.#again() ?? this.#fresh();
    return this.#peeked;
  }

  /** Takes what `peek` gave. */
  take(): Candidate {
    const candidate = this.#peeked!;
    this.#peeked = undefined;
    this.tracker.delivered(BigInt(candidate.offset));
    return candidate;
  }

  /** The wait of a retry is over. */
  due(offset: number, attempt: number): void {
    this.#due.push({ offset, attempt });
  }

  revoke(): void {
    this.revoked.abort();
    this.#page = [];
    this.#due.length = 0;
    this.#peeked = undefined;
  }

  #again(): Candidate | undefined {
    const due = this.#due.shift();
    if (!due) return undefined;
    // Trimming stops at the commit, so an open event is still there.
    const stored = this.#store.one(this.stream, this.partition, due.offset);
    return stored && candidate(stored, due.attempt);
  }

  #fresh(): Candidate | undefined {
    if (this.tracker.outstanding >= WINDOW) return undefined;
    if (this.#page.length === 0 && this.#next < this.stream.ends[this.partition]!) {
      this.#page = this.#store.page(this.stream, this.partition, this.#next);
    }
    const stored = this.#page.shift();
    if (!stored) return undefined;
    this.#next = stored.offset + 1;
    return candidate(stored, 1);
  }
}

function candidate(stored: StoredEvent, attempt: number): Candidate {
  const event = decodeEvent(stored.event);
  return { offset: stored.offset, event, bytes: stored.bytes + (event.content?.bytes ?? 0), attempt };
}
