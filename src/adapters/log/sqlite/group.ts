import type { Member as AnyMember } from '../consuming/member.js';
import type { Committer } from './committer.js';
import { PartitionReader } from './reader.js';
import type { LogStore, Stream } from './store.js';

type Member = AnyMember<PartitionReader>;

/** The consumers of one group in this process and who owns which partition. */
export class Group {
  readonly stream: Stream;
  readonly name: string;
  readonly #store: LogStore;
  readonly #committer: Committer;
  readonly #members: Member[] = [];

  constructor(store: LogStore, committer: Committer, stream: Stream, name: string) {
    this.#store = store;
    this.#committer = committer;
    this.stream = stream;
    this.name = name;
  }

  get size(): number {
    return this.#members.length;
  }

  join(member: Member): void {
    this.#store.openGroup(this.stream, this.name);
    this.#members.push(member);
    this.#rebalance();
  }

  /** Idempotent. */
  leave(member: Member): void {
    const at = this.#members.indexOf(member);
    if (at < 0) return;
    this.#members.splice(at, 1);
    this.#revoke(member, 0);
    member.stop();
    this.#rebalance();
  }

  wake(): void {
    for (const member of this.#members) member.wake();
  }

  /** Ends every consumer. */
  stop(): void {
    for (const member of this.#members.splice(0)) {
      this.#revoke(member, 0);
      member.stop();
    }
  }

  /** Shares the partitions evenly and moves as few as that takes. */
  #rebalance(): void {
    const { partitions } = this.#store.identity;
    if (this.#members.length === 0) return;
    const share = Math.floor(partitions / this.#members.length);
    const quota = (index: number) => share + (index < partitions % this.#members.length ? 1 : 0);
    for (const [index, member] of this.#members.entries()) this.#revoke(member, quota(index));
    const owned = new Set(this.#members.flatMap((member) => member.sources.map((reader) => reader.partition)));
    const free = Array.from({ length: partitions }, (_, partition) => partition).filter((each) => !owned.has(each));
    if (free.length === 0) return;
    // What the former owners acked must be on record before the new ones begin.
    this.#committer.tryFlush();
    const committed = this.#store.committed(this.stream, this.name);
    for (const [index, member] of this.#members.entries()) {
      while (member.sources.length < quota(index)) {
        const partition = free.shift()!;
        member.assign(new PartitionReader(this.#store, this.stream, partition, committed[partition]!));
      }
    }
  }

  #revoke(member: Member, keep: number): void {
    for (const reader of member.sources.slice(keep)) member.revoke(reader);
  }
}
