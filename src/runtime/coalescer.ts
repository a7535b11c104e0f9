import { asFootnoteError } from '../core/errors.js';

export interface CoalescerOptions<Item> {
  /** Items of one run. */
  readonly most: number;
  /** Items with the same one never share a run; they run in the order in which they came. */
  readonly apart?: (item: Item) => string;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Many calls as few: those that come while a run is under way share the next one, so that runs grow with the load and
 * nobody waits for company. One run at a time.
 */
export class Coalescer<Item, Result> {
  #waiting: Waiting<Item, Result>[] = [];
  #running = false;

  /** @param run results in the order of the items; what it throws is every item's, unless it is permanent: then each runs alone */
  constructor(
    private readonly run: (items: readonly Item[]) => Promise<readonly Result[]>,
    private readonly options: CoalescerOptions<Item>,
  ) {}

  ask(item: Item): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // What is asked in the same turn comes along.
      setImmediate(() => void this.#work());
    });
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) await this.#runOnce(this.#take());
    this.#running = false;
  }

  #take(): Waiting<Item, Result>[] {
    const { most, apart } = this.options;
    const taken: Waiting<Item, Result>[] = [];
    const left: Waiting<Item, Result>[] = [];
    const keys = new Set<string>();
    for (const each of this.#waiting) {
      const key = apart?.(each.item);
      if (taken.length >= most || (key !== undefined && keys.has(key))) {
        left.push(each);
        continue;
      }
      if (key !== undefined) keys.add(key);
      taken.push(each);
    }
    this.#waiting = left;
    return taken;
  }

  async #runOnce(taken: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.run(taken.map(({ item }) => item));
      taken.forEach(({ resolve }, i) => resolve(results[i]!));
    } catch (error) {
      // What one item is to blame for is no concern of the others'.
      if (taken.length > 1 && asFootnoteError(error).permanence === 'permanent') {
        for (const each of taken) await this.#runOnce([each]);
      } else {
        for (const { reject } of taken) reject(error);
      }
    }
  }
}

/** A coalescer a group, few of them (they are kept): what is slow or fails in one holds up nobody in another. */
export class GroupedCoalescer<Item, Result> {
  readonly #groups = new Map<string, Coalescer<Item, Result>>();

  /** @param run of one group's items, as a coalescer's */
  constructor(
    private readonly run: (items: readonly Item[]) => Promise<readonly Result[]>,
    private readonly options: CoalescerOptions<Item>,
  ) {}

  ask(group: string, item: Item): Promise<Result> {
    let coalescer = this.#groups.get(group);
    if (!coalescer) this.#groups.set(group, (coalescer = new Coalescer(this.run, this.options)));
    return coalescer.ask(item);
  }
}
