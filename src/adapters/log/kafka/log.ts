import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Kafka } from 'kafkajs';
import { FootnoteError } from '../../../core/errors.js';
import type { ChangeEvent, Position } from '../../../core/event.js';
import type { Clock } from '../../../core/ports/clock.js';
import type { ConsumeOptions, Delivery, EventLog, LogIdentity } from '../../../core/ports/log.js';
import { protocolError } from '../../kafka/errors.js';
import { Member } from '../consuming/member.js';
import { allPositions, offsetsOf } from '../consuming/positions.js';
import type { Appender } from './appender.js';
import type { KafkaDeadLetters } from './dead-letters.js';
import { kafkaError } from './errors.js';
import { committedOffsets, type GroupTimes } from './membership.js';
import type { Names } from './names.js';
import type { KafkaPartition } from './partition.js';
import { encodeRecord } from './record.js';
import type { Registry } from './registry.js';
import { Session } from './session.js';
import type { Topics } from './topics.js';
import type { Cluster } from '../../kafka/vendor.js';

export interface LogParts {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly cluster: Cluster;
  readonly topics: Topics;
  readonly appender: Appender;
  readonly names: Names;
  readonly registry: Registry;
  readonly identity: LogIdentity;
  readonly deadLetters: KafkaDeadLetters;
  readonly clock: Clock;
  readonly times: GroupTimes;
  readonly maxMessageBytes: number;
  readonly close: () => Promise<void>;
}

/** Tries to remove a group whose members, in other processes, are still about to leave. */
const DROP_PAUSE_MS = 300;

/** See openKafkaLog. */
export class KafkaLog implements EventLog {
  readonly deadLetters: KafkaDeadLetters;
  readonly #parts: LogParts;
  readonly #sessions = new Set<Session>();
  /** Topics that are there, as far as this process knows. */
  readonly #known = new Set<string>();
  #closing: Promise<void> | undefined;

  constructor(parts: LogParts) {
    this.#parts = parts;
    this.deadLetters = parts.deadLetters;
  }

  async identity(): Promise<LogIdentity> {
    return this.#parts.identity;
  }

  async append(stream: string, events: readonly ChangeEvent[]): Promise<Position[]> {
    this.#check();
    const { appender, identity, maxMessageBytes } = this.#parts;
    const records = events.map((event) => encodeRecord(event, identity, maxMessageBytes));
    if (records.length === 0) return [];
    for (let attempt = 1; ; attempt += 1) {
      const topic = await this.#open(stream);
      try {
        const offsets = await appender.append(topic, records);
        return offsets.map((offset, i) => ({ epoch: identity.epoch, partition: records[i]!.partition, offset }));
      } catch (error) {
        // Dropped by another process: the stream of this name is another one now.
        const gone = error instanceof FootnoteError && error.code === 'not_found';
        if (!gone || attempt >= 3) throw error;
        this.#known.delete(topic);
      }
    }
  }

  async *consume(options: ConsumeOptions): AsyncGenerator<Delivery> {
    this.#check();
    if (options.signal.aborted) return;
    const { kafka, topics, identity, times, names, registry, clock } = this.#parts;
    let topic: string;
    try {
      topic = await this.#open(options.stream);
      await registry.addGroup(topic, options.group);
    } catch (error) {
      // Closed while it was being opened: the iteration ends as any other.
      if (this.#closing || options.signal.aborted) return;
      throw error;
    }
    const member: Member<KafkaPartition> = new Member(options, {
      epoch: identity.epoch,
      clock,
      commit: (source, _group, next) => {
        session.roomMade();
        return session.commit(source, next);
      },
      writeLetter: (letter) => this.deadLetters.write(letter),
    });
    const groupId = names.group(options.stream, registry.incarnation(options.stream), options.group);
    const session = new Session({ kafka, topics, identity, topic, groupId, group: options.group, times }, member);
    const leave = (): void => {
      void session.stop();
    };
    if (this.#closing) return session.stop();
    this.#sessions.add(session);
    options.signal.addEventListener('abort', leave, { once: true });
    if (options.signal.aborted) leave();
    session.start();
    try {
      yield* member.deliveries();
    } finally {
      options.signal.removeEventListener('abort', leave);
      await session.stop();
      this.#sessions.delete(session);
    }
  }

  async committed(stream: string, group: string): Promise<Position[]> {
    const committed = await this.#committed(stream, group);
    return this.#positions((partition) => committed.get(partition) ?? 0n);
  }

  async seek(
    stream: string,
    group: string,
    positions: readonly Position[],
    options: { readonly onlyNew?: boolean } = {},
  ): Promise<boolean> {
    this.#check();
    const offsets = this.#offsets(positions);
    const { registry, topics } = this.#parts;
    const topic = await this.#open(stream);
    await registry.sync();
    if (options.onlyNew && registry.groups(topic).has(group)) return false;
    const conflict = new FootnoteError('conflict', `Group "${group}" has consumers: stop them before moving it.`);
    if ((await this.#members(stream, group)) > 0) throw conflict;
    const bounds = await topics.bounds(topic);
    for (const [partition, offset] of offsets) {
      if (offset > (bounds?.high[partition] ?? 0n)) {
        throw new FootnoteError('invalid_request', `Offset ${offset} lies beyond the end of partition ${partition}.`);
      }
    }
    await registry.addGroup(topic, group);
    if (offsets.size === 0) return true;
    try {
      await this.#coordinated(stream, group, (coordinator, groupId) =>
        // Without a member and a generation: only a group without members takes it.
        coordinator.offsetCommit({
          groupId,
          groupGenerationId: -1,
          memberId: '',
          topics: [
            {
              topic,
              partitions: [...offsets].map(([partition, offset]) => ({ partition, offset: offset.toString() })),
            },
          ],
        }),
      );
    } catch (error) {
      if (protocolError((error as Error).cause) === 'UNKNOWN_MEMBER_ID') throw conflict;
      throw error;
    }
    return true;
  }

  async end(stream: string): Promise<Position[]> {
    const bounds = await this.#parts.topics.bounds(this.#topic(stream));
    return this.#positions((partition) => bounds?.high[partition] ?? 0n);
  }

  async lag(stream: string, group: string): Promise<number> {
    const [bounds, committed] = await Promise.all([
      this.#parts.topics.bounds(this.#topic(stream)),
      this.#committed(stream, group),
    ]);
    if (!bounds) return 0;
    return bounds.high.reduce((sum, end, partition) => {
      const from = max(committed.get(partition) ?? 0n, bounds.low[partition]!);
      return sum + (end > from ? Number(end - from) : 0);
    }, 0);
  }

  async hold(stream: string, name: string, positions: readonly Position[]): Promise<void> {
    this.#check();
    await this.#parts.registry.hold(this.#topic(stream), name, this.#offsets(positions));
  }

  async release(stream: string, name: string): Promise<void> {
    this.#check();
    const { registry } = this.#parts;
    await registry.sync();
    await registry.release(this.#topic(stream), name);
  }

  async trim(stream: string, olderThan: string): Promise<number> {
    const time = Date.parse(olderThan);
    if (Number.isNaN(time)) throw new FootnoteError('invalid_request', `"${olderThan}" is no ISO 8601 time.`);
    const { registry, topics } = this.#parts;
    await registry.sync();
    const topic = this.#topic(stream);
    const groups = [...registry.groups(topic)];
    const bounds = await topics.bounds(topic);
    if (!bounds || groups.length === 0) return 0;
    const young = (await topics.at(topic, time)) ?? [];
    const commits = await Promise.all(groups.map((group) => this.#committed(stream, group)));
    const holds = [...registry.holds(topic).values()];
    const below = new Map<number, bigint>();
    let removed = 0n;
    for (const [partition, low] of bounds.low.entries()) {
      let to = young[partition] === undefined || young[partition] < 0n ? bounds.high[partition]! : young[partition];
      for (const commit of commits) to = min(to, commit.get(partition) ?? low);
      for (const hold of holds) to = min(to, hold.get(partition) ?? to);
      if (to <= low) continue;
      below.set(partition, to);
      removed += to - low;
    }
    if (below.size > 0) await topics.trim(topic, below);
    return Number(removed);
  }

  async dropGroup(stream: string, group: string): Promise<void> {
    this.#check();
    const { registry } = this.#parts;
    await registry.sync();
    const topic = this.#topic(stream);
    if (!registry.groups(topic).has(group)) return;
    await registry.removeGroup(topic, group);
    await this.#removeGroup(stream, registry.incarnation(stream), group);
    await this.deadLetters.removeGroup(stream, group);
  }

  async dropStream(stream: string): Promise<void> {
    this.#check();
    const { registry, topics } = this.#parts;
    await registry.sync();
    const incarnation = registry.incarnation(stream);
    const topic = this.#topic(stream);
    const groups = [...registry.groups(topic)];
    const there = (await topics.leaders(topic)) !== undefined;
    if (there || groups.length > 0) {
      // First nobody finds the old topic by the stream's name any more, then it goes.
      await registry.renew(stream);
      await registry.forget(topic);
      await topics.remove(topic);
      this.#known.delete(topic);
      for (const group of groups) await this.#removeGroup(stream, incarnation, group);
    }
    await this.deadLetters.removeGroup(stream);
  }

  /** Somebody dropped it: its consumers here end. */
  groupDropped(topic: string, group: string): void {
    for (const session of this.#sessions) {
      if (session.parts.topic === topic && session.parts.group === group) void session.stop();
    }
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([...this.#sessions].map((session) => session.stop()));
      await this.#parts.close();
    })();
    return this.#closing;
  }

  /** The stream's topic, made when it is not there. */
  async #open(stream: string): Promise<string> {
    const topic = this.#topic(stream);
    if (this.#known.has(topic)) return topic;
    const { registry, topics, identity } = this.#parts;
    // Another process may have dropped the stream: what it is called now is to be known before anything is made.
    await registry.sync();
    const current = this.#topic(stream);
    if ((await topics.leaders(current)) === undefined) await topics.create(current, 'events', identity.partitions);
    this.#known.add(current);
    return current;
  }

  #topic(stream: string): string {
    return this.#parts.names.topic(stream, this.#parts.registry.incarnation(stream));
  }

  async #committed(stream: string, group: string): Promise<Map<number, bigint>> {
    const { identity } = this.#parts;
    return this.#coordinated(stream, group, (coordinator, groupId) =>
      committedOffsets(coordinator, groupId, this.#topic(stream), identity.partitions),
    );
  }

  async #members(stream: string, group: string): Promise<number> {
    return this.#coordinated(stream, group, async (coordinator, groupId) => {
      const { groups } = await coordinator.describeGroups({ groupIds: [groupId] });
      return groups[0]?.members.length ?? 0;
    });
  }

  async #coordinated<T>(
    stream: string,
    group: string,
    ask: (coordinator: Awaited<ReturnType<Cluster['findGroupCoordinator']>>, groupId: string) => Promise<T>,
  ): Promise<T> {
    this.#check();
    const { cluster, names, registry } = this.#parts;
    const groupId = names.group(stream, registry.incarnation(stream), group);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await ask(await cluster.findGroupCoordinator({ groupId }), groupId);
      } catch (error) {
        const settled = protocolError(error) === 'UNKNOWN_MEMBER_ID';
        if (settled || attempt >= 5) throw kafkaError(error, `be asked about the group ${groupId}`);
        await sleep(200 * attempt);
      }
    }
  }

  /** Once its members, who were told through the registry, have left. */
  async #removeGroup(stream: string, incarnation: number, group: string): Promise<void> {
    const { admin, names, times } = this.#parts;
    const groupId = names.group(stream, incarnation, group);
    const deadline = performance.now() + times.sessionTimeoutMs + times.heartbeatMs;
    for (;;) {
      try {
        await admin.deleteGroups([groupId]);
        return;
      } catch (error) {
        const failure = (error as { groups?: { error?: { type?: string } }[] }).groups?.[0]?.error?.type;
        if (failure === 'GROUP_ID_NOT_FOUND') return;
        if (performance.now() > deadline) throw kafkaError(error, `remove the group ${groupId}`);
        await sleep(DROP_PAUSE_MS);
      }
    }
  }

  #positions(offset: (partition: number) => bigint): Position[] {
    return allPositions(this.#parts.identity, offset);
  }

  #offsets(positions: readonly Position[]): Map<number, bigint> {
    return offsetsOf(this.#parts.identity, positions);
  }

  #check(): void {
    if (this.#closing) throw new FootnoteError('unavailable', 'The log is closed.');
  }
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
