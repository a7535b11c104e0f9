import pg from 'pg';

/** Sends one call of a server again, past the engine, and reads its answer. */
export type BareCall = () => Promise<unknown>;

export interface CallRecorder {
  /** The calls that were made meanwhile, in order. Nothing else may use the servers in this process. */
  during(work: () => Promise<unknown>): Promise<BareCall[]>;
  stop(): void;
}

/** Watches what this process asks of Qdrant (through `fetch`) and of PostgreSQL (through its driver). */
export function recordCalls(): CallRecorder {
  let calls: BareCall[] | undefined;
  const realFetch = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    if (calls && typeof input === 'string' && input.includes('/points/')) {
      const { signal: _, ...again } = init ?? {};
      calls.push(async () => (await realFetch(input, again)).json());
    }
    return realFetch(input, init);
  };
  // The driver's signature has many forms; the engine uses this one.
  type Query = (this: pg.Client, text: unknown, values?: unknown) => Promise<unknown>;
  const prototype = pg.Client.prototype as unknown as { query: Query };
  const realQuery = prototype.query;
  prototype.query = function (text, values) {
    // What the engine does besides, such as telling the others that it lives, writes.
    if (calls && typeof text === 'string' && Array.isArray(values) && /^select/i.test(text)) {
      const list: unknown[] = [...(values as unknown[])];
      calls.push(() => realQuery.call(this, text, list));
    }
    return realQuery.call(this, text, values);
  };
  return {
    async during(work) {
      const mine: BareCall[] = (calls = []);
      try {
        await work();
      } finally {
        calls = undefined;
      }
      return mine;
    },
    stop() {
      globalThis.fetch = realFetch;
      prototype.query = realQuery;
    },
  };
}
