import { FootnoteError } from '../../core/errors.js';
import type { Caller } from '../../core/policy.js';
import { mayUse } from '../../core/policy.js';
import type { Catalog, Job } from '../../core/ports/catalog.js';
import type { JsonObject } from '../../core/json.js';
import type { JobView } from '../../core/schemas/jobs.js';
import type { EngineSurface } from '../../core/surface.js';
import type { JobRunner } from '../../services/jobs.js';

export function jobSurface(jobs: Catalog['jobs'], runner: JobRunner): EngineSurface['jobs'] {
  const mine = async (caller: Caller, id: string): Promise<Job> => {
    const job = await jobs.get(id);
    if (!job || !concerns(caller, job)) throw new FootnoteError('job_not_found', `There is no job ${id}.`);
    return job;
  };
  return {
    async list(caller, query) {
      const found = await jobs.list({
        tenant: caller.tenant,
        limit: query.limit,
        ...(query.kind === undefined ? {} : { kind: query.kind }),
        ...(query.state === undefined ? {} : { state: query.state }),
        ...(query.after === undefined ? {} : { after: query.after }),
      });
      const last = found.at(-1);
      const shown = found.filter((job) => concerns(caller, job));
      return { jobs: shown.map(jobView), ...(last && found.length >= query.limit ? { next: last.id } : {}) };
    },
    get: async (caller, id) => jobView(await mine(caller, id)),
    async control(caller, id, action) {
      await mine(caller, id);
      return jobView(await runner.control(id, action));
    },
  };
}

function concerns(caller: Caller, { tenant, collection }: Job): boolean {
  return tenant === caller.tenant && (collection === undefined || mayUse(caller, collection));
}

export function jobView(job: Job): JobView {
  return {
    id: job.id,
    kind: job.kind,
    ...(job.collection === undefined ? {} : { collection: job.collection }),
    state: job.state,
    progress: { ...job.progress },
    ...(job.error === undefined ? {} : { error: job.error }),
    ...(job.detail['result'] === undefined ? {} : { result: job.detail['result'] as JsonObject }),
    createdAt: job.createdAt,
    updatedAt: job.updatedAt,
  };
}
