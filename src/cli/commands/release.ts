import type { Command } from 'commander';
import type { ReleaseView } from '../../core/schemas/operations.js';
import { ReleasePutSchema } from '../../core/schemas/operations.js';
import type { Ending, Run } from '../command.js';
import { addCommand, addGroup } from '../command.js';
import { asCount, collectionFlag, given, request } from '../flags.js';
import type { Host } from '../host.js';

export function release(program: Command, host: Host, ending: Ending): void {
  const group = addGroup(program, 'release', 'what queries of a collection run against');
  addCommand(group, host, ending, {
    usage: 'show',
    summary: 'show the release',
    examples: ['show --collection handbook'],
    flags: collectionFlag,
    async run(run, _args, flags) {
      const found = await run.on(({ surface, caller }) =>
        surface.release.get(caller, flags['collection'] as string, run.signal),
      );
      await print(run, found);
    },
  });
  addCommand(group, host, ending, {
    usage: 'switch',
    summary: 'serve another generation, or a former one again',
    examples: ['switch g-4f7a21 --collection handbook'],
    flags: (command) =>
      collectionFlag(command.argument('<generation>', 'what to serve from now on')).option(
        '--expected <number>',
        'number of the release that is to be replaced',
        asCount(0, Number.MAX_SAFE_INTEGER),
      ),
    async run(run, [generation], flags) {
      const body = request(ReleasePutSchema, { generation, ...given({ expected: flags['expected'] }) });
      const made = await run.on(({ surface, caller }) =>
        surface.release.set(caller, flags['collection'] as string, body, run.signal),
      );
      await print(run, made);
    },
  });
}

async function print(run: Run, found: ReleaseView): Promise<void> {
  if (run.json) return run.out.json(found);
  const { out } = run;
  await out.line(
    `${found.collection}: release ${found.number} serves generation ${found.generation} since ${found.at}`,
  );
  if (found.previous !== undefined) await out.line(`  before it: ${found.previous}`);
  for (const [name, space] of Object.entries(found.spaces)) await out.line(`  space of ${name}: ${space}`);
}
