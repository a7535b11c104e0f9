import { throwIfAborted } from '../../src/core/errors.js';
import type { VectorCache } from '../../src/core/ports/cache.js';
import type { Heads } from '../../src/core/ports/catalog.js';

export interface CacheSweepPorts {
  readonly heads: Pick<Heads, 'get'>;
  readonly cache: Pick<VectorCache, 'documents' | 'forget'>;
}

const PAGE = 500;

/**
 * Forgets the vectors of documents of which nothing is known any more: a worker that stood still may put them there after
 * even the tombstone was forgotten. Heads are raised before anything is cached, so whoever is at work has one.
 * @returns how many documents these were
 */
export async function sweepCache({ heads, cache }: CacheSweepPorts, signal?: AbortSignal): Promise<number> {
  let forgotten = 0;
  let after: string | undefined;
  for (;;) {
    throwIfAborted(signal);
    const page = await cache.documents({ limit: PAGE, ...(after === undefined ? {} : { after }) });
    const known = await heads.get(page);
    for (const documentId of page) {
      after = documentId;
      if (known.has(documentId)) continue;
      await cache.forget(documentId);
      forgotten += 1;
    }
    if (page.length < PAGE) return forgotten;
  }
}
