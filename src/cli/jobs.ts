import { setTimeout as sleep } from 'node:timers/promises';
import type { JobView } from '../core/schemas/jobs.js';
import type { Run } from './command.js';
import type { Target } from './target.js';

const LOOK_MS = 200;
const ENDED: ReadonlySet<JobView['state']> = new Set(['succeeded', 'failed', 'cancelled', 'paused']);

/** Looks at a job until it no longer runs. */
export async function waitForJob(run: Run, { surface, caller }: Target, job: JobView, label: string): Promise<JobView> {
  const progress = run.progress(label, 'steps');
  try {
    let seen = job;
    while (!ENDED.has(seen.state)) {
      await sleep(LOOK_MS, undefined, { signal: run.signal });
      seen = await surface.jobs.get(caller, job.id, run.signal);
      progress.update(seen.progress.done, seen.progress.total);
    }
    return seen;
  } finally {
    progress.stop();
  }
}
