import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lockDataDirectory } from '../../src/runtime/data-lock.js';

/** Inventories name files by their absolute paths: the sources lie here wherever a fixture is written or opened. */
const PLACE = '/tmp/footnote-data-directory-fixture';
const TRIES = 600;

export interface Place {
  readonly sources: string;
  /** Takes it away. */
  release(): Promise<void>;
}

/** The one place of the sources, for one process at a time: other runs of the tests on this machine wait for it. */
export async function takePlace(): Promise<Place> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const lock = await lockDataDirectory(PLACE);
      const sources = join(PLACE, 'sources');
      // Of a run that was killed.
      await rm(sources, { recursive: true, force: true });
      return {
        sources,
        release: async () => {
          // The lock goes last, and its folder stays: whoever waits may have it the moment after.
          await rm(sources, { recursive: true, force: true, maxRetries: 3 });
          await lock.release();
        },
      };
    } catch (error) {
      // Held, or taken away under us.
      if (attempt >= TRIES) throw error;
      await delay(200);
    }
  }
}
