import { randomBytes } from 'node:crypto';
import { openQdrantVectors, type QdrantOptions } from '../../src/adapters/vectors/qdrant/index.js';
import type { VectorStore } from '../../src/core/ports/vectors.js';

export interface QdrantUnderTest {
  readonly prefix: string;
  readonly open: (options?: Partial<QdrantOptions>) => VectorStore;
  /** A request of its own, past the adapter; the answer's result. */
  readonly ask: (method: string, path: string, body?: unknown) => Promise<unknown>;
  /** Removes every collection of the prefix. */
  readonly dispose: () => Promise<void>;
}

/** The running server with a prefix that no other test has. */
export function qdrantUnderTest(url: string): QdrantUnderTest {
  const prefix = `t${randomBytes(6).toString('hex')}-`;
  const apiKey = process.env['QDRANT_API_KEY'];
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...(apiKey === undefined ? {} : { 'api-key': apiKey }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { result: unknown }).result;
  };
  return {
    prefix,
    ask,
    open: (options = {}) => openQdrantVectors({ url, prefix, ...(apiKey === undefined ? {} : { apiKey }), ...options }),
    async dispose() {
      const { collections } = (await ask('GET', '/collections')) as { collections: { name: string }[] };
      for (const { name } of collections) if (name.startsWith(prefix)) await ask('DELETE', `/collections/${name}`);
    },
  };
}
