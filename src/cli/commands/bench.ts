import type { Command } from 'commander';
import type { Ending } from '../command.js';
import { addCommand } from '../command.js';
import type { Host } from '../host.js';

const HOW = 'npm run bench';

export function bench(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'bench',
    summary: 'how to run the benchmarks',
    description:
      'They are in the repository, not in the installed package: they compare with peers that users do not need.',
    examples: ['bench'],
    async run(run) {
      if (run.json) return run.out.json({ command: HOW, results: 'benchmarks/results' });
      await run.out.line(`In a clone of the repository: ${HOW}`);
      await run.out.line(
        'Names after `--` choose benchmarks: npm run bench -- NAME. Results go to benchmarks/results.',
      );
    },
  });
}
