import { streamOf } from '../../core/generation.js';
import type { Caller } from '../../core/policy.js';
import { mayUse } from '../../core/policy.js';
import type { CollectionStatus, Readiness, Status } from '../../core/schemas/operations.js';
import { parserFor } from '../../stages/parse/registry.js';
import { parserId } from '../../stages/parse/parser.js';
import type { Consumers } from '../consumers.js';
import type { Storage } from '../storage.js';

export interface StatusParts {
  readonly storage: Storage;
  readonly consumers: Consumers;
  readonly version: string;
  readonly startedAt: string;
}

export async function status(parts: StatusParts, caller: Caller): Promise<Status> {
  const collections: Record<string, CollectionStatus> = {};
  for (const { name } of await parts.storage.catalog.collections.list(caller.tenant)) {
    if (!mayUse(caller, name)) continue;
    collections[name] = await collectionStatus(parts, caller.tenant, name);
  }
  return { version: parts.version, startedAt: parts.startedAt, collections };
}

async function collectionStatus(
  { storage, consumers }: StatusParts,
  tenant: string,
  name: string,
): Promise<CollectionStatus> {
  const { catalog, log } = storage;
  const stream = streamOf(tenant, name);
  const release = await catalog.releases.current(tenant, name);
  const generations = [];
  for (const { id, state } of await catalog.generations.list(tenant, name)) {
    const problem = consumers.problem(id);
    generations.push({ id, state: problem ? `${state}: ${problem.code}` : state, lag: await log.lag(stream, id) });
  }
  const sources = (await catalog.sources.list(tenant, name)).map(({ source, owner }) => ({ source, owner }));
  const deadLetters = await log.deadLetters.count(stream);
  if (!release) {
    const none = { live: 0, pending: 0, failed: 0, deleted: 0 };
    return { documents: none, chunks: 0, generation: null, lag: 0, deadLetters, generations, sources };
  }
  const { chunks, ...documents } = await catalog.documents.counts(tenant, name, release.generation);
  return {
    documents,
    chunks,
    generation: release.generation,
    lag: await log.lag(stream, release.generation),
    deadLetters,
    staleParsers: await staleParsers(storage, release.generation),
    generations,
    sources,
  };
}

const PAGE = 500;
/** Documents looked at: a sample by document id, which is as good as random. */
const SAMPLE = 2000;

/** Share of the documents that an older parser version read; `reindex` reads them again. */
async function staleParsers({ catalog }: Storage, generation: string): Promise<number> {
  let seen = 0;
  let stale = 0;
  let after: string | undefined;
  while (seen < SAMPLE) {
    const rows = await catalog.documents.list(generation, {
      limit: PAGE,
      state: 'live',
      ...(after === undefined ? {} : { after }),
    });
    for (const { visible } of rows) {
      if (!visible) continue;
      const parser = parserFor(visible.mime);
      seen += 1;
      if (parser && parserId(parser) !== visible.parser) stale += 1;
    }
    if (rows.length < PAGE) break;
    after = rows.at(-1)!.documentId;
  }
  return seen === 0 ? 0 : stale / seen;
}

/** Ready when the catalog answers and every live generation follows its log. */
export async function readiness({ storage, consumers }: StatusParts): Promise<Readiness> {
  const checks: Readiness['checks'] = {};
  const stopped: string[] = [];
  for (const { tenant, name } of await storage.catalog.collections.list()) {
    const release = await storage.catalog.releases.current(tenant, name);
    const problem = release && consumers.problem(release.generation);
    if (problem) stopped.push(`${name}: ${problem.message}`);
  }
  checks['catalog'] = { ok: true };
  checks['generations'] = stopped.length === 0 ? { ok: true } : { ok: false, detail: stopped.join('; ') };
  return { ready: stopped.length === 0, checks };
}
