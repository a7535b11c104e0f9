import type { Generation } from '../../core/generation.js';
import { streamOf } from '../../core/generation.js';
import type { Caller } from '../../core/policy.js';
import { mayUse } from '../../core/policy.js';
import type { CollectionStatus, Readiness, Status } from '../../core/schemas/operations.js';
import { parserFor } from '../../stages/parse/registry.js';
import { parserId } from '../../stages/parse/parser.js';
import type { Consumers } from '../consumers.js';
import type { StoreChecks } from '../reachable.js';
import { hasConsumers } from '../roles.js';
import type { Storage } from '../storage.js';
import type { Fleet } from '../../services/fleet.js';

export interface StatusParts {
  /** Whether the servers among the stores answer. */
  readonly checkStores: () => Promise<StoreChecks>;
  readonly storage: Storage;
  /** The processes on the same servers; undefined where this one is alone. */
  readonly fleet: Fleet | undefined;
  readonly consumers: Consumers;
  readonly version: string;
  readonly startedAt: string;
  /** The languages that a generation's model was trained on; empty: unknown. */
  readonly languagesOf: (generation: Generation) => Promise<readonly string[]>;
}

export async function status(parts: StatusParts, caller: Caller): Promise<Status> {
  const collections: Record<string, CollectionStatus> = {};
  const stores = await parts.checkStores();
  const answer = { version: parts.version, startedAt: parts.startedAt, collections };
  if (Object.values(stores).some(({ ok }) => !ok)) return { ...answer, stores };
  for (const { name } of await parts.storage.catalog.collections.list(caller.tenant)) {
    if (!mayUse(caller, name)) continue;
    collections[name] = await collectionStatus(parts, caller.tenant, name);
  }
  return {
    ...answer,
    ...(Object.keys(stores).length === 0 ? {} : { stores }),
    ...(parts.fleet ? togetherWith(parts.fleet) : {}),
  };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function togetherWith({ alive }: Fleet): Pick<Status, 'processes' | 'warnings'> {
  const processes = alive.map(({ id, role, startedAt, detail }) => ({
    id,
    role,
    startedAt,
    host: text(detail['host']),
    pid: Number(detail['pid']),
    version: text(detail['version']),
    problems: (detail['problems'] ?? {}) as NonNullable<Status['processes']>[number]['problems'],
  }));
  const warnings = hasConsumers(alive)
    ? []
    : ['No process applies changes: run footnote worker. What is written meanwhile waits in the log.'];
  return { processes, warnings };
}

async function collectionStatus(
  { storage, consumers, languagesOf }: StatusParts,
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
  const { staleParsers, languages } = await sampled(storage, release.generation);
  const live = await catalog.generations.get(release.generation);
  const warning = live && foreignTo(await languagesOf(live), languages, live.spec.models['text']?.model ?? 'the model');
  return {
    documents,
    chunks,
    generation: release.generation,
    lag: await log.lag(stream, release.generation),
    deadLetters,
    staleParsers,
    languages,
    warnings: warning === undefined ? [] : [warning],
    generations,
    sources,
  };
}

const PAGE = 500;
/** Documents looked at: a sample by document id, which is as good as random. */
const SAMPLE = 2000;

interface Sampled {
  /** Share of the documents that an older parser version read; `reindex` reads them again. */
  readonly staleParsers: number;
  /** Shares of the documents by language. */
  readonly languages: Readonly<Record<string, number>>;
}

async function sampled({ catalog }: Storage, generation: string): Promise<Sampled> {
  const languages = new Map<string, number>();
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
      const language = visible.language ?? 'und';
      seen += 1;
      if (parser && parserId(parser) !== visible.parser) stale += 1;
      languages.set(language, (languages.get(language) ?? 0) + 1);
    }
    if (rows.length < PAGE) break;
    after = rows.at(-1)!.documentId;
  }
  const shares = [...languages].sort(([, a], [, b]) => b - a).map(([language, count]) => [language, count / seen]);
  return { staleParsers: seen === 0 ? 0 : stale / seen, languages: Object.fromEntries(shares) as Sampled['languages'] };
}

/** Fewer documents than this share are taken for names, quotes and mistakes of the recogniser. */
const FOREIGN_SHARE = 0.01;

/** What to say of documents in languages that the model does not know. */
function foreignTo(
  known: readonly string[],
  languages: Readonly<Record<string, number>>,
  model: string,
): string | undefined {
  if (known.length === 0) return undefined;
  const foreign = Object.entries(languages).filter(
    ([language, share]) => language !== 'und' && !known.includes(language) && share >= FOREIGN_SHARE,
  );
  if (foreign.length === 0) return undefined;
  const shares = foreign.map(([language, share]) => `${Math.round(share * 100)} % ${language}`).join(', ');
  return (
    `Documents in languages that ${model} was not trained on (${known.join(', ')}): ${shares}. They are found by their words, ` +
    'hardly by their meaning: reindex with a model that knows them.'
  );
}

/** Ready when every store answers and every live generation follows its log. */
export async function readiness({ storage, consumers, checkStores }: StatusParts): Promise<Readiness> {
  const checks: Readiness['checks'] = await checkStores();
  if (Object.values(checks).some(({ ok }) => !ok)) return { ready: false, checks };
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
