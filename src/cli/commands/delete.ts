import type { Command } from 'commander';
import { FootnoteError } from '../../core/errors.js';
import type { JobView } from '../../core/schemas/jobs.js';
import type { Ending, Run } from '../command.js';
import { addCommand, stateError } from '../command.js';
import { asDocumentId, asSource, collectionFlag } from '../flags.js';
import type { Host } from '../host.js';
import { UsageError } from '../host.js';
import { waitForJob } from '../jobs.js';
import { count } from '../output.js';
import type { Target } from '../target.js';

const WAIT_MS = 30_000;

export function deleteCommand(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'delete',
    summary: 'delete a document, or all of a source',
    description: 'Returns when it can no longer be found.',
    examples: [
      'delete --collection handbook --document 3f0c2f6e-4a3b-5d1c-8e9f-0a1b2c3d4e5f',
      'delete --collection handbook --source files --key guide/a.md',
      'delete --collection handbook --source files --all',
    ],
    flags: (command) =>
      collectionFlag(command)
        .option('--document <id>', 'by its id', asDocumentId)
        .option('--source <name>', 'by its source …', asSource)
        .option('--key <key>', '… and its key in the source')
        .option('--all', 'everything of the source'),
    async run(run, _args, flags) {
      const what = wanted(flags);
      await run.on((target) => {
        const at = { collection: flags['collection'] as string, ...what };
        return 'all' in at ? deleteSource(run, target, at) : deleteDocument(run, target, at);
      });
    },
  });
}

function wanted(
  flags: Record<string, unknown>,
): { documentId: string } | { source: string; key: string } | { source: string; all: true } {
  const { document, source, key, all } = flags as { document?: string; source?: string; key?: string; all?: boolean };
  if (document !== undefined && source === undefined && key === undefined && !all) return { documentId: document };
  if (document === undefined && source !== undefined) {
    if (key !== undefined && !all) return { source, key };
    if (key === undefined && all) return { source, all };
  }
  throw new UsageError('Give either --document, or --source with --key, or --source with --all.');
}

async function deleteDocument(
  run: Run,
  { surface, caller }: Target,
  at: Parameters<Target['surface']['documents']['delete']>[1],
): Promise<void> {
  const write = await surface.documents.delete(caller, at, { waitMs: WAIT_MS }, run.signal);
  if (write.outcome === 'failed') throw stateError(write.error);
  if (run.json) return run.out.json(write.body);
  const done = write.outcome === 'applied';
  await run.out.line(
    done
      ? `Deleted ${write.body.key} of ${write.body.source}.`
      : `Accepted: ${write.body.key} is hidden, and is removed by job ${write.body.job.id}.`,
  );
}

async function deleteSource(run: Run, target: Target, at: { collection: string; source: string }): Promise<void> {
  const job = await target.surface.documents.deleteSource(target.caller, at, run.signal);
  const ended: JobView = await waitForJob(run, target, job, `Deleting ${at.source}`);
  if (ended.state !== 'succeeded') {
    throw ended.error
      ? stateError(ended.error)
      : new FootnoteError('conflict', `The job ${ended.id} is ${ended.state} and not done.`);
  }
  if (run.json) await run.out.json(ended);
  else await run.out.line(`Deleted everything of ${at.source} (${count(ended.progress.done, 'document')}).`);
}
