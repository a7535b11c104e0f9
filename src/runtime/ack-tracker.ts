interface Entry {
  readonly offset: bigint;
  acked: boolean;
}

/**
 * Which offsets of one partition are done, and how far the done ones reach without a gap (law 5). Pure bookkeeping:
 * offsets are delivered in rising order, possibly with holes (trimmed events, control records), and acked in any order.
 */
export class AckTracker {
  /** Delivered and not below the position, in order; the first `#head` are gone. */
  #entries: Entry[] = [];
  #head = 0;
  readonly #open = new Map<bigint, Entry>();
  #position: bigint;

  /** @param start the committed position: the next offset to read */
  constructor(start: bigint) {
    this.#position = start;
  }

  /** The next offset to read after a restart: everything below it is done. */
  get position(): bigint {
    return this.#position;
  }

  /** Delivered and not acked. */
  get outstanding(): number {
    return this.#open.size;
  }

  /** Takes note of a delivery. An offset delivered again (a retry) changes nothing. @throws RangeError when a new one does not rise */
  delivered(offset: bigint): void {
    if (this.#open.has(offset)) return;
    const last = this.#entries[this.#entries.length - 1];
    if (offset < this.#position || (last && this.#head < this.#entries.length && offset <= last.offset)) {
      throw new RangeError(`offset ${offset} delivered out of order`);
    }
    const entry = { offset, acked: false };
    this.#entries.push(entry);
    this.#open.set(offset, entry);
  }

  /** @returns true when the position moved; acking twice, or what was never delivered, does nothing */
  ack(offset: bigint): boolean {
    const entry = this.#open.get(offset);
    if (!entry) return false;
    entry.acked = true;
    this.#open.delete(offset);
    let moved = false;
    for (let first = this.#entries[this.#head]; first?.acked; first = this.#entries[this.#head]) {
      this.#position = first.offset + 1n;
      this.#head += 1;
      moved = true;
    }
    this.#compact();
    return moved;
  }

  #compact(): void {
    if (this.#head < 1024 && this.#head < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}
