import type { Kafka } from 'kafkajs';
import { asFootnoteError } from '../../../core/errors.js';
import type { LogIdentity } from '../../../core/ports/log.js';
import type { Member } from '../consuming/member.js';
import { Committer } from './committer.js';
import { mismatch } from './errors.js';
import { Fetcher } from './fetcher.js';
import { Membership, type GroupTimes } from './membership.js';
import { KafkaPartition } from './partition.js';
import type { Topics } from './topics.js';
import { createCluster, type Cluster } from '../../kafka/vendor.js';

export interface SessionParts {
  readonly kafka: Kafka;
  readonly topics: Topics;
  readonly identity: LogIdentity;
  readonly topic: string;
  readonly groupId: string;
  /** As the log's callers name it. */
  readonly group: string;
  readonly times: GroupTimes;
}

/** How long leaving waits for the commits under way and for the group to be told. */
const LEAVE_MS = 5000;

/**
 * A consumer's connection with its group: hands the partitions that the group assigns to the member as they are read, and
 * takes them away when they are revoked. Polling, heartbeats and commits run on whatever the member is busy with.
 */
export class Session {
  readonly parts: SessionParts;
  readonly #member: Member<KafkaPartition>;
  readonly #cluster: Cluster;
  readonly #stop = new AbortController();
  readonly #committer: Committer;
  readonly #membership: Membership;
  readonly #fetcher: Fetcher;
  readonly #owned = new Map<number, KafkaPartition>();
  #running: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(parts: SessionParts, member: Member<KafkaPartition>) {
    this.parts = parts;
    this.#member = member;
    this.#cluster = createCluster(parts.kafka);
    this.#committer = new Committer((offsets) => this.#membership.commit(offsets));
    this.#membership = new Membership({
      cluster: this.#cluster,
      groupId: parts.groupId,
      topic: parts.topic,
      partitions: parts.identity.partitions,
      times: parts.times,
      signal: this.#stop.signal,
      owner: {
        owned: () => [...this.#owned.keys()],
        rebalancing: () => this.#committer.hold(),
        assigned: (partitions, keep) => this.#assigned(partitions, keep),
        lost: () => this.#revoke(() => true),
      },
    });
    this.#fetcher = new Fetcher(
      this.#cluster,
      {
        topic: parts.topic,
        wanted: () => this.#wanted(),
        records: (partition, records) => this.#guarded(() => this.#records(partition, records)),
        outOfRange: (partition, offset) =>
          this.#fail(
            mismatch(`Offset ${offset} of ${parts.topic}/${partition}, which is to be read next, does not exist.`),
          ),
      },
      this.#stop.signal,
    );
  }

  start(): void {
    this.#running = Promise.all([
      this.#membership.run().catch((error: unknown) => this.#fail(error)),
      this.#fetcher.run(),
    ]).then(() => undefined);
  }

  commit(source: KafkaPartition, next: bigint): Promise<void> {
    return this.#committer.commit(source, next);
  }

  /** Room was made: partitions that were paused may be read on. */
  roomMade(): void {
    this.#fetcher.wake();
  }

  /** Ends the member's deliveries and leaves the group. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<void> {
    const over = new Promise<void>((resolve) => setTimeout(resolve, LEAVE_MS).unref());
    // What was acked before is still committed: it is ours until we leave.
    await Promise.race([this.#committer.flushed(), over]);
    this.#member.stop();
    this.#revoke(() => true);
    await Promise.race([this.#committer.hold(), over]);
    this.#stop.abort();
    // Whoever leaves while joining would stay in the group, unheard, until its session is over.
    await Promise.race([this.#running, over]);
    // A group that can't be told finds out by the missing heartbeats.
    await Promise.race([this.#membership.leave().catch(() => undefined), over]);
    await this.#cluster.disconnect().catch(() => undefined);
  }

  async #assigned(partitions: readonly number[], keep: boolean): Promise<void> {
    const wanted = new Set(partitions);
    this.#revoke((partition) => !keep || !wanted.has(partition));
    const fresh = partitions.filter((partition) => !this.#owned.has(partition));
    if (fresh.length > 0) {
      const starts = await this.#starts(fresh);
      for (const [partition, start] of starts) {
        const source = new KafkaPartition(this.parts.topic, partition, this.parts.identity, start);
        this.#owned.set(partition, source);
        this.#member.assign(source);
      }
    }
    this.#committer.release();
    this.#fetcher.wake();
  }

  /** Where each partition is read on. @throws log_mismatch when that place does not exist */
  async #starts(partitions: readonly number[]): Promise<Map<number, bigint>> {
    const { topic, identity } = this.parts;
    const committed = await this.#membership.committed();
    const bounds = await this.parts.topics.bounds(topic);
    if (bounds === undefined) throw mismatch(`The topic ${topic} is gone.`);
    if (bounds.low.length !== identity.partitions) {
      throw mismatch(
        `The topic ${topic} has ${bounds.low.length} partitions; it was made with ${identity.partitions}, and documents are found by that number.`,
      );
    }
    return new Map(
      partitions.map((partition) => {
        const low = bounds.low[partition]!;
        const start = committed.get(partition) ?? low;
        if (start < low) {
          throw mismatch(
            `${topic}/${partition} begins at ${low}; the group is to go on at ${start}: events were removed unread.`,
          );
        }
        if (start > bounds.high[partition]!) {
          throw mismatch(
            `${topic}/${partition} ends at ${bounds.high[partition]!}; the group has read up to ${start}.`,
          );
        }
        return [partition, start];
      }),
    );
  }

  #revoke(which: (partition: number) => boolean): void {
    for (const [partition, source] of [...this.#owned]) {
      if (!which(partition)) continue;
      this.#owned.delete(partition);
      this.#member.revoke(source);
      this.#committer.drop(source);
    }
  }

  *#wanted(): Iterable<readonly [number, bigint]> {
    for (const [partition, source] of this.#owned) {
      const { wanted } = source;
      if (wanted !== undefined) yield [partition, wanted];
    }
  }

  #records(partition: number, records: Parameters<KafkaPartition['accept']>[0]): void {
    if (records.length === 0) return;
    this.#owned.get(partition)?.accept(records);
    this.#member.wake();
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends the iteration with the error; whoever iterates leaves then, and with it this session. */
  #fail(error: unknown): void {
    this.#revoke(() => true);
    this.#member.fail(asFootnoteError(error));
  }
}
