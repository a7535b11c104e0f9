import { createHash } from 'node:crypto';
import type { BuildPorts } from '../../pipelines/reindex.js';
import { buildGeneration } from '../../pipelines/reindex.js';
import { switchRelease } from '../../pipelines/reindex/switch.js';
import type { ConsumerPorts } from '../../pipelines/ingest/consume.js';
import type { Config } from '../core/config.js';
import { FootnoteError, asFootnoteError } from '../core/errors.js';
import type { Generation } from '../core/generation.js';
import type { Job } from '../core/ports/catalog.js';
import type { Clock } from '../core/ports/clock.js';
import type { Reindex } from '../core/schemas/reindex.js';
import type { FaultPoints } from '../runtime/faults.js';
import type { Yielding } from '../runtime/yielding.js';
import type { JobContext, JobHandler } from '../services/jobs.js';
import type { Consumers } from './consumers.js';
import { abandon, releasePorts } from './retiring.js';
import type { Models } from './models.js';
import type { Storage } from './storage.js';

export const REINDEX = 'reindex';

export interface ReindexParts {
  readonly config: Config;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly models: Models;
  readonly consumers: Consumers;
  readonly yielding: Yielding;
  readonly faults: FaultPoints;
  readonly consumerPorts: (generation: Generation) => Promise<ConsumerPorts>;
  /** The languages of its documents are known to the query analyzer. */
  readonly known: (generation: string) => Promise<void>;
}

/** The generation that a job builds: the same again after a crash. */
function generationOf(job: Job): string {
  return `g-${createHash('sha256').update(job.id).digest('hex').slice(0, 12)}`;
}

/** Builds a new generation beside the live one, follows the log with it, and releases it when that was asked for. */
export function reindexHandler(parts: ReindexParts): JobHandler {
  return {
    run: (context) => reindex(parts, context),
    cancelled: (job) => abandon(parts, generationOf(job), 'the job was cancelled'),
  };
}

async function reindex(parts: ReindexParts, context: JobContext): Promise<void> {
  const { job, signal } = context;
  const { catalog } = parts.storage;
  const request = job.detail['request'] as unknown as Reindex;
  const collection = job.collection ?? '';
  const live = await liveOf(parts, job.tenant, collection);
  let target = await catalog.generations.get(generationOf(job));
  if (!target) {
    await create(parts, job, live, request);
    target = (await catalog.generations.get(generationOf(job)))!;
  }
  if (target.state === 'dropped') throw new FootnoteError('cancelled', 'Its generation was dropped.');
  if (target.state === 'building') await buildFromLive(parts, context, live, target);
  const built = (await catalog.generations.get(target.id))!;
  parts.consumers.start(built);
  await parts.known(built.id);
  await parts.consumers.caughtUp(built, signal);
  if (request.switch) {
    await switchRelease(releasePorts(parts), built.id, { signal });
  }
}

async function liveOf({ storage }: ReindexParts, tenant: string, collection: string): Promise<Generation> {
  const { releases, generations } = storage.catalog;
  const release = await releases.current(tenant, collection);
  const live = release && (await generations.get(release.generation));
  if (!live) throw new FootnoteError('collection_not_found', `There is no collection ${collection}.`);
  return live;
}

/** From the next one, should another be released and this one dropped before all of it was read. */
async function buildFromLive(
  parts: ReindexParts,
  context: JobContext,
  first: Generation,
  target: Generation,
): Promise<void> {
  for (let live = first; ;) {
    try {
      await build(parts, context, live, target);
      return;
    } catch (error) {
      const now = await liveOf(parts, target.tenant, target.collection);
      if (asFootnoteError(error).code !== 'conflict' || now.id === live.id) throw error;
      live = now;
    }
  }
}

async function create(parts: ReindexParts, job: Job, live: Generation, request: Reindex): Promise<void> {
  const { model, chunker = {} } = request;
  const changes = Object.entries(chunker).filter((entry): entry is [string, number] => entry[1] !== undefined);
  const spec = await parts.models.newSpec(model ?? Object.values(live.spec.models)[0]!.model, {
    ...kept(live),
    ...Object.fromEntries(changes),
  });
  await parts.storage.catalog.generations.create(
    {
      id: generationOf(job),
      tenant: live.tenant,
      collection: live.collection,
      state: 'building',
      spec,
      createdAt: new Date(parts.clock.now()).toISOString(),
    },
    `job ${job.id}`,
  );
}

/** What the live generation was told to do otherwise stays so. */
function kept({ spec }: Generation): Record<string, number> {
  const { targetTokens, contextTokens } = spec.chunker.options;
  return {
    ...(typeof targetTokens === 'number' ? { targetTokens } : {}),
    ...(typeof contextTokens === 'number' ? { contextTokens } : {}),
  };
}

async function build(parts: ReindexParts, context: JobContext, live: Generation, target: Generation): Promise<void> {
  const { storage, clock, config, yielding } = parts;
  const { documents, generations } = storage.catalog;
  const { signal } = context;
  const counts = await documents.counts(live.tenant, live.collection, live.id);
  const total = counts.live + counts.failed + counts.deleted;
  const { log } = storage;
  const ports: BuildPorts = {
    ...(await parts.consumerPorts(target)),
    documents,
    generations,
    log,
    vectors: storage.vectors,
    deadLetters: log.deadLetters,
  };
  const release = await (await parts.models.of(live)).keepForQueries();
  yielding.begin();
  let done = 0;
  try {
    await buildGeneration(ports, live, target, {
      signal,
      concurrency: config.reindex.concurrency,
      onParseFailure: config.ingest.onParseFailure,
      beforeRow: () => context.gate(),
      async afterRow(ms) {
        done += 1;
        context.progress(done, Math.max(done, total));
        const pause = yielding.pauseAfter(ms);
        if (pause >= 1) await clock.sleep(pause, signal);
      },
    });
  } finally {
    yielding.end();
    release();
  }
}

/** At the start: half-built generations whose job has ended are nobody's. */
export async function abandonOrphans(parts: ReindexParts, generations: readonly Generation[]): Promise<void> {
  const wanted = new Set<string>();
  for (const state of ['queued', 'running', 'paused'] as const) {
    const jobs = await parts.storage.catalog.jobs.list({ kind: REINDEX, state, limit: 1000 });
    for (const job of jobs) wanted.add(generationOf(job));
  }
  for (const { id, state } of generations) {
    if (state !== 'building' || wanted.has(id)) continue;
    // Its job may have finished it since, and ended.
    if ((await parts.storage.catalog.generations.get(id))?.state !== 'building') continue;
    await abandon(parts, id, 'its job has ended');
  }
}
