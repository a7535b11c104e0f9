import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** What was begun and what was acknowledged, outside the data directory: a killed process goes on from here. */
export class Journal {
  readonly #handle: number;
  readonly #begun = new Set<string>();
  readonly #done = new Set<string>();

  constructor(file: string) {
    this.#handle = openSync(file, 'a+');
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const [what, id] = line.split(' ');
      if (id === undefined) continue;
      (what === 'begin' ? this.#begun : this.#done).add(id);
    }
  }

  isDone(id: string): boolean {
    return this.#done.has(id);
  }

  /** Runs what was not acknowledged yet. `again`: an earlier process began it, and nobody knows how far it came. */
  async once(id: string, work: (again: boolean) => Promise<void>): Promise<void> {
    if (this.#done.has(id)) return;
    const again = this.#begun.has(id);
    writeSync(this.#handle, `begin ${id}\n`);
    await work(again);
    writeSync(this.#handle, `done ${id}\n`);
    this.#done.add(id);
  }

  close(): void {
    closeSync(this.#handle);
  }
}
