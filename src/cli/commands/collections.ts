import type { Command } from 'commander';
import { CollectionPutSchema } from '../../core/schemas/collections.js';
import type { Ending } from '../command.js';
import { addCommand, addGroup } from '../command.js';
import { asCollection, parseJsonFlag, request } from '../flags.js';
import type { Host } from '../host.js';
import { NO_COLLECTIONS } from '../output.js';

export function collections(program: Command, host: Host, ending: Ending): void {
  const group = addGroup(program, 'collections', 'list, create and delete collections');
  addCommand(group, host, ending, {
    usage: 'list',
    summary: 'list collections',
    examples: ['list'],
    async run(run) {
      const result = await run.on(({ surface, caller }) => surface.collections.list(caller, run.signal));
      if (run.json) return run.out.json(result);
      await run.out.table(
        ['NAME', 'PRINCIPALS', 'CREATED'],
        result.collections.map(({ name, defaultPolicy, createdAt }) => [
          name,
          defaultPolicy.principals.join(', '),
          createdAt,
        ]),
        NO_COLLECTIONS,
      );
    },
  });
  addCommand(group, host, ending, {
    usage: 'create',
    summary: 'create a collection, or change the given settings of one',
    examples: ['create handbook', `create handbook --principal staff --settings '{"team": "docs"}'`],
    flags: (command) =>
      command
        .argument('<name>', 'the collection', asCollection)
        .option('--principal <name...>', 'who may read documents that come without a policy (default: local)')
        .option('--settings <json>', 'a JSON object of your own'),
    async run(run, [name], flags) {
      const body = request(CollectionPutSchema, {
        ...(flags['principal'] === undefined ? {} : { defaultPolicy: { principals: flags['principal'] } }),
        ...(flags['settings'] === undefined
          ? {}
          : { settings: parseJsonFlag(flags['settings'] as string, '--settings') }),
      });
      const named = name as string;
      const result = await run.on(({ surface, caller }) => surface.collections.put(caller, named, body, run.signal));
      if (run.json) await run.out.json(result.collection);
      else await run.out.line(`${result.created ? 'Created' : 'Kept'} the collection ${named}.`);
    },
  });
  addCommand(group, host, ending, {
    usage: 'delete',
    summary: 'delete a collection with everything in it',
    examples: ['delete handbook'],
    flags: (command) => command.argument('<name>', 'the collection', asCollection),
    async run(run, [name]) {
      const named = name as string;
      await run.on(({ surface, caller }) => surface.collections.delete(caller, named, run.signal));
      if (run.json) await run.out.json({ deleted: named });
      else await run.out.line(`Deleted the collection ${named}.`);
    },
  });
}
