import { FootnoteError } from '../../core/errors.js';
import type { Catalog, Job } from '../../core/ports/catalog.js';
import type { JobView } from '../../core/schemas/jobs.js';
import type { EngineSurface } from '../../core/surface.js';
import type { JobRunner } from '../../services/jobs.js';

export function jobSurface(jobs: Catalog['jobs'], runner: JobRunner): EngineSurface['jobs'] {
  const mine = async (tenant: string, id: string): Promise<Job> => {
    const job = await jobs.get(id);
    if (job?.tenant !== tenant) throw new FootnoteError('job_not_found', `There is no job ${id}.`);
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
      return { jobs: found.map(jobView), ...(last && found.length >= query.limit ? { next: last.id } : {}) };
    },
    get: async (caller, id) => jobView(await mine(caller.tenant, id)),
    async control(caller, id, action) {
      await mine(caller.tenant, id);
      return jobView(await runner.control(id, action));
    },
  };
}

export function jobView(job: Job): JobView {
  return {
    id: job.id,
    kind: job.kind,
    ...(job.collection === undefined ? {} : { collection: job.collection }),
    state: job.state,
    progress: { ...job.progress },
    ...(job.error === undefined ? {} : { error: job.error }),
    createdAt: job.createdAt,
    updatedAt: job.updatedAt,
  };
}
