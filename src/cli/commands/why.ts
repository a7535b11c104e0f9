import type { Command } from 'commander';
import { WhySchema } from '../../core/schemas/query.js';
import type { Ending } from '../command.js';
import { addCommand } from '../command.js';
import { asCount, asDocumentId, collectionFlag, given, modeFlag, parseJsonFlag, request } from '../flags.js';
import type { Host } from '../host.js';
import { printable } from '../output.js';

export function why(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'why',
    summary: 'which stage lost a document for a query',
    examples: [
      'why --query "how do I turn the key?" --document 3f0c2f6e-4a3b-5d1c-8e9f-0a1b2c3d4e5f --collection handbook',
    ],
    flags: (command) =>
      collectionFlag(command)
        .requiredOption('--query <text>', 'the query')
        .requiredOption('--document <id>', 'the document that was expected', asDocumentId)
        .option('--limit <n>', 'how many hits were asked for (default: 10)', asCount(1, 1000))
        .addOption(modeFlag())
        .option('--filter <json>', 'the filter that was used')
        .option('--budget <tokens>', 'ask about a context of this budget', asCount(1, 2_000_000))
        .option('--tokenizer <name>', 'the tokenizer of that context (default: o200k_base)'),
    async run(run, _args, flags) {
      const body = request(WhySchema, {
        query: flags['query'],
        documentId: flags['document'],
        ...given({ limit: flags['limit'], mode: flags['mode'] }),
        ...(flags['budget'] === undefined
          ? {}
          : { budget: { tokens: flags['budget'], ...given({ tokenizer: flags['tokenizer'] }) } }),
        ...(flags['filter'] === undefined ? {} : { filter: parseJsonFlag(flags['filter'] as string, '--filter') }),
      });
      const result = await run.on(({ surface, caller }) =>
        surface.why(caller, flags['collection'] as string, body, run.signal),
      );
      if (run.json) return run.out.json(result);
      await run.out.line(
        result.found
          ? `It is ${body.budget ? 'in the context' : 'among the hits'}.`
          : `It was lost at: ${result.lostAt ?? 'unknown'}`,
      );
      await run.out.table(
        ['STAGE', 'PRESENT', 'RANK', 'SCORE', 'DETAIL'],
        result.stages.map((stage) => [
          stage.stage,
          stage.present ? 'yes' : 'no',
          stage.rank,
          stage.score?.toFixed(4),
          stage.detail === undefined ? '' : printable(stage.detail),
        ]),
      );
    },
  });
}
