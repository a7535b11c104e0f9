import { setMaxListeners } from 'node:events';
import { decodeEvent } from '../../../core/event-codec.js';
import { AckTracker } from '../../../runtime/ack-tracker.js';
import { WINDOW, type Candidate, type PartitionSource } from '../consuming/source.js';
import type { LogStore, StoredEvent, Stream } from './store.js';

/** One partition while one consumer owns it: reads ahead a page, tracks acks, holds what is due again. */
export class PartitionReader implements PartitionSource {
  readonly stream: Stream;
  readonly partition: number;
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

  peek(): Candidate | undefined {
    this.#peeked ??= this.#again() ?? this.#fresh();
    return this.#peeked;
  }

  take(): Candidate {
    const candidate = this.#peeked!;
    this.#peeked = undefined;
    this.tracker.delivered(candidate.offset);
    return candidate;
  }

  settled(): void {
    // The store keeps the event until the commit has passed it: nothing of it is held here.
  }

  due({ offset, attempt }: Candidate): void {
    this.#due.push({ offset: Number(offset), attempt });
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
  const bytes = stored.bytes + (event.content?.bytes ?? 0);
  return { offset: BigInt(stored.offset), event, bytes, appendedAt: stored.at, attempt };
}
