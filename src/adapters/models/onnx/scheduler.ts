import type { FootnoteError } from '../../../core/errors.js';
import type { Role } from './messages.js';

/** Texts a thread is sent in one message, at most; and their characters. A thread has one such group at work and one waiting. */
const GROUP_TEXTS = 8;
const GROUP_CHARS = 64 * 1024;
const GROUPS_AHEAD = 2;
/** Queries a thread is sent ahead, each by itself. */
const QUERIES_AHEAD = 4;
/** A query rather waits for so many others than for the document that a thread is at. */
const BEHIND_DOCUMENTS = 2;

/** One call of `embed`, until its promise is settled. */
export interface Request {
  readonly role: Role;
  readonly vectors: Float32Array[];
  remaining: number;
  settled: boolean;
  /** Settles once; later calls do nothing. */
  readonly settle: (error?: FootnoteError) => void;
}

/** One text of a request. */
export interface Item {
  readonly id: number;
  readonly request: Request;
  readonly index: number;
  readonly text: string;
}

/** The work a thread has been given. */
export interface Slot {
  readonly queries: Set<number>;
  readonly groups: Set<number>;
}

/** First in, first out, without the cost of shifting an array; items of settled requests are skipped. */
class ItemQueue {
  private items: Item[] = [];
  private head = 0;

  push(item: Item): void {
    this.items.push(item);
  }

  peek(): Item | undefined {
    while (this.items[this.head]?.request.settled) this.head += 1;
    if (this.head > 1024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return this.items[this.head];
  }

  shift(): Item | undefined {
    const item = this.peek();
    if (item) this.head += 1;
    return item;
  }

  /** An upper bound: settled items inside count. */
  get length(): number {
    return this.items.length - this.head;
  }

  drain(): Item[] {
    const rest = this.items.slice(this.head).filter((item) => !item.request.settled);
    this.items = [];
    this.head = 0;
    return rest;
  }
}

/** Decides which texts go to which thread: queries first, documents in small groups, the least busy thread first. */
export class Scheduler {
  private readonly waiting: Record<Role, ItemQueue> = { query: new ItemQueue(), document: new ItemQueue() };

  add(item: Item): void {
    this.waiting[item.request.role].push(item);
  }

  get length(): number {
    return this.waiting.query.length + this.waiting.document.length;
  }

  drain(): Item[] {
    return [...this.waiting.query.drain(), ...this.waiting.document.drain()];
  }

  /**
   * The next group and the index of the slot that should get it; undefined when nothing waits or all slots are full.
   * @param forDocuments how many of the slots, from the first on, get documents
   */
  next(
    slots: readonly (Slot | undefined)[],
    forDocuments: number,
  ): { slot: number; role: Role; items: Item[] } | undefined {
    if (this.waiting.query.peek()) {
      const slot = leastBusy(
        slots,
        (of) => of.queries.size + (of.groups.size > 0 ? BEHIND_DOCUMENTS : 0),
        QUERIES_AHEAD,
      );
      const item = slot === undefined ? undefined : this.waiting.query.shift();
      if (slot !== undefined && item) return { slot, role: 'query', items: [item] };
    }
    if (!this.waiting.document.peek()) return undefined;
    const open = slots.slice(0, forDocuments);
    const slot = leastBusy(open, (of) => of.groups.size, GROUPS_AHEAD);
    return slot === undefined ? undefined : { slot, role: 'document', items: this.takeGroup(open.length) };
  }

  /** Groups shrink towards the end of the queue, so that all threads finish together. */
  private takeGroup(threads: number): Item[] {
    const queue = this.waiting.document;
    const size = Math.max(1, Math.min(GROUP_TEXTS, Math.ceil(queue.length / (threads * GROUPS_AHEAD))));
    const items: Item[] = [];
    let chars = 0;
    for (let item = queue.peek(); item && items.length < size; item = queue.peek()) {
      chars += item.text.length;
      if (items.length > 0 && chars > GROUP_CHARS) break;
      items.push(item);
      queue.shift();
    }
    return items;
  }
}

function leastBusy(
  slots: readonly (Slot | undefined)[],
  load: (slot: Slot) => number,
  limit: number,
): number | undefined {
  let best: number | undefined;
  let least = limit;
  slots.forEach((slot, index) => {
    if (slot && load(slot) < least) {
      best = index;
      least = load(slot);
    }
  });
  return best;
}
