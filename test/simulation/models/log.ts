import { setMaxListeners } from 'node:events';
import { FootnoteError } from '../../../src/core/errors.js';
import type { ChangeEvent, Position } from '../../../src/core/event.js';
import { documentId } from '../../../src/core/ids.js';
import type { ConsumeOptions, DeadLetter, Delivery, EventLog } from '../../../src/core/ports/log.js';
import { AckTracker } from '../../../src/runtime/ack-tracker.js';
import type { Random } from '../../../src/runtime/random.js';
import { type Process, type Scheduler, opNumber } from '../scheduler.js';

export const PARTITIONS = 2;

/** One partition while a member owns it. */
interface Assigned {
  readonly tracker: AckTracker;
  next: number;
}

interface Member {
  readonly process: Process;
  readonly controller: AbortController;
  readonly assigned: Assigned[];
  revoked: boolean;
  wake: (() => void) | undefined;
}

interface Taken {
  readonly position: Position;
  readonly of: Assigned;
}

interface Group {
  committed: number[];
  member: Member | undefined;
}

export interface LogHooks {
  /** An event stands in the log. */
  appended(process: Process, event: ChangeEvent, position: Position): void;
  /** A group begins below what has been trimmed. */
  missing(group: string, partition: number, offset: number): void;
  /** Before a commit moves over this event. */
  committing(group: string, event: ChangeEvent, position: Position): void;
}

export interface LogMutants {
  readonly commitGap?: boolean;
  readonly commitWhenRevoked?: boolean;
  /** A commit is taken as it comes, also a lower one. */
  readonly commitsFall?: boolean;
  /** Trims whatever holds say. */
  readonly holdsIgnored?: boolean;
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
        member: undefined,
      };
      this.groups.set(name, group);
    }
    return group;
  }

  append(process: Process, events: readonly ChangeEvent[]): Position[] {
    const positions = events.map((event) => {
      const partition = this.partitionOf(documentId(event));
      const list = this.partitions[partition]!;
      list.push(event);
      const position = { epoch: this.epoch, partition, offset: BigInt(list.length - 1) };
      this.hooks.appended(process, event, position);
      return position;
    });
    for (const group of this.groups.values()) group.member?.wake?.();
    return positions;
  }

  at(positions: readonly number[]): Position[] {
    return positions.map((offset, partition) => ({ epoch: this.epoch, partition, offset: BigInt(offset) }));
  }

  committed(name: string): readonly number[] {
    return this.groups.get(name)?.committed ?? this.partitions.map(() => 0);
  }

  lag(name: string): number {
    const committed = this.committed(name);
    return this.partitions.reduce((sum, list, p) => sum + list.length - committed[p]!, 0);
  }

  trim(): void {
    for (let p = 0; p < PARTITIONS; p += 1) {
      let low = this.partitions[p]!.length;
      for (const group of this.groups.values()) low = Math.min(low, group.committed[p]!);
      if (!this.mutants.holdsIgnored) for (const hold of this.holds.values()) low = Math.min(low, hold[p]!);
      this.trimmed[p] = Math.max(this.trimmed[p]!, low);
    }
  }

  join(name: string, process: Process, controller: AbortController): Member {
    const group = this.group(name);
    this.revoke(group);
    const assigned = group.committed.map(assign);
    const member: Member = { process, controller, assigned, revoked: false, wake: undefined };
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

  poll(name: string, member: Member, maxInFlight: number): Taken | undefined {
    const { assigned } = member;
    if (assigned.reduce((sum, { tracker }) => sum + tracker.outstanding, 0) >= maxInFlight) return undefined;
    // Some stale members still get a fetched batch.
    if (member.revoked && !this.random.chance(0.3)) return undefined;
    // Redelivery out of nothing: lost and got again, begins at the commit. Acks of what was taken before come to nothing.
    if (!member.revoked && this.random.chance(0.05)) {
      const p = this.random.below(PARTITIONS);
      assigned[p] = assign(this.group(name).committed[p]!);
    }
    const first = this.random.below(PARTITIONS);
    for (let i = 0; i < PARTITIONS; i += 1) {
      const partition = (first + i) % PARTITIONS;
      const of = assigned[partition]!;
      if (of.next < this.trimmed[partition]! && !member.revoked) this.hooks.missing(name, partition, of.next);
      const offset = Math.max(of.next, this.trimmed[partition]!);
      if (offset >= this.partitions[partition]!.length) continue;
      of.next = offset + 1;
      of.tracker.delivered(BigInt(offset));
      return { position: { epoch: this.epoch, partition, offset: BigInt(offset) }, of };
    }
    return undefined;
  }

  ack(name: string, member: Member, { position, of }: Taken): void {
    const { partition, offset } = position;
    const moved = of.tracker.ack(offset);
    member.wake?.();
    const stale = member.revoked || member.assigned[partition] !== of;
    if (stale && !this.mutants.commitWhenRevoked) return;
    const group = this.groups.get(name);
    if (!group) return;
    let next = Number(of.tracker.position);
    if (this.mutants.commitGap) next = Math.max(next, Number(offset) + 1);
    else if (!moved) return;
    for (let at = Math.max(group.committed[partition]!, this.trimmed[partition]!); at < next; at += 1) {
      this.hooks.committing(name, this.partitions[partition]![at]!, { ...position, offset: BigInt(at) });
    }
    if (next > group.committed[partition]! || this.mutants.commitsFall) group.committed[partition] = next;
  }

  letter(letter: Omit<DeadLetter, 'id'>): DeadLetter {
    const { epoch, partition, offset } = letter.position;
    const id = `${letter.group}/${epoch}/${partition}/${offset}`;
    const whole = { ...letter, id };
    this.letters.set(id, whole);
    return whole;
  }
}

function assign(committed: number): Assigned {
  return { tracker: new AckTracker(BigInt(committed)), next: committed };
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

/** Which log a process is connected to: another one after a move, if it connects again. */
export interface Connection {
  log: LogModel;
}

/** The log as one process sees it. `faults`: answers get lost. */
export function logPort(
  access: Connection,
  scheduler: Scheduler,
  process: Process,
  stream: string,
  faults?: Random,
): EventLog {
  const { log } = access;
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
      const taken = await call(OP.poll, () => log.poll(options.group, member, options.maxInFlight ?? 8));
      if (!taken) {
        if (signal.aborted) return;
        await new Promise<void>((resolve) => {
          member.wake = resolve;
        });
        member.wake = undefined;
        continue;
      }
      const { position } = taken;
      const key = `${position.partition}:${position.offset}`;
      attempts.set(key, (attempts.get(key) ?? 0) + 1);
      const event = log.partitions[position.partition]![Number(position.offset)]!;
      yield {
        event,
        position,
        appendedAt: 0,
        attempt: attempts.get(key)!,
        signal,
        ack: () => call(OP.ack, () => log.ack(options.group, member, taken)),
        retry: unsupported,
        reject: (error) =>
          call(OP.reject, () => {
            if (member.revoked || member.assigned[position.partition] !== taken.of) return;
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
            log.ack(options.group, member, taken);
          }),
      };
    }
  }
  return {
    identity: () =>
      call(OP.identity, () => {
        const { epoch } = access.log;
        return { id: `log-${epoch}`, epoch, partitions: PARTITIONS };
      }),
    append: (_stream, events) =>
      call(OP.append, () => {
        const positions = access.log.append(process, events);
        // Durable, and the answer is lost.
        if (faults?.chance(0.01)) throw new FootnoteError('unavailable', 'no answer');
        return positions;
      }),
    consume,
    committed: (_stream, group) => call(OP.committed, () => log.at(log.committed(group))),
    seek: (_stream, name, positions, options) =>
      call(OP.seek, () => {
        if (options?.onlyNew && log.groups.has(name)) return false;
        const group = log.group(name);
        for (const { partition, offset } of positions) group.committed[partition] = Number(offset);
        return true;
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
        for (const letter of log.letters.values()) if (letter.group === name) log.letters.delete(letter.id);
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
