import type { FootnoteError } from '../../../core/errors.js';
import type { Clock } from '../../../core/ports/clock.js';
import type { ConsumeOptions, DeadLetter, Delivery } from '../../../core/ports/log.js';
import { letterOf } from './dead-letter.js';
import type { Candidate, PartitionSource } from './source.js';

export interface MemberParts<Source extends PartitionSource> {
  readonly epoch: number;
  readonly clock: Clock;
  /** Resolves when the position is recorded, or when the partition is no longer ours. */
  commit(source: Source, group: string, next: bigint): Promise<void>;
  /** Resolves when the letter is durable. */
  writeLetter(letter: DeadLetter): Promise<void>;
}

/** One consumer of a group: takes from its partitions in turn while its budget lasts. */
export class Member<Source extends PartitionSource> {
  readonly options: ConsumeOptions;
  readonly #parts: MemberParts<Source>;
  readonly #sources: Source[] = [];
  /** Bytes of each open delivery. */
  readonly #inFlight = new Map<Source, Map<Candidate, number>>();
  #count = 0;
  #bytes = 0;
  #turn = 0;
  #stopped = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(options: ConsumeOptions, parts: MemberParts<Source>) {
    this.options = options;
    this.#parts = parts;
  }

  get sources(): readonly Source[] {
    return this.#sources;
  }

  assign(source: Source): void {
    this.#sources.push(source);
    this.#inFlight.set(source, new Map());
    this.wake();
  }

  /** Aborts the partition's deliveries; their acks do nothing from now on, and they no longer count as in flight. */
  revoke(source: Source): void {
    this.#sources.splice(this.#sources.indexOf(source), 1);
    const open = this.#inFlight.get(source) ?? new Map<Candidate, number>();
    this.#inFlight.delete(source);
    for (const bytes of open.values()) this.#freed(bytes);
    source.revoke();
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

  /** Ends the iteration with an error. */
  fail(error: Error): void {
    this.#failure ??= error;
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

  /** What `next` gives, to the end. */
  async *deliveries(): AsyncGenerator<Delivery> {
    for (let delivery = await this.next(); delivery; delivery = await this.next()) yield delivery;
  }

  #take(): Delivery | undefined {
    for (let i = 0; i < this.#sources.length; i += 1) {
      const source = this.#sources[(this.#turn + i) % this.#sources.length]!;
      const candidate = source.peek();
      if (!candidate) continue;
      // A large one waits for room at the front: passing it by would starve it.
      if (!this.#fits(candidate)) return undefined;
      this.#turn = (this.#turn + i + 1) % this.#sources.length;
      return this.#deliver(source, source.take());
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

  #deliver(source: Source, candidate: Candidate): Delivery {
    const open = this.#inFlight.get(source)!;
    open.set(candidate, candidate.bytes);
    this.#count += 1;
    this.#bytes += candidate.bytes;
    /** True once, and only while the partition is ours. */
    const settle = (): boolean => {
      if (!this.#inFlight.has(source) || !open.delete(candidate)) return false;
      this.#freed(candidate.bytes);
      this.wake();
      return true;
    };
    return {
      event: candidate.event,
      position: { epoch: this.#parts.epoch, partition: source.partition, offset: candidate.offset },
      appendedAt: candidate.appendedAt,
      attempt: candidate.attempt,
      signal: source.revoked.signal,
      ack: async () => {
        if (settle()) await this.#done(source, candidate);
      },
      retry: (afterMs) => {
        if (settle()) this.#later(source, candidate, afterMs);
      },
      reject: async (error) => {
        // The letter before the ack: the event is never in neither place.
        if (!open.has(candidate) || !this.#inFlight.has(source)) return;
        await this.#writeLetter(source, candidate, error);
        if (settle()) await this.#done(source, candidate);
      },
    };
  }

  async #done(source: Source, candidate: Candidate): Promise<void> {
    source.settled(candidate);
    if (!source.tracker.ack(candidate.offset)) return;
    await this.#parts.commit(source, this.options.group, source.tracker.position);
  }

  #later(source: Source, candidate: Candidate, afterMs: number): void {
    const { signal } = source.revoked;
    this.#parts.clock.sleep(Math.max(0, afterMs), signal).then(
      () => {
        if (signal.aborted) return;
        source.due({ ...candidate, attempt: candidate.attempt + 1 });
        this.wake();
      },
      (error: unknown) => {
        if (signal.aborted) return;
        this.fail(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  #writeLetter(source: Source, candidate: Candidate, error: FootnoteError): Promise<void> {
    const { stream, group } = this.options;
    const place = { stream, group, epoch: this.#parts.epoch, partition: source.partition };
    return this.#parts.writeLetter(letterOf(candidate, place, error, new Date(this.#parts.clock.now()).toISOString()));
  }
}
