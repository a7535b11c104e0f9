import { breathe } from '../../../runtime/breathe.js';
import { FootnoteError } from '../../../core/errors.js';
import { encodeEvent } from '../../../core/event-codec.js';
import type { ChangeEvent, Position } from '../../../core/event.js';
import { documentId } from '../../../core/ids.js';
import { partitionOf } from '../../../core/partition.js';
import type { Clock } from '../../../core/ports/clock.js';
import type { ConsumeOptions, DeadLetters, Delivery, EventLog, LogIdentity } from '../../../core/ports/log.js';
import { systemClock } from '../../../runtime/clock.js';
import { Member, type MemberParts } from '../consuming/member.js';
import { allPositions, offsetsOf } from '../consuming/positions.js';
import { Appender } from './appender.js';
import { Committer } from './committer.js';
import { SqliteDeadLetters } from './dead-letters.js';
import { Group } from './group.js';
import type { PartitionReader } from './reader.js';
import { LogStore, type Stream } from './store.js';

export interface SqliteLogOptions {
  /** Of a log that is made now; default 8. An existing log keeps its own. */
  readonly partitions?: number;
  /** At least; default 1. A log of a lower one is raised to it: only when nothing of it is still to be applied. */
  readonly epoch?: number;
  readonly clock?: Clock;
}

const DEFAULT_PARTITIONS = 8;

/**
 * The event log in one SQLite file. Consumers live in this process, which is the only one that may open the file; they
 * are woken by appends, acks and retries and never poll.
 * @throws data_newer, data_corrupt, read_only, disk_full, unavailable
 */
export function openSqliteLog(file: string, options: SqliteLogOptions = {}): EventLog {
  const store = new LogStore(file, {
    partitions: options.partitions ?? DEFAULT_PARTITIONS,
    epoch: options.epoch ?? 1,
  });
  return new SqliteLog(store, options.clock ?? systemClock);
}

class SqliteLog implements EventLog {
  readonly deadLetters: DeadLetters;
  readonly #store: LogStore;
  readonly #clock: Clock;
  readonly #appender: Appender;
  readonly #committer: Committer;
  readonly #parts: MemberParts<PartitionReader>;
  /** By stream id, then group. */
  readonly #groups = new Map<number, Map<string, Group>>();
  #sweeping: Promise<void> | undefined;
  #closed = false;

  constructor(store: LogStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    const letters = new SqliteDeadLetters(store);
    this.deadLetters = letters;
    this.#committer = new Committer(store, clock);
    this.#appender = new Appender(store, (name) => this.#appended(name));
    this.#parts = {
      epoch: store.identity.epoch,
      clock,
      commit: (reader, group, next) => this.#committer.commit(reader.stream, group, reader.partition, Number(next)),
      writeLetter: async (letter) => letters.write(letter),
    };
  }

  async identity(): Promise<LogIdentity> {
    return this.#store.identity;
  }

  async append(stream: string, events: readonly ChangeEvent[]): Promise<Position[]> {
    this.#check();
    const { partitions } = this.#store.identity;
    const at = this.#clock.now();
    const records = events.map((event) => {
      const text = encodeEvent(event);
      const partition = partitionOf(documentId(event), partitions);
      return { stream, partition, event: text, bytes: Buffer.byteLength(text), at };
    });
    const offsets = await this.#appender.append(records);
    return records.map((record, i) => this.#store.position(record.partition, offsets[i]!));
  }

  async *consume(options: ConsumeOptions): AsyncGenerator<Delivery> {
    this.#check();
    if (options.signal.aborted) return;
    const group = this.#group(this.#store.open(options.stream), options.group);
    const member = new Member(options, this.#parts);
    const leave = () => this.#leave(group, member);
    group.join(member);
    options.signal.addEventListener('abort', leave, { once: true });
    try {
      yield* member.deliveries();
    } finally {
      options.signal.removeEventListener('abort', leave);
      leave();
    }
  }

  async committed(stream: string, group: string): Promise<Position[]> {
    const found = this.#store.find(stream);
    return this.#positions(found ? this.#store.committed(found, group) : this.#zeros());
  }

  async seek(
    stream: string,
    group: string,
    positions: readonly Position[],
    options: { readonly onlyNew?: boolean } = {},
  ): Promise<boolean> {
    const offsets = this.#offsets(positions);
    const opened = this.#store.open(stream);
    if (options.onlyNew && this.#store.groups(opened).includes(group)) return false;
    if ((this.#groups.get(opened.id)?.get(group)?.size ?? 0) > 0) {
      throw new FootnoteError('conflict', `Group "${group}" has consumers: stop them before moving it.`);
    }
    for (const [partition, offset] of offsets) {
      if (offset > opened.ends[partition]!) {
        throw new FootnoteError('invalid_request', `Offset ${offset} lies beyond the end of partition ${partition}.`);
      }
    }
    // A commit of former consumers that still waits must not undo this.
    this.#committer.flush();
    this.#store.seek(opened, group, offsets);
    return true;
  }

  async end(stream: string): Promise<Position[]> {
    return this.#positions(this.#store.find(stream)?.ends ?? this.#zeros());
  }

  async lag(stream: string, group: string): Promise<number> {
    const found = this.#store.find(stream);
    if (!found) return 0;
    const committed = this.#store.committed(found, group);
    return found.ends.reduce((sum, end, partition) => {
      const from = committed[partition]!;
      return end <= from ? sum : sum + end - Math.max(from, this.#store.first(found, partition));
    }, 0);
  }

  async hold(stream: string, name: string, positions: readonly Position[]): Promise<void> {
    this.#store.hold(this.#store.open(stream), name, this.#offsets(positions));
  }

  async release(stream: string, name: string): Promise<void> {
    const found = this.#store.find(stream);
    if (found) this.#store.release(found, name);
  }

  async trim(stream: string, olderThan: string): Promise<number> {
    const time = Date.parse(olderThan);
    if (Number.isNaN(time)) throw new FootnoteError('invalid_request', `"${olderThan}" is no ISO 8601 time.`);
    const found = this.#store.find(stream);
    if (!found) return 0;
    let removed = 0;
    for (let partition = 0; partition < found.ends.length; partition += 1) {
      for (;;) {
        // Asked again for each page: a hold or a group may have come meanwhile.
        const page = this.#store.trim(found, partition, this.#store.trimmable(found)[partition]!, time);
        if (page === 0) break;
        removed += page;
        await breathe();
        if (this.#closed) return removed;
      }
    }
    return removed;
  }

  async dropGroup(stream: string, group: string): Promise<void> {
    const found = this.#store.find(stream);
    if (!found) return;
    this.#groups.get(found.id)?.get(group)?.stop();
    this.#committer.forget(found, group);
    this.#store.dropGroup(found, group);
  }

  async dropStream(stream: string): Promise<void> {
    const found = this.#store.find(stream);
    if (found) {
      for (const group of this.#groups.get(found.id)?.values() ?? []) group.stop();
      this.#groups.delete(found.id);
      this.#committer.forget(found);
      this.#store.dropStream(found);
    }
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    await this.#sweeping;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    for (const groups of this.#groups.values()) for (const group of groups.values()) group.stop();
    try {
      this.#appender.drain();
      this.#committer.close();
    } finally {
      this.#closed = true;
      this.#store.close();
    }
  }

  /** Pages of dropped streams, with room for others in between. */
  async #sweep(): Promise<void> {
    while (!this.#closed && this.#store.sweep()) await breathe();
  }

  #appended(name: string): void {
    const stream = this.#store.find(name);
    if (!stream) return;
    for (const group of this.#groups.get(stream.id)?.values() ?? []) group.wake();
  }

  #group(stream: Stream, name: string): Group {
    const groups = this.#groups.get(stream.id) ?? new Map<string, Group>();
    this.#groups.set(stream.id, groups);
    const known = groups.get(name);
    if (known) return known;
    const group = new Group(this.#store, this.#committer, stream, name);
    groups.set(name, group);
    return group;
  }

  #leave(group: Group, member: Member<PartitionReader>): void {
    group.leave(member);
    const groups = this.#groups.get(group.stream.id);
    if (group.size === 0 && groups?.get(group.name) === group) groups.delete(group.name);
  }

  #positions(offsets: readonly number[]): Position[] {
    return allPositions(this.#store.identity, (partition) => BigInt(offsets[partition]!));
  }

  #zeros(): number[] {
    return new Array<number>(this.#store.identity.partitions).fill(0);
  }

  #offsets(positions: readonly Position[]): Map<number, number> {
    const offsets = offsetsOf(this.#store.identity, positions);
    return new Map([...offsets].map(([partition, offset]) => [partition, Number(offset)]));
  }

  #check(): void {
    if (this.#closed) throw new FootnoteError('unavailable', 'The log is closed.');
  }
}
