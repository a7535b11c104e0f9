import { open, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** The holder touches the file this often; a lock not touched for `STALE_MS` belongs to a process that died. */
const TOUCH_MS = 2_000;
const STALE_MS = 15_000;
const POLL_MS = 200;

/**
 * Runs `work` while holding a lock file, so that two processes that share a cache do not fetch the same model at once.
 * Losing the lock would only cost a second download: files are put in place by rename and checked by hash.
 */
export async function withLock<T>(path: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      const file = await open(path, 'wx');
      await file.writeFile(`${process.pid} ${hostname()}\n`);
      await file.close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (await isStale(path)) await rm(path, { force: true });
      else await delay(POLL_MS, undefined, signal ? { signal } : {});
    }
  }
  const timer = setInterval(() => {
    const now = new Date();
    // Someone removed it: the work goes on, see above.
    utimes(path, now, now).catch(() => undefined);
  }, TOUCH_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await rm(path, { force: true });
  }
}

async function isStale(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > STALE_MS;
  } catch {
    // Released between the two calls: try again at once.
    return false;
  }
}
