import type { Command } from 'commander';
import { FootnoteError } from '../../core/errors.js';
import type { JobView } from '../../core/schemas/jobs.js';
import { ReindexSchema } from '../../core/schemas/reindex.js';
import type { Ending, Run } from '../command.js';
import { addCommand } from '../command.js';
import { asCount, collectionFlag, given, request } from '../flags.js';
import type { Host } from '../host.js';
import { createProgress } from '../progress.js';

const LOOK_MS = 300;
const ENDED: readonly JobView['state'][] = ['succeeded', 'failed', 'cancelled'];

export function reindex(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'reindex',
    summary: 'build a new generation beside the live one: other chunks, another model, the installed parsers',
    examples: [
      'reindex --collection handbook --chunk-tokens 128 --switch',
      'reindex --collection handbook --model ./my-model',
    ],
    flags: (command) =>
      collectionFlag(command)
        .option('--chunk-tokens <n>', 'tokens that a cut chunk aims at', asCount(16, 4096))
        .option('--context-tokens <n>', 'most tokens of title and headings', asCount(0, 1024))
        .option('--model <name>', "the embedding model (default: the live generation's)")
        .option('--switch', 'release it as soon as it is ready')
        .option('--no-wait', 'return as soon as the job is there (it needs a running server)'),
    async run(run, _args, flags) {
      const body = request(ReindexSchema, {
        switch: flags['switch'] === true,
        chunker: given({ targetTokens: flags['chunkTokens'], contextTokens: flags['contextTokens'] }),
        ...given({ model: flags['model'] }),
      });
      const job = await run.on(async ({ surface, caller, server }) => {
        const made = await surface.generations.reindex(caller, flags['collection'] as string, body, run.signal);
        if (flags['wait'] === false && server !== undefined) return made;
        const progress = createProgress(host, 'Reindexing', 'files');
        try {
          for (let last = made; ; last = await surface.jobs.get(caller, made.id, run.signal)) {
            progress.update(last.progress.done, last.progress.total);
            if (ENDED.includes(last.state)) return last;
            await pause(run.signal);
          }
        } finally {
          progress.stop();
        }
      });
      await tell(run, job, body.switch);
    },
  });
}

async function tell(run: Run, job: JobView, switched: boolean): Promise<void> {
  if (job.error) throw new FootnoteError(job.error.code as 'internal', job.error.message);
  if (run.json) return run.out.json(job);
  const what = `${job.progress.done} of ${job.progress.total} documents`;
  await run.out.line(`Job ${job.id}: ${job.state}, ${what}.`);
  if (job.state !== 'succeeded') return;
  await run.out.line(
    switched
      ? 'It is served now.'
      : 'See footnote release generations; footnote release switch <generation> serves it.',
  );
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, LOOK_MS);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
