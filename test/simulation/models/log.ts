import { setMaxListeners } from 'node:events';
import { FootnoteError } from '../../../src/core/errors.js';
import type { ChangeEvent, Position } from '../../../src/core/event.js';
import { documentId } from '../../../src/core/ids.js';
import type { ConsumeOptions, DeadLetter, Delivery, EventLog } from '../../../src/core/ports/log.js';
import type { Random } from '../random.js';
import { type Process, type Scheduler, Violation, opNumber } from '../scheduler.js';

export const PARTITIONS = 2;

interface Member {
  readonly process: Process;
  readonly controller: AbortController;
  readonly next: number[];
  readonly unacked: Set<string>;
  revoked: boolean;
  wake: (() => void) | undefined;
}

interface Group {
  committed: number[];
  done: Set<number>[];
  member: Member | undefined;
}

export interface LogHooks {
  /** Before a commit moves over this event. */
  committing(group: string, event: ChangeEvent, position: Position): void;
}

export interface LogMutants {
  readonly commitGap?: boolean;
  readonly commitWhenRevoked?: boolean;
}

/** An event log in memory. Effects are atomic; members can be revoked without noticing. */
export class LogModel {
  readonly partitions: ChangeEvent[][] = Array.from({ length: PARTITIONS }, () => []);
  readonly trimmed: number[] = new Array<number>(PARTITIONS).fill(0);
  readonly groups = new Map<string, Group>();
  readonly holds = new Map<string, number[]>();

  constructor(
    readonly epoch: number,
    readonly letters: Map<string, DeadLetter>,
    private readonly random: Random,
    private readonly hooks: LogHooks,
    private readonly mutants: LogMutants,
    private readonly partitionOf: (documentId: string) => number,
  ) {}

  group(name: string): Group {
    let group = this.groups.get(name);
    if (!group) {
      group = {
        committed: new Array<number>(PARTITIONS).fill(0),
        done: Array.from({ length: PARTITIONS }, () => new Set<number>()),
        member: undefined,
      };
      this.groups.set(name, group);
    }
    return group;
  }

  append(events: readonly ChangeEvent[]): Position[] {
    const positions = events.map((event) => {
      const partition = this.partitionOf(documentId(event));
      const list = this.partitions[partition]!;
      list.push(event);
      return { epoch: this.epoch, partition, offset: BigInt(list.length - 1) };
    });
    for (const group of this.groups.values()) group.member?.wake?.();
    return positions;
  }

  at(positions: readonly number[]): Position[] {
    return positions.map((offset, partition) => ({ epoch: this.epoch, partition, offset: BigInt(offset) }));
  }

  lag(name: string): number {
    const group = this.group(name);
    return this.partitions.reduce((sum, list, p) => sum + list.length - group.committed[p]!, 0);
  }

  trim(): void {
    for (let p = 0; p < PARTITIONS; p += 1) {
      let low = this.partitions[p]!.length;
      for (const group of this.groups.values()) low = Math.min(low, group.committed[p]!);
      for (const hold of this.holds.values()) low = Math.min(low, hold[p]!);
      this.trimmed[p] = Math.max(this.trimmed[p]!, low);
    }
  }

  join(name: string, process: Process, controller: AbortController): Member {
    const group = this.group(name);
    this.revoke(group);
    for (const done of group.done) done.clear();
    const member: Member = {
      process,
      controller,
      next: [...group.committed],
      unacked: new Set(),
      revoked: false,
      wake: undefined,
    };
    group.member = member;
    return member;
  }

  /** Half of those who lose their partitions never hear of it. */
  revoke(group: Group): void {
    const member = group.member;
    if (!member || member.revoked) return;
    member.revoked = true;
    if (this.random.chance(0.5)) member.controller.abort();
    member.wake?.();
    group.member = undefined;
  }

  poll(name: string, member: Member, maxInFlight: number): Position | undefined {
    if (member.unacked.size >= maxInFlight) return undefined;
    // Some stale members still get a fetched batch.
    if (member.revoked && !this.random.chance(0.3)) return undefined;
    // Redelivery out of nothing: begins again at the commit.
    if (!member.revoked && this.random.chance(0.05)) {
      const p = this.random.below(PARTITIONS);
      member.next[p] = this.group(name).committed[p]!;
    }
    const first = this.random.below(PARTITIONS);
    for (let i = 0; i < PARTITIONS; i += 1) {
      const partition = (first + i) % PARTITIONS;
      // What was committed meanwhile (a redelivery was under way twice) may have been trimmed: it is not needed again.
      if (!member.revoked)
        member.next[partition] = Math.max(member.next[partition]!, this.group(name).committed[partition]!);
      const offset = member.next[partition]!;
      if (offset >= this.partitions[partition]!.length) continue;
      if (offset < this.trimmed[partition]! && !member.revoked) {
        throw new Violation(
          `group ${name} needs offset ${offset} of partition ${partition}, trimmed to ${this.trimmed[partition]!}`,
        );
      }
      member.next[partition] = offset + 1;
      member.unacked.add(`${partition}:${offset}`);
      return { epoch: this.epoch, partition, offset: BigInt(offset) };
    }
    return undefined;
  }

  ack(name: string, member: Member, position: Position): void {
    const offset = Number(position.offset);
    const { partition } = position;
    member.unacked.delete(`${partition}:${offset}`);
    member.wake?.();
    if (member.revoked && !this.mutants.commitWhenRevoked) return;
    const group = this.groups.get(name);
    if (!group) return;
    group.done[partition]!.add(offset);
    let next = group.committed[partition]!;
    if (this.mutants.commitGap) next = Math.max(next, offset + 1);
    while (group.done[partition]!.has(next)) next += 1;
    for (let at = group.committed[partition]!; at < next; at += 1) {
      this.hooks.committing(name, this.partitions[partition]![at]!, { ...position, offset: BigInt(at) });
      group.done[partition]!.delete(at);
    }
    group.committed[partition] = Math.max(group.committed[partition]!, next);
  }

  letter(letter: Omit<DeadLetter, 'id'>): DeadLetter {
    const { epoch, partition, offset } = letter.position;
    const id = `${letter.group}/${epoch}/${partition}/${offset}`;
    const whole = { ...letter, id };
    this.letters.set(id, whole);
    return whole;
  }
}

const OP = {
  identity: opNumber('log.identity'),
  append: opNumber('log.append'),
  join: opNumber('log.join'),
  poll: opNumber('log.poll'),
  ack: opNumber('log.ack'),
  reject: opNumber('log.reject'),
  committed: opNumber('log.committed'),
  seek: opNumber('log.seek'),
  end: opNumber('log.end'),
  lag: opNumber('log.lag'),
  hold: opNumber('log.hold'),
  letters: opNumber('log.letters'),
};

/** The log as one process sees it. */
export function logPort(log: LogModel, scheduler: Scheduler, process: Process, stream: string): EventLog {
  const call = <T>(op: number, effect: () => T): Promise<T> => scheduler.call(process, op, effect);
  const unsupported = (): never => {
    throw new FootnoteError('internal', 'not part of the simulation');
  };
  async function* consume(options: ConsumeOptions): AsyncGenerator<Delivery> {
    const controller = new AbortController();
    options.signal.addEventListener('abort', () => controller.abort());
    const member = await call(OP.join, () => log.join(options.group, process, controller));
    const { signal } = controller;
    setMaxListeners(0, signal);
    signal.addEventListener('abort', () => member.wake?.());
    const attempts = new Map<string, number>();
    while (!signal.aborted) {
      const position = await call(OP.poll, () => log.poll(options.group, member, options.maxInFlight ?? 8));
      if (!position) {
        if (signal.aborted) return;
        await new Promise<void>((resolve) => {
          member.wake = resolve;
        });
        member.wake = undefined;
        continue;
      }
      const key = `${position.partition}:${position.offset}`;
      attempts.set(key, (attempts.get(key) ?? 0) + 1);
      const event = log.partitions[position.partition]![Number(position.offset)]!;
      yield {
        event,
        position,
        attempt: attempts.get(key)!,
        signal,
        ack: () => call(OP.ack, () => log.ack(options.group, member, position)),
        retry: unsupported,
        reject: (error) =>
          call(OP.reject, () => {
            if (member.revoked) return;
            log.letter({
              stream,
              group: options.group,
              documentId: documentId(event),
              position,
              event,
              code: error.code,
              message: error.message,
              attempts: 1,
              at: new Date(scheduler.now()).toISOString(),
            });
            log.ack(options.group, member, position);
          }),
      };
    }
  }
  return {
    identity: () => call(OP.identity, () => ({ id: `log-${log.epoch}`, epoch: log.epoch, partitions: PARTITIONS })),
    append: (_stream, events) => call(OP.append, () => log.append(events)),
    consume,
    committed: (_stream, group) => call(OP.committed, () => log.at(log.group(group).committed)),
    seek: (_stream, name, positions) =>
      call(OP.seek, () => {
        const group = log.group(name);
        for (const { partition, offset } of positions) group.committed[partition] = Number(offset);
      }),
    end: () => call(OP.end, () => log.at(log.partitions.map((list) => list.length))),
    lag: (_stream, group) => call(OP.lag, () => log.lag(group)),
    hold: (_stream, name, positions) =>
      call(OP.hold, () => {
        log.holds.set(
          name,
          positions.map((position) => Number(position.offset)),
        );
      }),
    release: (_stream, name) => call(OP.hold, () => void log.holds.delete(name)),
    trim: unsupported,
    dropGroup: (_stream, name) =>
      call(OP.seek, () => {
        const group = log.groups.get(name);
        if (group) log.revoke(group);
        log.groups.delete(name);
      }),
    dropStream: unsupported,
    deadLetters: {
      add: (letter) => call(OP.letters, () => log.letter(letter)),
      list: (_stream, options = {}) =>
        call(OP.letters, () =>
          [...log.letters.values()]
            .filter((l) => (options.group === undefined || l.group === options.group) && (options.after ?? '') < l.id)
            .sort((a, b) => (a.id < b.id ? -1 : 1))
            .slice(0, options.limit ?? 100),
        ),
      get: (id) => call(OP.letters, () => log.letters.get(id)),
      remove: (id) => call(OP.letters, () => void log.letters.delete(id)),
      removeDocument: (_stream, of, options = {}) =>
        call(OP.letters, () => {
          let removed = 0;
          for (const letter of log.letters.values()) {
            if (letter.documentId !== of || options.keep?.(letter)) continue;
            if (options.group !== undefined && letter.group !== options.group) continue;
            log.letters.delete(letter.id);
            removed += 1;
          }
          return removed;
        }),
      count: () => call(OP.letters, () => log.letters.size),
    },
    close: () => Promise.resolve(),
  };
}
