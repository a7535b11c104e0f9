import { FootnoteError } from '../../core/errors.js';
import type { JsonObject } from '../../core/json.js';
import { canonicalJson } from '../../core/json.js';
import type { JobView } from '../../core/schemas/jobs.js';
import type { Backup } from '../../core/schemas/operations.js';
import type { Caller } from '../../core/policy.js';
import type { Jobs } from '../../core/ports/catalog.js';
import type { JobHandler, JobRunner } from '../../services/jobs.js';
import { jobView } from '../surface/jobs.js';
import type { Storage } from '../storage.js';
import { makeBackup } from './make.js';

export const BACKUP = 'backup';

/** Runs again from the start after a crash: what was copied by then is found there. */
export function backupHandler(storage: Storage): JobHandler {
  return {
    async run(context) {
      const { job, signal } = context;
      const { directory, keep } = job.detail['request'] as unknown as Backup;
      const report = await makeBackup(storage, {
        directory,
        ...(keep === undefined ? {} : { keep }),
        signal,
        onProgress: (done, total) => context.progress(done, total),
      });
      await context.detail({ ...job.detail, result: JSON.parse(JSON.stringify(report)) as never });
    },
  };
}

/** One at a time; who asks for the one that is under way (after a crash, say) is given it. @throws conflict */
export async function beginBackup(runner: JobRunner, jobs: Jobs, caller: Caller, request: Backup): Promise<JobView> {
  const wanted = JSON.parse(JSON.stringify(request)) as JsonObject;
  for (const state of ['queued', 'running', 'paused'] as const) {
    const [other] = await jobs.list({ kind: BACKUP, state, limit: 1 });
    if (other && canonicalJson(other.detail['request']) === canonicalJson(wanted)) return jobView(other);
    if (other) throw new FootnoteError('conflict', `Job ${other.id} is making a backup: wait, or cancel it.`);
  }
  return jobView(await runner.create({ tenant: caller.tenant, kind: BACKUP, detail: { request: wanted } }));
}
