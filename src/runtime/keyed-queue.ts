/** Runs tasks of one key one after another, in the order given; tasks of different keys run side by side. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>();
  #pending = 0;
  readonly #waiting: (() => void)[] = [];

  /** Tasks that have not ended. */
  get size(): number {
    return this.#pending;
  }

  /** Settles as the task does. A failed task does not stop those behind it. */
  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    this.#pending += 1;
    const mine = before === undefined ? task() : before.then(task, task);
    this.#tails.set(key, mine);
    try {
      return await mine;
    } finally {
      this.#pending -= 1;
      if (this.#tails.get(key) === mine) this.#tails.delete(key);
      if (this.#pending === 0) for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  /** Resolves when every task has ended. */
  async idle(): Promise<void> {
    if (this.#pending === 0) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
