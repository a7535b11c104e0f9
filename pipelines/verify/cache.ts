import { throwIfAborted } from '../../src/core/errors.js';
import type { VectorCache } from '../../src/core/ports/cache.js';
import type { Clock } from '../../src/core/ports/clock.js';
import type { Heads } from '../../src/core/ports/catalog.js';

export interface CacheSweepPorts {
  readonly heads: Pick<Heads, 'get'>;
  readonly cache: Pick<VectorCache, 'documents' | 'forget'>;
}

const PAGE = 500;
/** Clocks of other hosts, and writes that come late, may be off by so much. */
const OVERLAP_MS = 300_000;

/**
 * Forgets the vectors of documents of which nothing is known any more: a worker that stood still may put them there after
 * even the tombstone was forgotten. Heads are raised before anything is cached, so whoever is at work has one.
 * @returns how many documents these were
 */
export async function sweepCache({ heads, cache }: CacheSweepPorts, signal?: AbortSignal): Promise<number> {
  let forgotten = 0;
  await eachCached(cache, signal, async (page) => {
    const known = await heads.get(page);
    for (const documentId of page) {
      if (known.has(documentId)) continue;
      await cache.forget(documentId);
      forgotten += 1;
    }
  });
  return forgotten;
}

/**
 * Forgets the vectors of what was deleted since, whoever deleted it: where several processes apply changes, each has a
 * cache of its own. The first time everything cached is looked at, since this process may have been away.
 * @param since what the call before returned
 * @returns from when to go on
 */
export async function forgetDeleted(
  {
    heads,
    cache,
    clock,
  }: { heads: Pick<Heads, 'get' | 'deletedSince'>; clock: Pick<Clock, 'now'> } & Pick<CacheSweepPorts, 'cache'>,
  since: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const next = new Date(clock.now() - OVERLAP_MS).toISOString();
  if (since === undefined) {
    await eachCached(cache, signal, async (page) => {
      const known = await heads.get(page);
      for (const documentId of page) if (known.get(documentId)?.deleted ?? true) await cache.forget(documentId);
    });
    return next;
  }
  let after: { updatedAt: string; documentId: string } | undefined;
  for (;;) {
    throwIfAborted(signal);
    const page = await heads.deletedSince(since, { limit: PAGE, ...(after ? { after } : {}) });
    for (const { documentId } of page) await cache.forget(documentId);
    after = page.at(-1);
    if (page.length < PAGE) return next;
  }
}

async function eachCached(
  cache: CacheSweepPorts['cache'],
  signal: AbortSignal | undefined,
  look: (documentIds: readonly string[]) => Promise<void>,
): Promise<void> {
  let after: string | undefined;
  for (;;) {
    throwIfAborted(signal);
    const page = await cache.documents({ limit: PAGE, ...(after === undefined ? {} : { after }) });
    await look(page);
    after = page.at(-1);
    if (page.length < PAGE) return;
  }
}
