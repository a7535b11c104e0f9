import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../core/config.js';
import { asFootnoteError } from '../core/errors.js';
import type { Storage } from './storage.js';

/** How long a store may take to answer before it counts as away. */
const ANSWER_MS = 3000;

export type StoreChecks = Record<string, { ok: boolean; detail?: string }>;

/** Asks each store that is a server for something small, side by side. What lies in the data directory is not asked. */
export async function checkStores({ stores }: Config, storage: Storage): Promise<StoreChecks> {
  const { catalog, log, vectors, blobs } = storage;
  const asked: [string, () => Promise<unknown>][] = [];
  if (stores.catalog.kind !== 'sqlite') asked.push(['catalog', () => catalog.meta.get('reachable')]);
  if (stores.log.kind !== 'sqlite') asked.push(['log', () => log.end('reachable')]);
  if (stores.vectors.kind !== 'lancedb') asked.push(['vectors', () => vectors.count('reachable')]);
  if (stores.blobs.kind !== 'files') {
    const nobody = { tenant: 'reachable', collection: 'reachable' };
    asked.push(['blobs', () => blobs.list(nobody)[Symbol.asyncIterator]().next()]);
  }
  const answers = await Promise.all(asked.map(async ([name, ask]) => [name, await answered(ask)] as const));
  return Object.fromEntries(answers);
}

async function answered(ask: () => Promise<unknown>): Promise<StoreChecks[string]> {
  const over = new AbortController();
  try {
    const late = sleep(ANSWER_MS, 'late' as const, { signal: over.signal, ref: false });
    const first = await Promise.race([ask().then(() => 'answered' as const), late]);
    if (first === 'late') return { ok: false, detail: `no answer within ${ANSWER_MS / 1000} seconds` };
    return { ok: true };
  } catch (error) {
    const { code, message } = asFootnoteError(error);
    // That there is no such thing is an answer.
    return code === 'not_found' ? { ok: true } : { ok: false, detail: message };
  } finally {
    over.abort();
  }
}
