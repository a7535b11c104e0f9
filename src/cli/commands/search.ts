import type { Command } from 'commander';
import { SearchManySchema, SearchSchema } from '../../core/schemas/query.js';
import type { SearchHit, SearchResult } from '../../core/schemas/query.js';
import type { Ending, Run } from '../command.js';
import { addCommand } from '../command.js';
import { asCount, collectionsFlag, given, modeFlag, parseJsonFlag, request } from '../flags.js';
import type { Host } from '../host.js';
import { excerpt, printable } from '../output.js';

export function search(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'search <query>',
    summary: 'find passages',
    examples: [
      'search "how do I turn the key?" --collection handbook --limit 5',
      `search "torque" --collection handbook --filter '{"eq": ["metadata.year", 2024]}'`,
    ],
    flags: (command) =>
      collectionsFlag(command)
        .option('--limit <n>', 'how many hits (default: 10)', asCount(1, 1000))
        .addOption(modeFlag())
        .option('--filter <json>', 'which documents may answer'),
    async run(run, [query], flags) {
      const collections = flags['collection'] as string[];
      const asked = {
        ...given({ limit: flags['limit'], mode: flags['mode'] }),
        ...(flags['filter'] === undefined ? {} : { filter: parseJsonFlag(flags['filter'] as string, '--filter') }),
      };
      const result = await run.on(async ({ surface, caller }) => {
        if (collections.length === 1) {
          return surface.search(caller, collections[0]!, request(SearchSchema, { ...asked, query }), run.signal);
        }
        const body = request(SearchManySchema, { ...asked, collections, queries: [query] });
        return (await surface.searchMany(caller, body, run.signal)).results[0]!;
      });
      if (run.json) await run.out.json(result);
      else await print(run, result);
    },
  });
}

interface Found extends Pick<SearchResult, 'timings'> {
  readonly hits: readonly (SearchHit & { readonly collection?: string })[];
}

async function print({ out }: Run, { hits, timings }: Found): Promise<void> {
  for (const [index, hit] of hits.entries()) {
    const { paint } = out;
    const arms = Object.entries(hit.scores).map(([arm, score]) => `${arm} ${score.toFixed(3)}`);
    const place = [
      hit.collection,
      printable(hit.key),
      hit.page === undefined ? undefined : `p. ${hit.page}`,
      hit.headings === undefined || hit.headings.length === 0 ? undefined : printable(hit.headings.join(' > ')),
    ].filter((part) => part !== undefined);
    await out.line(
      `${paint.bold(String(index + 1).padStart(2))}  ${paint.cyan(place.join(' · '))}${hit.stale ? paint.yellow(' (stale)') : ''}`,
    );
    await out.line(`    ${excerpt(hit.text, 240)}`);
    await out.line(paint.dim(`    score ${hit.score.toFixed(3)} (${arms.join(', ')}), document ${hit.documentId}`));
  }
  await out.line(
    out.paint.dim(
      `${hits.length === 0 ? 'Nothing found' : `${hits.length} found`} in ${(timings['total'] ?? 0).toFixed(1)} ms`,
    ),
  );
}
