import { LRUCache } from 'lru-cache';
import type { Embedder } from '../../src/core/ports/models.js';

/** Vectors of recent queries. Bounded; one tenant's queries never answer (or speed up) another's. */
export class QueryVectors {
  readonly #cache: LRUCache<string, Float32Array> | undefined;

  constructor(entries: number) {
    this.#cache = entries > 0 ? new LRUCache({ max: entries }) : undefined;
  }

  /** @returns the unit vector of the query in the embedder's space */
  async get(embedder: Embedder, tenant: string, query: string, signal?: AbortSignal): Promise<Float32Array> {
    const key = `${embedder.build}\n${tenant.length}:${tenant}\n${query}`;
    const known = this.#cache?.get(key);
    if (known) return known;
    const [vector] = await embedder.embed([query], 'query', signal);
    this.#cache?.set(key, vector);
    return vector!;
  }
}
