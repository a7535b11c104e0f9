import type { Command } from 'commander';
import { Option } from 'commander';
import type { JobView } from '../../core/schemas/jobs.js';
import { JobStateSchema } from '../../core/schemas/jobs.js';
import type { Ending, Run } from '../command.js';
import { addCommand, addGroup } from '../command.js';
import { asCount, given } from '../flags.js';
import type { Host } from '../host.js';
import { printable } from '../output.js';

export function jobs(program: Command, host: Host, ending: Ending): void {
  const group = addGroup(program, 'jobs', 'list, show and cancel jobs');
  addCommand(group, host, ending, {
    usage: 'list',
    summary: 'list jobs, newest first',
    examples: ['list --state running'],
    flags: (command) =>
      command
        .addOption(new Option('--state <state>', 'only those in this state').choices(JobStateSchema.options))
        .option('--limit <n>', 'how many (default: 100)', asCount(1, 1000)),
    async run(run, _args, flags) {
      const query = {
        limit: (flags['limit'] as number | undefined) ?? 100,
        ...given({ state: flags['state'] as JobView['state'] | undefined }),
      };
      const result = await run.on(({ surface, caller }) => surface.jobs.list(caller, query, run.signal));
      if (run.json) return run.out.json(result);
      await run.out.table(
        ['ID', 'KIND', 'COLLECTION', 'STATE', 'DONE', 'TOTAL', 'UPDATED'],
        result.jobs.map((job) => [
          job.id,
          job.kind,
          job.collection,
          job.state,
          job.progress.done,
          job.progress.total,
          job.updatedAt,
        ]),
        'No jobs.',
      );
    },
  });
  addCommand(group, host, ending, {
    usage: 'show',
    summary: 'show a job',
    examples: ['show j-7d1c9a52'],
    flags: (command) => command.argument('<id>', 'the job'),
    async run(run, [id]) {
      await print(run, await run.on(({ surface, caller }) => surface.jobs.get(caller, id as string, run.signal)));
    },
  });
  addCommand(group, host, ending, {
    usage: 'cancel',
    summary: 'cancel a job',
    examples: ['cancel j-7d1c9a52'],
    flags: (command) => command.argument('<id>', 'the job'),
    async run(run, [id]) {
      await print(
        run,
        await run.on(({ surface, caller }) => surface.jobs.control(caller, id as string, 'cancel', run.signal)),
      );
    },
  });
}

async function print(run: Run, job: JobView): Promise<void> {
  if (run.json) return run.out.json(job);
  const about = job.collection === undefined ? job.kind : `${job.kind} of ${job.collection}`;
  await run.out.line(`${job.id}: ${about}, ${job.state}, ${job.progress.done} of ${job.progress.total}`);
  if (job.error) await run.out.line(`  ${printable(job.error.message)} (${job.error.code})`);
}
