import { compareGenerations } from '../../../pipelines/query/compare.js';
import type { SearchPorts } from '../../../pipelines/query/search.js';
import { FootnoteError } from '../../core/errors.js';
import type { Generation } from '../../core/generation.js';
import { streamOf } from '../../core/generation.js';
import type { GenerationView } from '../../core/schemas/reindex.js';
import type { EngineSurface } from '../../core/surface.js';
import type { CollectionsService } from '../../services/collections.js';
import type { JobRunner } from '../../services/jobs.js';
import type { RecentQueries } from '../../services/recent-queries.js';
import { REINDEX } from '../reindex.js';
import type { RetiringParts } from '../retiring.js';
import { abandon } from '../retiring.js';
import { jobView } from './jobs.js';

export interface GenerationParts extends RetiringParts {
  readonly collections: CollectionsService;
  readonly jobs: JobRunner;
  readonly queryPorts: SearchPorts;
  readonly recent: RecentQueries;
}

export function generationSurface(parts: GenerationParts): EngineSurface['generations'] {
  const { catalog } = parts.storage;
  const own = async (tenant: string, collection: string, id: string): Promise<Generation> => {
    const found = await catalog.generations.get(id);
    if (found?.tenant === tenant && found.collection === collection && found.state !== 'dropped') return found;
    throw new FootnoteError('not_found', `There is no generation ${id} in ${collection}.`);
  };
  return {
    async list(caller, collection) {
      await parts.collections.get(caller.tenant, collection);
      const served = (await catalog.releases.current(caller.tenant, collection))?.generation;
      const all = (await catalog.generations.list(caller.tenant, collection)).filter(
        ({ state }) => state !== 'dropped',
      );
      return { generations: await Promise.all(all.map((each) => view(parts, each, served))) };
    },
    async reindex(caller, collection, request) {
      await parts.collections.get(caller.tenant, collection);
      for (const state of ['queued', 'running', 'paused'] as const) {
        const running = await catalog.jobs.list({ tenant: caller.tenant, kind: REINDEX, state, limit: 1000 });
        const other = running.find((job) => job.collection === collection);
        if (other)
          throw new FootnoteError('conflict', `Job ${other.id} is reindexing ${collection}: wait or cancel it.`);
      }
      const job = await parts.jobs.create({
        tenant: caller.tenant,
        kind: REINDEX,
        collection,
        detail: { request: JSON.parse(JSON.stringify(request)) as never },
      });
      return jobView(job);
    },
    async drop(caller, collection, id) {
      const { state } = await own(caller.tenant, collection, id);
      if (state === 'live')
        throw new FootnoteError('conflict', `Generation ${id} is served: release another one first.`);
      if (state === 'building') throw new FootnoteError('conflict', `Generation ${id} is being built: cancel its job.`);
      await abandon(parts, id, 'dropped by hand');
    },
    async releases(caller, collection, limit) {
      await parts.collections.get(caller.tenant, collection);
      const current = await catalog.releases.current(caller.tenant, collection);
      const history = await catalog.releases.history(caller.tenant, collection, limit);
      return {
        releases: history.map(({ number, generation, at }) => ({
          number,
          generation,
          at,
          served: number === current?.number,
        })),
      };
    },
    async diff(caller, collection, request, signal) {
      await own(caller.tenant, collection, request.a);
      await own(caller.tenant, collection, request.b);
      const recent = parts.recent.of(caller.tenant, collection).map((query) => ({ query }));
      const queries = request.queries ?? recent;
      if (queries.length === 0) {
        throw new FootnoteError('invalid_request', 'Nothing was asked of this collection lately: give queries.');
      }
      return compareGenerations(parts.queryPorts, caller, collection, { ...request, queries }, signal);
    },
  };
}

/** Lag below which a generation counts as in step, in changes. */
const IN_STEP = 100;

async function view(
  { storage, consumers }: GenerationParts,
  { id, tenant, collection, state, spec, createdAt }: Generation,
  served: string | undefined,
): Promise<GenerationView> {
  const { catalog, log } = storage;
  const lag = await log.lag(streamOf(tenant, collection), id);
  const { live, failed, chunks } = await catalog.documents.counts(tenant, collection, id);
  const error = consumers.problem(id);
  const failing = served === undefined ? 0 : await newlyFailing(storage, id, served);
  const notReady =
    state === 'building' || state === 'draft'
      ? 'it is being built'
      : error
        ? error.message
        : lag > IN_STEP
          ? `it lags by ${lag} changes`
          : failing > 0
            ? `${failing} documents fail that the live generation shows`
            : undefined;
  return {
    id,
    state,
    served: id === served,
    lag,
    documents: { live, failed },
    chunks,
    model: Object.values(spec.models)[0]?.model ?? '',
    chunker: { ...spec.chunker.options },
    ready: notReady === undefined,
    ...(notReady === undefined ? {} : { notReady }),
    createdAt,
    ...(error ? { error: { code: error.code, message: error.message } } : {}),
  };
}

const PAGE = 500;

/** Documents that fail in one generation and do not in the other. */
async function newlyFailing({ catalog }: GenerationParts['storage'], id: string, other: string): Promise<number> {
  if (id === other) return 0;
  let count = 0;
  let after: string | undefined;
  for (;;) {
    const rows = await catalog.documents.list(id, {
      state: 'failed',
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { documentId } of rows) {
      if ((await catalog.documents.get(other, documentId))?.state === 'live') count += 1;
    }
    if (rows.length < PAGE) return count;
    after = rows.at(-1)!.documentId;
  }
}
