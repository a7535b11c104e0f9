import type { Command } from 'commander';
import type { Ending } from '../command.js';
import { addCommand } from '../command.js';
import type { Host } from '../host.js';

export function prepare(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'prepare',
    summary: 'make what the stores need, or bring it up to date, and end',
    description:
      "The catalog's tables, the log's topics and the formats of all stores: what a starting server does as well. For " +
      'deployments that do it once, before their processes start; running it again changes nothing. Applies no change and ' +
      'loads no model.',
    examples: ['prepare --config footnote.yaml', 'prepare --create-bucket'],
    flags: (command) => command.option('--create-bucket', 'make the S3 bucket of the blobs, too, where it is missing'),
    async run(run, _args, flags) {
      const { config } = await run.config();
      const { prepareStores } = await import('../../engine.js');
      const prepared = await prepareStores(config, { createBucket: flags['createBucket'] === true });
      if (run.json) return run.out.json(prepared);
      if (prepared.bucketMade) await run.out.line('The bucket was made.');
      const told = Object.entries(prepared.stores).map(([name, kind]) => `${name} (${kind})`);
      await run.out.line(`Ready: ${told.join(', ')}.`);
    },
  });
}
