import { setTimeout as sleep } from 'node:timers/promises';
import { FootnoteError } from '../../../core/errors.js';
import { backoffMs } from '../../../runtime/backoff.js';
import type { Db, Tx } from './context.js';

/**
 * What a database throws when a statement or transaction left nothing behind (it lost against another one, or its
 * connection broke before the commit was asked for), so that it may be run again.
 */
export class NothingDone extends FootnoteError {
  constructor(message: string, cause: unknown) {
    super('unavailable', message, { cause });
  }
}

const ATTEMPTS = 50;
const BACKOFF = { baseMs: 1, capMs: 50 };

/** Runs `work` again while it does nothing; at most some seconds. @throws what `work` throws, `unavailable` in the end */
export async function untilDone<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof NothingDone) || attempt === ATTEMPTS) throw error;
    }
    await sleep(backoffMs(attempt, BACKOFF, Math.random));
  }
}

/** One transaction, as if nothing else ran meanwhile. `work` may run several times: it must do nothing but ask the database. */
export function transact<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  return untilDone(() => db.transaction().execute(work));
}
