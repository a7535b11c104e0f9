import { throwIfAborted } from '../../../core/errors.js';
import type { Collections } from './collections.js';
import type { Connection } from './connection.js';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

/**
 * The server merges segments, builds graphs and drops deleted points by itself, while it serves. Here that is waited for,
 * `waitMs` of pauses at most, since others may keep it busy for ever.
 */
export async function waitForOptimizers(
  connection: Connection,
  collections: Collections,
  generation: string,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  for (let waited = 0; ; waited += pauseMs) {
    throwIfAborted(signal);
    const { status } = await collections.info(generation, signal);
    if (status === 'green' || status === 'red' || waited >= waitMs) return;
    // After a restart they stand still until something is changed; a change of nothing is enough.
    if (status === 'grey') {
      const request = { collection_name: collections.nameOf(generation), optimizers_config: {} };
      await connection.call(generation, (api, init) => api.updateCollection(request, init), signal);
    }
    if (waited > 0) pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    await connection.sleep(pauseMs, signal);
  }
}
