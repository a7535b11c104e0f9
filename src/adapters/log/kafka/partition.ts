import { setMaxListeners } from 'node:events';
import { AckTracker } from '../../../runtime/ack-tracker.js';
import type { LogIdentity } from '../../../core/ports/log.js';
import { WINDOW, type Candidate, type PartitionSource } from '../consuming/source.js';
import { mismatch } from './errors.js';
import { decodeRecord } from './record.js';
import type { FetchedRecord } from '../../kafka/vendor.js';

/** Bytes of events (without their content) that a partition may hold, read ahead and open together. */
const HELD_BYTES = 8 << 20;
/** Events read ahead. */
const AHEAD = 500;

const eventBytes = (candidate: Candidate): number => candidate.bytes - (candidate.event.content?.bytes ?? 0);

/** One partition of a topic while this member owns it: holds what was fetched, tracks acks, gives out what is due again. */
export class KafkaPartition implements PartitionSource {
  readonly partition: number;
  readonly revoked = new AbortController();
  readonly tracker: AckTracker;
  readonly #topic: string;
  readonly #identity: LogIdentity;
  readonly #ahead: Candidate[] = [];
  readonly #due: Candidate[] = [];
  #peeked: Candidate | undefined;
  #next: bigint;
  #held = 0;

  /** @param start the group's commit, or the first kept offset */
  constructor(topic: string, partition: number, identity: LogIdentity, start: bigint) {
    this.#topic = topic;
    this.partition = partition;
    this.#identity = identity;
    this.#next = start;
    this.tracker = new AckTracker(start);
    // Every open delivery may listen.
    setMaxListeners(0, this.revoked.signal);
  }

  /** Where to read on; undefined while enough is in hand. */
  get wanted(): bigint | undefined {
    if (this.revoked.signal.aborted || this.#held >= HELD_BYTES || this.#ahead.length >= AHEAD) return undefined;
    if (this.tracker.outstanding + this.#ahead.length >= WINDOW) return undefined;
    return this.#next;
  }

  /** @throws log_mismatch for a gap or a record that is not of this log; data_newer, data_corrupt */
  accept(records: readonly FetchedRecord[]): void {
    if (this.revoked.signal.aborted) return;
    for (const record of records) {
      const offset = BigInt(record.offset);
      if (offset < this.#next) continue;
      if (offset > this.#next) {
        throw mismatch(
          `${this.#topic}/${this.partition} goes on at ${offset} where ${this.#next} is to come: events that nobody has read were removed.`,
        );
      }
      const { event, bytes } = decodeRecord(record, this.#identity, { topic: this.#topic, partition: this.partition });
      const appendedAt = Number(record.timestamp);
      this.#ahead.push({ offset, event, bytes: bytes + (event.content?.bytes ?? 0), appendedAt, attempt: 1 });
      this.#held += bytes;
      this.#next = offset + 1n;
    }
  }

  peek(): Candidate | undefined {
    this.#peeked ??= this.#due.shift() ?? this.#ahead.shift();
    return this.#peeked;
  }

  take(): Candidate {
    const candidate = this.#peeked!;
    this.#peeked = undefined;
    this.tracker.delivered(candidate.offset);
    return candidate;
  }

  settled(candidate: Candidate): void {
    this.#held -= eventBytes(candidate);
  }

  due(candidate: Candidate): void {
    this.#due.push(candidate);
  }

  revoke(): void {
    this.revoked.abort();
    this.#ahead.length = 0;
    this.#due.length = 0;
    this.#peeked = undefined;
  }
}
