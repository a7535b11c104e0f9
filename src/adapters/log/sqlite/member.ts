import { documentId } from '../../../core/ids.js';
import type { FootnoteError } from '../../../core/errors.js';
import type { Clock } from '../../../core/ports/clock.js';
import type { ConsumeOptions, Delivery } from '../../../core/ports/log.js';
import type { Committer } from './committer.js';
import { deadLetterId, type SqliteDeadLetters } from './dead-letters.js';
import type { Candidate, PartitionReader } from './reader.js';
import type { LogStore } from './store.js';

export interface MemberParts {
  readonly store: LogStore;
  readonly committer: Committer;
  readonly letters: SqliteDeadLetters;
  readonly clock: Clock;
}

/** One consumer of a group: takes from its partitions in turn while its budget lasts. */
export class Member {
  readonly options: ConsumeOptions;
  readonly #parts: MemberParts;
  readonly #readers: PartitionReader[] = [];
  /** Bytes of each open delivery. */
  readonly #inFlight = new Map<PartitionReader, Map<Candidate, number>>();
  #count = 0;
  #bytes = 0;
  #turn = 0;
  #stopped = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(options: ConsumeOptions, parts: MemberParts) {
    this.options = options;
    this.#parts = parts;
  }

  get readers(): readonly PartitionReader[] {
    return this.#readers;
  }

  assign(reader: PartitionReader): void {
    this.#readers.push(reader);
    this.#inFlight.set(reader, new Map());
    this.wake();
  }

  /** Aborts the partition's deliveries; their acks do nothing from now on, and they no longer count as in flight. */
  revoke(reader: PartitionReader): void {
    this.#readers.splice(this.#readers.indexOf(reader), 1);
    const open = this.#inFlight.get(reader) ?? new Map<Candidate, number>();
    this.#inFlight.delete(reader);
    for (const bytes of open.values()) this.#freed(bytes);
    reader.revoke();
    this.wake();
  }

  /** Something may be there to deliver. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Ends the iteration. */
  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  /** The next delivery, when there is one and the budget allows it; undefined at the end. */
  async next(): Promise<Delivery | undefined> {
    for (;;) {
      if (this.#failure) throw this.#failure;
      if (this.#stopped) return undefined;
      const delivery = this.#take();
      if (delivery) return delivery;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #take(): Delivery | undefined {
    for (let i = 0; i < this.#readers.length; i += 1) {
      const reader = this.#readers[(this.#turn + i) % this.#readers.length]!;
      const candidate = reader.peek();
      if (!candidate) continue;
      // A large one waits for room at the front: passing it by would starve it.
      if (!this.#fits(candidate)) return undefined;
      this.#turn = (this.#turn + i + 1) % this.#readers.length;
      return this.#deliver(reader, reader.take());
    }
    return undefined;
  }

  #fits(candidate: Candidate): boolean {
    if (this.#count === 0) return true;
    if (this.#count >= (this.options.maxInFlight ?? Infinity)) return false;
    return this.#bytes + candidate.bytes <= this.options.maxInFlightBytes;
  }

  #freed(bytes: number): void {
    this.#count -= 1;
    this.#bytes -= bytes;
  }

  #deliver(reader: PartitionReader, candidate: Candidate): Delivery {
    const open = this.#inFlight.get(reader)!;
    open.set(candidate, candidate.bytes);
    this.#count += 1;
    this.#bytes += candidate.bytes;
    /** True once, and only while the partition is ours. */
    const settle = (): boolean => {
      if (!this.#inFlight.has(reader) || !open.delete(candidate)) return false;
      this.#freed(candidate.bytes);
      this.wake();
      return true;
    };
    return {
      event: candidate.event,
      position: this.#parts.store.position(reader.partition, candidate.offset),
      attempt: candidate.attempt,
      signal: reader.revoked.signal,
      ack: async () => {
        if (settle()) await this.#done(reader, candidate);
      },
      retry: (afterMs) => {
        if (settle()) this.#later(reader, candidate, afterMs);
      },
      reject: async (error) => {
        // The letter before the ack: the event is never in neither place.
        if (!open.has(candidate) || !this.#inFlight.has(reader)) return;
        this.#writeLetter(reader, candidate, error);
        if (settle()) await this.#done(reader, candidate);
      },
    };
  }

  async #done(reader: PartitionReader, candidate: Candidate): Promise<void> {
    if (!reader.tracker.ack(BigInt(candidate.offset))) return;
    const next = Number(reader.tracker.position);
    await this.#parts.committer.commit(reader.stream, this.options.group, reader.partition, next);
  }

  #later(reader: PartitionReader, candidate: Candidate, afterMs: number): void {
    const { signal } = reader.revoked;
    this.#parts.clock.sleep(Math.max(0, afterMs), signal).then(
      () => {
        if (signal.aborted) return;
        reader.due(candidate.offset, candidate.attempt + 1);
        this.wake();
      },
      (error: unknown) => {
        if (signal.aborted) return;
        this.#failure = error instanceof Error ? error : new Error(String(error));
        this.wake();
      },
    );
  }

  #writeLetter(reader: PartitionReader, candidate: Candidate, error: FootnoteError): void {
    const { stream, group } = this.options;
    const position = this.#parts.store.position(reader.partition, candidate.offset);
    this.#parts.letters.write({
      id: deadLetterId(stream, group, position.epoch, reader.partition, candidate.offset),
      stream,
      group,
      documentId: documentId(candidate.event),
      position,
      event: candidate.event,
      code: error.code,
      message: error.message,
      attempts: candidate.attempt,
      at: new Date(this.#parts.clock.now()).toISOString(),
    });
  }
}
