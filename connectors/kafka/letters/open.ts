import { sha256 } from '../../../src/core/ids.js';

/** A dead letter that nothing newer has overtaken: partition, offset, and the record key's hash (null: without a key). */
export type OpenLetter = readonly [partition: number, offset: string, key: string | null];

/** Letters that are followed; of older ones it is not known any more whether they were overtaken. */
export const MAX_OPEN = 2000;

/**
 * The dead letters that may still be applied. A record that follows with the same key, a tombstone too, overtakes one:
 * applied later it would go back in time, or bring back what was deleted.
 */
export class OpenLetters {
  readonly #byPlace = new Map<string, OpenLetter>();
  readonly #byKey = new Map<string, OpenLetter>();
  #forgotten: number;

  constructor(letters: readonly OpenLetter[] = [], forgotten = 0) {
    this.#forgotten = forgotten;
    for (const letter of letters) this.#put(letter);
  }

  get size(): number {
    return this.#byPlace.size;
  }

  /** How many were too many to follow. */
  get forgotten(): number {
    return this.#forgotten;
  }

  has(partition: number, offset: bigint): boolean {
    return this.#byPlace.has(placeOf(partition, offset));
  }

  add(partition: number, offset: bigint, key: Buffer | null): void {
    this.passed(partition, offset, key);
    this.#put([partition, offset.toString(), key && hashOf(key)]);
    if (this.size <= MAX_OPEN) return;
    const [oldest] = this.#byPlace.values();
    this.#remove(oldest!);
    this.#forgotten += 1;
  }

  /** A record was read: what lies at or before it with its key is overtaken. Without keys nothing tells their order. */
  passed(partition: number, offset: bigint, key: Buffer | null): void {
    if (this.size === 0) return;
    const letter =
      key === null ? this.#byPlace.get(placeOf(partition, offset)) : this.#byKey.get(byKey(partition, hashOf(key)));
    if (letter && BigInt(letter[1]) <= offset) this.#remove(letter);
  }

  /** Something was deleted by a record without a key, which may be what any letter without a key is about. */
  deletedWithoutKey(partition: number, offset: bigint): void {
    for (const letter of [...this.#byPlace.values()]) {
      if (letter[2] === null && letter[0] === partition && BigInt(letter[1]) <= offset) this.#remove(letter);
    }
  }

  settled(partition: number, offset: bigint): void {
    const letter = this.#byPlace.get(placeOf(partition, offset));
    if (letter) this.#remove(letter);
  }

  clearForgotten(): void {
    this.#forgotten = 0;
  }

  list(): OpenLetter[] {
    return [...this.#byPlace.values()];
  }

  #put(letter: OpenLetter): void {
    const [partition, offset, key] = letter;
    this.#byPlace.set(`${partition}/${offset}`, letter);
    if (key !== null) this.#byKey.set(byKey(partition, key), letter);
  }

  #remove(letter: OpenLetter): void {
    const [partition, offset, key] = letter;
    this.#byPlace.delete(`${partition}/${offset}`);
    if (key !== null && this.#byKey.get(byKey(partition, key)) === letter) this.#byKey.delete(byKey(partition, key));
  }
}

const placeOf = (partition: number, offset: bigint): string => `${partition}/${offset}`;
const byKey = (partition: number, hash: string): string => `${partition} ${hash}`;
const hashOf = (key: Buffer): string => sha256(key).slice(0, 24);
