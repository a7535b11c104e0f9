import type { Command } from 'commander';
import type { Ending } from '../command.js';
import { addCommand } from '../command.js';
import type { Host } from '../host.js';
import { count, printable, size } from '../output.js';
import type { Progress } from '../progress.js';
import { ModelProgress } from '../target.js';

export function restore(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'restore <dir>',
    summary: 'make a data directory of a backup, and check it',
    description:
      'Into the data directory that --data or the configuration names; it must not exist or be empty. Every file is checked ' +
      'by its hash, changes that came while the backup was made are applied, then everything is verified. Exit code 1 when ' +
      'problems were found.',
    examples: ['restore /var/backups/footnote --data /srv/footnote'],
    flags: (command) => command.option('--backup <name>', 'which one (default: the newest)'),
    async run(run, [directory], flags) {
      const { config } = await run.config();
      const { restoreBackup } = await import('../../engine.js');
      const models = new ModelProgress(host);
      const shown = new Map<string, Progress>();
      const labels = { files: 'Copying', changes: 'Applying' } as const;
      try {
        const name = flags['backup'] as string | undefined;
        const report = await restoreBackup(
          config,
          {
            from: run.path(directory as string),
            ...(name === undefined ? {} : { backup: name }),
            signal: run.signal,
            onProgress: (step, done, total) => {
              let progress = shown.get(step);
              if (!progress) shown.set(step, (progress = run.progress(labels[step], 'files')));
              progress.update(done, total);
            },
          },
          { onModelProgress: models.show, tokenizerPaths: true },
        );
        const problems = Object.values(report.collections).reduce((sum, each) => sum + each.problems, 0);
        if (problems > 0) run.fail();
        if (run.json) return await run.out.json({ ok: problems === 0, ...report });
        await run.out.line(
          `Backup ${report.name} is in ${run.shown(report.data)}: ${count(report.files, 'file')}, ${size(report.bytes)}.`,
        );
        for (const [collection, checked] of Object.entries(report.collections)) {
          const verdict =
            checked.problems === 0 ? run.out.paint.green('ok') : run.out.paint.red(count(checked.problems, 'problem'));
          await run.out.line(
            `${printable(collection)}: ${verdict} (${count(checked.documents, 'document')}, ${count(checked.chunks, 'chunk')})`,
          );
        }
        if (problems > 0)
          await run.out.line(
            'footnote verify names the problems; restore another backup, or ingest those documents again.',
          );
      } finally {
        for (const progress of shown.values()) progress.stop();
        models.stop();
      }
    },
  });
}
