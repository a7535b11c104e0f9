import type { Command } from 'commander';
import type { Ending } from '../command.js';
import { addCommand } from '../command.js';
import { collectionFlag } from '../flags.js';
import type { Host } from '../host.js';

export function exportCommand(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'export',
    summary: 'the canonical dump: a line of JSON a chunk, sorted by id',
    description: 'Equal dumps mean equal indexes, vectors included.',
    examples: ['export --canonical --collection handbook > handbook.jsonl'],
    flags: (command) => collectionFlag(command.requiredOption('--canonical', 'the form of the dump')),
    async run(run, _args, flags) {
      await run.on(async ({ surface, caller }) => {
        for await (const chunk of surface.export(caller, flags['collection'] as string, run.signal)) {
          await run.out.row(chunk);
        }
      });
    },
  });
}
