import type { Command } from 'commander';
import { FootnoteError } from '../../core/errors.js';
import type { Ending } from '../command.js';
import { addCommand } from '../command.js';
import type { Host } from '../host.js';
import { waitForJob } from '../jobs.js';
import { count } from '../output.js';

/** What each count of the job's result is of. */
const LABELS: Readonly<Record<string, string>> = {
  revisions: 'replaced text',
  log: 'applied event',
  letters: 'dead letter',
  tombstones: 'tombstone',
  jobs: 'ended job',
  idempotency: 'idempotency key',
  repaired: 'leftover',
};

export function maintain(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'maintain',
    summary: 'remove what is past its time now, and make tables compact',
    description:
      'What a server does by itself every so often (see "How long things stay" in docs/operations.md): for when nothing is ' +
      'served, or its next round is too late. Replaced versions of tables go a minute after it.',
    examples: ['maintain'],
    flags: (command) => command,
    async run(run) {
      const job = await run.on(async (target) => {
        const begun = await target.surface.maintain(target.caller, run.signal);
        return waitForJob(run, target, begun, 'Maintaining');
      });
      if (job.error) throw new FootnoteError(job.error.code as 'internal', job.error.message);
      if (job.state !== 'succeeded') throw new FootnoteError('cancelled', `The job is ${job.state}.`);
      const result = job.result as unknown as Readonly<Record<string, number>>;
      if (run.json) return run.out.json({ removed: result });
      const told = Object.entries(LABELS).filter(([name]) => (result[name] ?? 0) > 0);
      if (told.length === 0) return run.out.line('Nothing was past its time.');
      await run.out.line(`Removed ${told.map(([name, label]) => count(result[name]!, label)).join(', ')}.`);
    },
  });
}
