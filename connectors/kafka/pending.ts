import { Readable } from 'node:stream';
import type { JsonObject } from '../../src/core/json.js';
import type { ReadContext, SourceChange } from '../../src/core/ports/connector.js';
import type { Letter } from './letters/letter.js';
import type { Mapped } from './mapping/index.js';
import type { KafkaRecord } from './wire/batches.js';

/** Records and bytes between two checkpoints at most; the last record may exceed the bytes. */
const MAX_RECORDS = 5000;
const MAX_BYTES = 16 << 20;

/** Where and when a record stands. */
type Place = Pick<KafkaRecord, 'partition' | 'offset' | 'timestamp'>;

interface Pending {
  readonly change: Mapped;
  readonly place: Place;
}

type Problem = Pick<Extract<SourceChange, { kind: 'problem' }>, 'key' | 'code' | 'message'>;

/**
 * What was read since the last checkpoint: of each document its newest change alone, of bad records the letters to write
 * and the problems to tell.
 */
export class PendingChanges {
  readonly letters: Letter[] = [];
  readonly problems: Problem[] = [];
  readonly #changes = new Map<string, Pending>();
  #records = 0;
  #bytes = 0;

  /** @param incarnation names the topic that offsets are of */
  constructor(
    readonly scope: string,
    readonly incarnation: string,
  ) {}

  get isFull(): boolean {
    return this.#records >= MAX_RECORDS || this.#bytes >= MAX_BYTES;
  }

  /** A record was read, whatever comes of it. */
  count(record: KafkaRecord): void {
    this.#records += 1;
    this.#bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0) + 100;
  }

  put(change: Mapped, place: Place): void {
    const before = this.#changes.get(change.key);
    if (before && isOlder(place, before.place)) return;
    // The order in which documents are told is that of their newest changes.
    this.#changes.delete(change.key);
    this.#changes.set(change.key, { change, place });
  }

  bad(problem: Problem, letter: Letter | undefined): void {
    this.problems.push(problem);
    if (letter) this.letters.push(letter);
  }

  /** What is to be told before the checkpoint; what a newer record has overtaken is left out. */
  async *told(known: ReadContext['known'], now: number): AsyncGenerator<SourceChange> {
    const { scope } = this;
    for (const { change, place } of this.#changes.values()) {
      const { key } = change;
      if (isOlder(place, placeOf(await known(key), this.incarnation))) continue;
      if (change.kind === 'gone') {
        yield { kind: 'gone', key, scope };
        continue;
      }
      const { content, observedAt, kind: _, ...said } = change;
      yield {
        ...said,
        kind: 'item',
        scope,
        quick: quickOf(place, this.incarnation),
        bytes: content.length,
        open: () => Readable.from([content], { objectMode: false }),
        observedAt: observedAt ?? timeOf(place.timestamp, now),
      };
    }
    for (const problem of this.problems) yield { kind: 'problem', scope, ...problem };
  }
}

function quickOf({ partition, offset, timestamp }: Place, incarnation: string): JsonObject {
  return { of: incarnation, partition, offset: offset.toString(), timestamp };
}

function placeOf(quick: JsonObject | undefined, incarnation: string): Place | undefined {
  if (quick?.['of'] !== incarnation) return undefined;
  const { partition, offset, timestamp } = quick;
  if (typeof partition !== 'number' || typeof offset !== 'string' || typeof timestamp !== 'number') return undefined;
  return { partition, offset: BigInt(offset), timestamp };
}

/** Within a partition Kafka keeps the order; between two of them only time tells. */
function isOlder(a: Place, b: Place | undefined): boolean {
  if (!b) return false;
  return a.partition === b.partition ? a.offset < b.offset : a.timestamp < b.timestamp;
}

/** A record may come without a time (-1), or with any that its producer made up. */
function timeOf(timestamp: number, now: number): string {
  const sane = timestamp >= 0 && timestamp <= 8.64e15;
  return new Date(sane ? timestamp : now).toISOString();
}
