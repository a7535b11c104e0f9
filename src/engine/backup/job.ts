import type { Backup } from '../../core/schemas/operations.js';
import type { JobHandler } from '../../services/jobs.js';
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
