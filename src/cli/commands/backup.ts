import type { Command } from 'commander';
import { FootnoteError } from '../../core/errors.js';
import { BackupSchema } from '../../core/schemas/operations.js';
import type { Ending } from '../command.js';
import { addCommand } from '../command.js';
import { asCount, given, request } from '../flags.js';
import type { Host } from '../host.js';
import { waitForJob } from '../jobs.js';
import { count, size } from '../output.js';

interface Result {
  readonly name: string;
  readonly files: number;
  readonly bytes: number;
  readonly added: { readonly files: number; readonly bytes: number };
}

export function backup(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'backup <dir>',
    summary: 'copy everything, while it is served',
    description:
      'Into an empty folder, or one of earlier backups: contents that those have are not copied again. The vector cache is ' +
      'left out, it is made again. Configuration and models are not part of the data directory.',
    examples: ['backup /var/backups/footnote --keep 14'],
    flags: (command) => command.option('--keep <n>', 'how many backups stay there (default: all)', asCount(1, 10_000)),
    async run(run, [directory], flags) {
      const body = request(BackupSchema, {
        directory: run.path(directory as string),
        ...given({ keep: flags['keep'] }),
      });
      const job = await run.on(async (target) => {
        const made = await target.surface.backup(target.caller, body, run.signal);
        return waitForJob(run, target, made, 'Copying');
      });
      if (job.error) throw new FootnoteError(job.error.code as 'internal', job.error.message);
      if (job.state !== 'succeeded') throw new FootnoteError('cancelled', `The backup is ${job.state}.`);
      const result = job.result as unknown as Result;
      if (run.json) return run.out.json({ directory: body.directory, ...result });
      const { name, files, bytes, added } = result;
      await run.out.line(`Backup ${name}: ${count(files, 'file')}, ${size(bytes)}; ${size(added.bytes)} of it new.`);
      await run.out.line(`Restore it with: footnote restore ${run.shown(body.directory)} --data <new folder>`);
    },
  });
}
