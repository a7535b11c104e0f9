/** Ranks of a byte pair encoding as gpt-tokenizer ships them: by rank, the token's text, or its bytes where it is no text. */
export type Ranks = readonly (string | readonly number[] | undefined)[];

/**
 * Counts the tokens of long pieces in n log n time. The library's own merge loop takes n² in the length of one piece, which
 * a megabyte of one letter turns into hours; its results are the same: the lowest rank first, the leftmost among equals.
 */
export class BytePairCounter {
  /** Byte strings (one character a byte) to ranks. */
  private readonly ranks = new Map<string, number>();
  private longest = 0;

  constructor(ranks: Ranks) {
    ranks.forEach((token, rank) => {
      if (token === undefined) return;
      const bytes = typeof token === 'string' ? Buffer.from(token, 'utf8') : Buffer.from(token);
      this.ranks.set(bytes.toString('latin1'), rank);
      this.longest = Math.max(this.longest, bytes.length);
    });
  }

  /** Tokens of one piece of the split pattern. */
  count(piece: string): number {
    const bytes = Buffer.from(piece, 'utf8').toString('latin1');
    const size = bytes.length;
    if (size < 2 || this.ranks.has(bytes)) return Math.min(size, 1);
    // A linked list of parts: part i begins at byte i; `after[i]` is where the next one begins.
    const after = Int32Array.from({ length: size }, (_, index) => index + 1);
    const before = Int32Array.from({ length: size }, (_, index) => index - 1);
    const alive = new Uint8Array(size).fill(1);
    const rankAt = (at: number): number => {
      const middle = after[at] ?? size;
      if (middle >= size) return -1;
      const end = after[middle] ?? size;
      return end - at > this.longest ? -1 : (this.ranks.get(bytes.slice(at, end)) ?? -1);
    };
    const heap = new PairHeap();
    const offer = (at: number): void => {
      const rank = rankAt(at);
      if (rank >= 0) heap.push(rank, at, after[after[at] ?? size] ?? size);
    };
    for (let at = 0; at < size; at += 1) offer(at);
    let parts = size;
    for (let pair = heap.pop(); pair; pair = heap.pop()) {
      const { at, end } = pair;
      const middle = after[at] ?? size;
      // Offered before a neighbour was merged: the pair is another one now.
      if (!alive[at] || middle >= size || after[middle] !== end) continue;
      alive[middle] = 0;
      after[at] = end;
      if (end < size) before[end] = at;
      parts -= 1;
      offer(at);
      const previous = before[at] ?? -1;
      if (previous >= 0) offer(previous);
    }
    return parts;
  }
}

interface Pair {
  readonly rank: number;
  readonly at: number;
  readonly end: number;
}

/** A binary heap: lowest rank first, then leftmost. */
class PairHeap {
  private readonly pairs: Pair[] = [];

  push(rank: number, at: number, end: number): void {
    const pair = { rank, at, end };
    let index = this.pairs.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.pairs[parent];
      if (!above || !isBefore(pair, above)) break;
      this.pairs[index] = above;
      index = parent;
    }
    this.pairs[index] = pair;
  }

  pop(): Pair | undefined {
    const top = this.pairs[0];
    const last = this.pairs.pop();
    if (!last || this.pairs.length === 0) return top;
    let index = 0;
    for (;;) {
      const left = this.pairs[2 * index + 1];
      const right = this.pairs[2 * index + 2];
      const child = right && left && isBefore(right, left) ? right : left;
      if (!child || !isBefore(child, last)) break;
      this.pairs[index] = child;
      index = child === left ? 2 * index + 1 : 2 * index + 2;
    }
    this.pairs[index] = last;
    return top;
  }
}

const isBefore = (a: Pair, b: Pair): boolean => a.rank < b.rank || (a.rank === b.rank && a.at < b.at);
