import type { FaultPoints } from '../../../src/runtime/faults.js';

/** Holds the first change of each of these documents once it is parsed and chunked, until it is released. */
export class Held implements FaultPoints {
  readonly allHeld: Promise<void>;
  readonly #left: Set<string>;
  readonly #released: Promise<void>;
  #all!: () => void;
  #release!: () => void;

  constructor(documents: ReadonlySet<string>) {
    this.#left = new Set(documents);
    this.allHeld = new Promise((resolve) => (this.#all = resolve));
    this.#released = new Promise((resolve) => (this.#release = resolve));
    if (documents.size === 0) this.#all();
  }

  release(): void {
    this.#release();
  }

  async reach(name: string, about?: string): Promise<void> {
    if (name !== 'apply:prepared' || about === undefined || !this.#left.delete(about)) return;
    if (this.#left.size === 0) this.#all();
    await this.#released;
  }
}
