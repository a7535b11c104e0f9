import { afterEach, beforeEach } from 'vitest';
import type { Catalog } from '../../../src/core/ports/catalog.js';

/** How a store is opened again, where that makes a difference. */
export interface Reopening {
  /** Of a log: at least. */
  readonly epoch?: number;
}

/** A store for one test. `reopen` closes it and opens it on the same data, as after a restart. */
export interface Made<Port> {
  readonly port: Port;
  close(): Promise<void>;
  reopen?(how?: Reopening): Promise<Made<Port>>;
}

/** A fresh store for each test of the suite that calls this. */
export function fresh<Port>(make: () => Promise<Made<Port>>): {
  readonly port: Port;
  reopen(how?: Reopening): Promise<Port>;
  readonly reopens: boolean;
} {
  let made: Made<Port> | undefined;
  beforeEach(async () => {
    made = await make();
  });
  afterEach(async () => {
    await made?.close();
    made = undefined;
  });
  return {
    get port() {
      return made!.port;
    },
    get reopens() {
      return made!.reopen !== undefined;
    },
    async reopen(how) {
      made = await made!.reopen!(how);
      return made.port;
    },
  };
}

export type MakeCatalog = () => Promise<Made<Catalog>>;

/** How many of 50 contenders at once got true. */
export async function race(contender: (index: number) => Promise<boolean>, contenders = 50): Promise<number> {
  const results = await Promise.all(Array.from({ length: contenders }, (_, index) => contender(index)));
  return results.filter(Boolean).length;
}
