import type { ConsumerPorts } from '../../pipelines/ingest/consume.js';
import { createOutboxPublisher } from '../../pipelines/ingest/outbox.js';
import { buildContext, buildContexts } from '../../pipelines/query/context.js';
import { QueryVectors } from '../../pipelines/query/query-vectors.js';
import type { RankedDocument } from '../../pipelines/query/search.js';
import { rankDocuments, search, searchMany } from '../../pipelines/query/search.js';
import { ParsedTexts } from '../../pipelines/query/texts.js';
import { verifyCitations } from '../../pipelines/query/verify-citations.js';
import { why } from '../../pipelines/query/why.js';
import { sweepCache } from '../../pipelines/verify/cache.js';
import { HEALTH, createApi } from '../api/app.js';
import { newAdminToken, removeServerFile, writeServerFile } from '../api/server-file.js';
import { startServer } from '../api/server.js';
import type { Config, ConfigInput } from '../core/config.js';
import { parseConfig } from '../core/config.js';
import { asFootnoteError } from '../core/errors.js';
import type { Generation } from '../core/generation.js';
import type { Caller } from '../core/policy.js';
import { mayUse } from '../core/policy.js';
import type { Embedder, TokenCounter } from '../core/ports/models.js';
import type { Search } from '../core/schemas/query.js';
import type { SourceView } from '../core/schemas/connectors.js';
import type { EngineSurface, SourceAt } from '../core/surface.js';
import type { PullProgress } from '../adapters/models/store.js';
import { connectOnce, createConnect, removeOldFolders } from './connect.js';
import { BACKUP } from './backup/job.js';
import { Consumers } from './consumers.js';
import { MAINTAIN, jobHandlers } from './jobs.js';
import { Languages } from './languages.js';
import type { ReindexParts } from './reindex.js';
import { retained } from './retention.js';
import { tidyGenerations } from './tidy.js';
import { dropRetired } from './retiring.js';
import { beginSingle } from './single-job.js';
import { createLogger } from './logger.js';
import { maintainNow, runMaintenance } from './maintenance.js';
import { Models, TEXT_VECTOR } from './models.js';
import { createParsing } from './parsing.js';
import { checkStores } from './reachable.js';
import { Served } from './served.js';
import { configuredSources } from './sources.js';
import { checkRole, DUTIES, hasConsumers, keepsSources, problemOfAll, type Role } from './roles.js';
import { openStorage, type Storage } from './storage.js';
import { documentSurface } from './surface/documents.js';
import { generationSurface } from './surface/generations.js';
import { jobSurface } from './surface/jobs.js';
import type { IngestChanges, OperationParts } from './surface/operations.js';
import { collectionSurface, ingestChanges, operationSurface, verifyCollection } from './surface/operations.js';
import { readiness, status } from './surface/status.js';
import { isTaken, takenByOne } from './sole.js';
import { createFleet, followOthers, quietly } from './together.js';
import { packageVersion } from './version.js';
import { systemClock } from '../runtime/clock.js';
import type { ContextManyResult, SearchManyResult } from '../core/schemas/query.js';
import type { FaultPoints } from '../runtime/faults.js';
import { noFaults } from '../runtime/faults.js';
import { Yielding } from '../runtime/yielding.js';
import { RecentQueries } from '../services/recent-queries.js';
import { createTelemetry } from '../runtime/telemetry.js';
import { Applied } from '../services/applied.js';
import { CollectionsService } from '../services/collections.js';
import { DocumentReads } from '../services/document-reads.js';
import { DocumentWrites } from '../services/documents.js';
import { KeysService } from '../services/keys.js';
import { JobRunner } from '../services/jobs.js';
import type { ListedItem } from '../services/listing.js';
import { deleteListed } from '../services/listing.js';
import { analyzeQuery } from '../stages/analyze.js';
import { requireKnownTerms } from '../stages/analyze/known.js';

export interface EngineOptions {
  readonly onModelProgress?: (progress: PullProgress) => void;
  /**
   * What this process is there for, among others on the same servers; on stores of its own it does everything. Default
   * `all`; `command`: to answer, and to apply changes, too, when nobody else is there for it.
   */
  readonly role?: Role | 'command';
  /** Where tests make the process die; see runtime/faults.ts. */
  readonly faults?: FaultPoints;
  /** Another process has taken over the servers that this engine works on; it has closed itself. */
  readonly onLost?: () => void;
  /** Whether a request may name a tokenizer.json by its path: for commands of the machine's own user. */
  readonly tokenizerPaths?: boolean;
}

export interface RunningServer {
  /** `http://127.0.0.1:7470` */
  readonly url: string;
  close(): Promise<void>;
}

/** A running engine that owns its data directory. */
export interface VerifyCounts {
  readonly documents: number;
  readonly chunks: number;
  readonly problems: number;
}

export interface Engine {
  readonly config: Config;
  readonly surface: EngineSurface;
  /** The local user: tenant `default`, principal `local`. */
  readonly caller: Caller;
  /** Ingests from any listing, as `surface.ingest` does from paths. */
  ingestChanges(changes: IngestChanges, signal: AbortSignal): ReturnType<EngineSurface['ingest']>;
  /** Documents by their best chunk, nothing folded: for evaluation. */
  rankDocuments(collection: string, request: Search, signal: AbortSignal): Promise<RankedDocument[]>;
  /** The model that new collections are built with. */
  embedder(): Promise<Embedder>;
  counter(tokenizer: string): Promise<TokenCounter>;
  /** Keeps the configured sources in step until it is closed, as `serve` does; or once, until it is searchable. */
  readonly connect: {
    start(): Promise<void>;
    once(only: Partial<SourceAt>, signal: AbortSignal): Promise<SourceView[]>;
  };
  /** Changes that were accepted and are not applied yet, of all tenants. @throws why a generation can't apply them */
  pending(): Promise<number>;
  /** Checks every collection of every tenant; by `tenant/collection`. Nothing is repaired. */
  verifyAll(signal: AbortSignal): Promise<Record<string, VerifyCounts>>;
  /** Serves only what supervisors and monitoring ask for: health, readiness, metrics. Once. */
  serveHealth(address: { readonly host: string; readonly port: number }): Promise<RunningServer>;
  /** Serves the HTTP API and leaves `server.json` in the data directory. Once. */
  serve(): Promise<RunningServer>;
  /** Finishes what is under way within bounds, then closes everything. Idempotent. */
  close(): Promise<void>;
}

/** How long a publisher waits for another one, which publishes the same. */
const OUTBOX_WAIT_MS = 10_000;

export const LOCAL: Caller = { tenant: 'default', principals: ['local'] };

/**
 * Opens the embedded engine on its data directory and starts applying what its log holds.
 * @throws FootnoteError invalid_config, data_in_use, data_newer, data_corrupt, read_only, disk_full, log_mismatch
 */
export async function openEngine(input: ConfigInput = {}, options: EngineOptions = {}): Promise<Engine> {
  const config = parseConfig(input);
  checkRole(config, options.role ?? 'all');
  const sources = configuredSources(config.sources);
  const clock = systemClock;
  const faults = options.faults ?? noFaults;
  const logger = createLogger(config);
  const startedAt = new Date(clock.now()).toISOString();
  const version = packageVersion();
  let server: Promise<RunningServer> | undefined;
  let closing: Promise<void> | undefined;
  const onLost = (): void => {
    logger.error('another process works on this catalog: this engine closes');
    void close().finally(() => options.onLost?.());
  };
  const storage = await openStorage(config, logger, { onLost, among: true });
  const { catalog, log, blobs, cache, vectors } = storage;
  const role = await roleOf(options.role ?? 'all', storage);
  const duties = DUTIES[role];
  const telemetry = createTelemetry();
  const failed =
    (what: string) =>
    (error: unknown): void => {
      const { code, message } = asFootnoteError(error);
      logger.warn({ code, reason: message }, what);
    };
  const languages = new Languages(catalog.documents, () => clock.now(), failed('languages not read'));
  const models = new Models({
    config,
    telemetry,
    tokenizerPaths: options.tokenizerPaths ?? false,
    onProgress: options.onModelProgress,
  });
  const parsing = createParsing(config);
  let keeping = false;
  const others = {
    storage,
    clock,
    version,
    consumers: () => consumers,
    keepsSources: () => keeping,
    onFailure: failed('other processes not seen'),
  };
  const fleet = createFleet(others, role);
  const applied = new Applied(catalog.documents, fleet && clock);
  const embedded = new Map<string, number>();

  const served = new Served(catalog.releases, clock);
  const consumerPorts = async (generation: Generation): Promise<ConsumerPorts> => {
    requireKnownTerms(generation);
    const { embedder, preparing } = await models.of(generation);
    return {
      ...catalog,
      blobs,
      parsing,
      preparing,
      embedders: { [TEXT_VECTOR]: embedder },
      vectors,
      cache,
      deadLetters: log.deadLetters,
      log,
      clock,
      faults,
      telemetry: {
        ...telemetry,
        searchable: (seconds) => served.when(generation, () => telemetry.searchable(seconds)),
      },
    };
  };
  const consumers = new Consumers({
    config,
    log,
    clock,
    logger,
    portsFor: consumerPorts,
    shared: fleet !== undefined,
    ...(duties.consumes || !fleet ? {} : { elsewhere: (id: string) => problemOfAll(fleet.alive, id) }),
    onOutcome: (_generation, outcome) => {
      embedded.set(outcome.documentId, outcome.embedded);
      if (embedded.size > 10_000) embedded.delete(embedded.keys().next().value!);
      applied.notify(outcome.documentId).catch(failed('notice not given'));
    },
  });
  const collections = new CollectionsService({
    catalog,
    log,
    vectors,
    blobs,
    cache,
    clock,
    newSpec: () => models.newSpec(),
    start: async (generation) => consumers.start(generation),
    async stop(tenant, collection) {
      await consumers.stop(tenant, collection);
      await jobs.cancelFor(tenant, collection);
    },
  });
  const outbox = createOutboxPublisher({
    heads: catalog.heads,
    log,
    faults,
    clock,
    ...(fleet
      ? { alone: async (signal, work) => void (await fleet.alone('outbox', OUTBOX_WAIT_MS, signal, work)) }
      : {}),
  });
  const writes = new DocumentWrites({ catalog, blobs, clock, faults, onDecided: () => outbox.wake() });
  const reads = new DocumentReads({ catalog, blobs, vectors });
  const listingPorts = { catalog, log, blobs, parsing, clock, faults };
  const connect = createConnect({
    config,
    sources,
    storage,
    listing: listingPorts,
    collections,
    logger,
    ...(fleet
      ? {
          sharing: {
            owns: (name) => fleet.owns(JSON.stringify(name), keepsSources),
            kept: () => fleet.alive.some(keepsSources),
          },
        }
      : {}),
  });
  const deleteFrom = async (
    of: { tenant: string; collection: string; source: string; connector: string; key?: string },
    signal: AbortSignal,
  ): Promise<ListedItem[]> => {
    const collection = await collections.get(of.tenant, of.collection);
    const items: ListedItem[] = [];
    await deleteListed(listingPorts, { ...of, collection, signal, fromTheBeginning: true }, (item) => items.push(item));
    return items;
  };
  const yielding = new Yielding(config.reindex.searchP95Ratio, () => performance.now());
  const recent = new RecentQueries();
  const reindexParts: ReindexParts = {
    config,
    storage,
    clock,
    models,
    consumers,
    yielding,
    faults,
    consumerPorts,
    known: (generation) => languages.read(generation),
  };
  const jobs = new JobRunner(
    catalog.jobs,
    clock,
    jobHandlers({
      catalog,
      applied,
      writes,
      reindex: reindexParts,
      deleteListed: deleteFrom,
      maintain: (signal, afterStep) => maintainNow(maintenance, signal, afterStep),
    }),
    (job, error) => logger.warn({ job: job.id, kind: job.kind, code: error.code, reason: error.message }, 'job failed'),
    fleet && { owner: fleet.id, kinds: duties.jobs },
  );
  const queryPorts = {
    catalog,
    vectors,
    analysis: { analyzeQuery: (query: string, generation: string) => analyzeQuery(query, languages.of(generation)) },
    embedderFor: async (generation: Generation) => (await models.of(generation)).embedder,
    queryVectors: new QueryVectors(config.search.queryCacheEntries),
    telemetry,
    candidates: config.search.candidates,
    texts: new ParsedTexts({ catalog, blobs }, config.search.textCacheBytes),
    counter: (name: string) => models.counter(name),
  };
  const parts: OperationParts = {
    config,
    storage,
    clock,
    collections,
    consumers,
    ingestPorts: { ...listingPorts, applied, embedded: (id) => embedded.get(id) ?? 0 },
    consumerPorts,
    faults,
    replays: { count: 0 },
    quietly: (collection, signal, work) => quietly(fleet, collection, signal, work),
  };
  const maintenance = {
    storage,
    retained: retained({ storage, config, clock, replaying: () => parts.replays.count, quietly: parts.quietly }),
    dropRetired: () => dropRetired(reindexParts),
    tidy: () => tidyGenerations({ reindex: reindexParts, collections }),
    ...(fleet ? { fleet } : {}),
    async repair(signal: AbortSignal): Promise<number> {
      let sum = await sweepCache({ heads: catalog.heads, cache }, signal);
      for (const each of await catalog.collections.list()) {
        const { found, repaired } = await verifyCollection(parts, each, true, signal);
        if (found > 0) logger.warn({ collection: each.name, found, repaired }, 'verify found problems');
        sum += repaired;
      }
      return sum;
    },
  };
  const keys = new KeysService(catalog.keys, clock);
  const languagesOf = (generation: Generation) => models.languagesOf(generation);
  const checked = () => checkStores(config, storage);
  const statusParts = { checkStores: checked, fleet, storage, consumers, version, startedAt, languagesOf };
  const asked = async <T>(caller: Caller, collection: string, query: string, run: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const answer = await explained(caller, [collection], run());
    yielding.searched(performance.now() - began);
    recent.note(caller.tenant, collection, query);
    return answer;
  };
  const askedMany = async <T extends SearchManyResult | ContextManyResult>(
    caller: Caller,
    names: readonly string[],
    answering: Promise<T>,
  ): Promise<T> => {
    const answer = await explained(caller, names, answering);
    for (const { query, timings } of answer.results) {
      yielding.searched(timings['total'] ?? 0);
      for (const name of names) recent.note(caller.tenant, name, query);
    }
    return answer;
  };
  /** A query finds no release of what is out of sight: whoever may use it is told so. */
  const explained = async <T>(caller: Caller, names: readonly string[], answering: Promise<T>): Promise<T> => {
    try {
      return await answering;
    } catch (error) {
      if (asFootnoteError(error).code !== 'collection_not_found') throw error;
      for (const name of names) if (mayUse(caller, name)) await collections.get(caller.tenant, name);
      throw error;
    }
  };
  const surface: EngineSurface = {
    collections: collectionSurface(parts),
    documents: documentSurface({
      catalog,
      writes,
      reads,
      applied,
      jobs,
      now: () => clock.now(),
      maxBytes: config.http.documentBytes,
      deleteListed: deleteFrom,
    }),
    search: (caller, collection, request, signal) =>
      asked(caller, collection, request.query, () => search(queryPorts, caller, collection, request, signal)),
    context: (caller, collection, request, signal) =>
      asked(caller, collection, request.query, () => buildContext(queryPorts, caller, collection, request, signal)),
    searchMany: (caller, request, signal) =>
      askedMany(caller, request.collections, searchMany(queryPorts, caller, request, signal)),
    contextMany: (caller, request, signal) =>
      askedMany(caller, request.collections, buildContexts(queryPorts, caller, request, signal)),
    why: (caller, collection, request, signal) =>
      explained(caller, [collection], why(queryPorts, caller, collection, request, signal)),
    citations: {
      async verify(caller, collection, request) {
        await collections.get(caller.tenant, collection);
        return verifyCitations({ catalog, texts: queryPorts.texts }, caller, collection, request);
      },
    },
    jobs: jobSurface(catalog.jobs, jobs),
    generations: generationSurface({ ...reindexParts, collections, jobs, queryPorts, recent }),
    keys: {
      create: (caller, request, anyTenant) => keys.create(caller, request, anyTenant),
      list: (caller, anyTenant) => keys.list(caller, anyTenant),
      revoke: (caller, id, anyTenant) => keys.revoke(caller, id, anyTenant),
    },
    connectors: {
      list: (caller) => connect.list(caller),
      control: (caller, at, action) => connect.control(caller, at, action),
      preview: (caller, at, signal) => connect.preview(caller, at, signal),
    },
    backup: (caller, request) =>
      beginSingle(jobs, catalog.jobs, caller, { kind: BACKUP, request, busy: 'making a backup' }),
    maintain: (caller) => beginSingle(jobs, catalog.jobs, caller, { kind: MAINTAIN, request: {}, busy: 'at it' }),
    status: (caller) => status(statusParts, caller),
    ...operationSurface(parts),
    ready: () => readiness(statusParts),
    metrics: () => telemetry.expose(),
  };

  telemetry.gauge('lag', () => consumers.lag());
  telemetry.gauge('stores_away', async () => Object.values(await checked()).filter(({ ok }) => !ok).length);
  telemetry.gauge('embed_queue', () => models.queued());
  telemetry.gauge('parse_queue', () => parsing.waiting);

  const stop = new AbortController();
  const background: Promise<void>[] = [];
  try {
    await fleet?.beat();
    if (fleet && (await isTaken(catalog.leases, clock))) throw takenByOne();
    // Beside others one of them does it, now and every so often.
    await (fleet ? fleet.alone('tidy', 0, stop.signal, () => maintenance.tidy()) : maintenance.tidy());
    for (const generation of await catalog.generations.consuming()) {
      consumers.start(generation);
      await languages.read(generation.id);
    }
    for (const { tenant, name, defaultPolicy } of config.collections) {
      try {
        await collections.put(tenant, name, { defaultPolicy });
      } catch (error) {
        // The others are served all the same.
        const { code, message } = asFootnoteError(error);
        if (code !== 'collection_moved') throw error;
        logger.warn({ collection: name, code, reason: message }, 'configured collection is not here');
      }
    }
    background.push(outbox.run(stop.signal, failed('outbox waits')));
    if (duties.maintains) background.push(runMaintenance({ ...maintenance, clock, logger }, stop.signal));
    if (fleet) background.push(followOthers({ ...others, fleet, consumers, jobs }, stop.signal));
    else await jobs.recover();
  } catch (error) {
    await closeAll();
    throw error;
  }

  async function closeAll(): Promise<void> {
    await connect.close();
    await jobs.close();
    await consumers.close();
    stop.abort();
    await Promise.all(background);
    await parsing.close();
    await models.close();
    telemetry.close();
    await storage.close();
  }

  function close(): Promise<void> {
    closing ??= (async () => {
      await (await server?.catch(() => undefined))?.close();
      await closeAll();
    })();
    return closing;
  }

  const keepSources = async (): Promise<void> => {
    await removeOldFolders(storage.directory, sources);
    keeping = true;
    await fleet?.beat();
    connect.start();
  };
  const serve = async (): Promise<RunningServer> => {
    const adminToken = newAdminToken();
    const { http } = config;
    const api = createApi(surface, { ...http, logger, telemetry, version, adminToken, keys });
    const running = await startServer(api, { ...http, keyed: await keys.required() });
    await writeServerFile(config.data, { address: running.address, token: adminToken, pid: process.pid, startedAt });
    if (role === 'all') await keepSources();
    logger.info({ address: running.address }, 'serving');
    return {
      url: running.address,
      async close() {
        await removeServerFile(config.data, adminToken);
        await running.close();
      },
    };
  };
  const serveHealth = async (address: { host: string; port: number }): Promise<RunningServer> => {
    const http = { ...config.http, ...address };
    const api = createApi(surface, { ...http, logger, telemetry, version, keys, only: HEALTH });
    const running = await startServer(api, { ...http, keyed: true });
    return { url: running.address, close: () => running.close() };
  };
  return {
    config,
    surface,
    caller: LOCAL,
    rankDocuments: (collection, request, signal) => rankDocuments(queryPorts, LOCAL, collection, request, signal),
    embedder: async () => (await models.for(config.embedding.model)).embedder,
    counter: (name) => models.counter(name),
    ingestChanges: (changes, signal) => ingestChanges(parts, LOCAL, changes, signal),
    connect: { start: keepSources, once: (only, signal) => connectOnce({ connect, storage, consumers }, only, signal) },
    pending: async () => (await consumers.pending()) + (await catalog.heads.outbox(1)).length,
    async verifyAll(signal) {
      const counts: Record<string, VerifyCounts> = {};
      for (const each of await catalog.collections.list()) {
        const { documents, chunks, found } = await verifyCollection(parts, each, false, signal);
        counts[`${each.tenant}/${each.name}`] = { documents, chunks, problems: found };
      }
      return counts;
    },
    serve: () => (server ??= serve()),
    serveHealth: (address) => (server ??= serveHealth(address)),
    close,
  };
}

async function roleOf(wanted: Role | 'command', { shared, catalog }: Storage): Promise<Role> {
  if (!shared) return 'all';
  if (wanted !== 'command') return wanted;
  return hasConsumers(await catalog.processes.list(systemClock.now())) ? 'serve' : 'all';
}
