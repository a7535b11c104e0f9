import type { Command } from 'commander';
import type { MarkedCitation } from '../../core/schemas/citations.js';
import { ContextManySchema, ContextSchema } from '../../core/schemas/query.js';
import type { ContextResult } from '../../core/schemas/query.js';
import type { Ending } from '../command.js';
import { addCommand } from '../command.js';
import { asCount, collectionsFlag, given, modeFlag, parseJsonFlag, request } from '../flags.js';
import type { Host } from '../host.js';
import type { Output } from '../output.js';
import { count, duration, excerpt, printable } from '../output.js';

export function context(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'context <query>',
    summary: 'pack cited passages into a token budget',
    examples: ['context "how do I turn the key?" --collection handbook --budget 1024'],
    flags: (command) =>
      collectionsFlag(command)
        .requiredOption('--budget <tokens>', 'most tokens that the context may have', asCount(1, 2_000_000))
        .option('--tokenizer <name>', 'o200k_base, cl100k_base or the path of a tokenizer.json (default: o200k_base)')
        .addOption(modeFlag())
        .option('--filter <json>', 'which documents may answer'),
    async run(run, [query], flags) {
      const tokenizer = flags['tokenizer'] as string | undefined;
      const collections = flags['collection'] as string[];
      const asked = {
        budget: {
          tokens: flags['budget'],
          ...given({ tokenizer: tokenizer && /[\\/]|\.json$/.test(tokenizer) ? run.path(tokenizer) : tokenizer }),
        },
        ...given({ mode: flags['mode'] }),
        ...(flags['filter'] === undefined ? {} : { filter: parseJsonFlag(flags['filter'] as string, '--filter') }),
      };
      const result = await run.on(async ({ surface, caller }) => {
        if (collections.length === 1) {
          return surface.context(caller, collections[0]!, request(ContextSchema, { ...asked, query }), run.signal);
        }
        const body = request(ContextManySchema, { ...asked, collections, queries: [query] });
        return (await surface.contextMany(caller, body, run.signal)).results[0]!;
      });
      if (run.json) await run.out.json(result);
      else await printContext(run.out, result, flags['budget'] as number);
    },
  });
}

type Packed = Omit<ContextResult, 'release'> & { readonly citations: readonly Cited[] };
/** With its collection where several were asked. */
type Cited = MarkedCitation & { readonly collection?: string };

export async function printContext(out: Output, result: Packed, budget: number): Promise<void> {
  const { paint } = out;
  const { citations, explain, tokens, confidence, timings } = result;
  if (citations.length === 0) await out.line('Nothing fits, or nothing was found.');
  else for (const line of result.context.split('\n')) await out.line(printable(line));
  await out.line();
  await out.line(
    paint.dim(
      `${tokens} of ${budget} tokens · ${count(citations.length, 'passage')} of ${count(explain.used.length, 'chunk')}, ` +
        `${explain.dropped.length} left out · confidence ${confidence.toFixed(2)} · ${duration(timings['total'] ?? 0)}`,
    ),
  );
  for (const citation of citations) await printCitation(out, citation);
}

async function printCitation(out: Output, citation: Cited): Promise<void> {
  const { paint } = out;
  const within = citation.collection === undefined ? '' : `${citation.collection} · `;
  const page = citation.page === undefined ? '' : `, page ${citation.page}`;
  await out.line(
    `${paint.bold(citation.marker)} ${paint.cyan(`${within}${printable(citation.title ?? citation.key)}${page}`)}`,
  );
  await out.line(`    key   ${printable(citation.key)}, characters ${citation.span.start} to ${citation.span.end}`);
  await out.line(`    quote ${excerpt(citation.quote, 160)}`);
  for (const line of boxesByPage(citation.boxes ?? [])) await out.line(`    at    ${line}`);
  await out.line(paint.dim(`    id    ${citation.id}`));
}

/** A line a page: the box around what is cited there, in points from the page's top left. */
function boxesByPage(boxes: NonNullable<MarkedCitation['boxes']>): string[] {
  return [...new Set(boxes.map(({ page }) => page))].map((page) => {
    const on = boxes.filter((box) => box.page === page);
    const around = [
      Math.min(...on.map(({ x0 }) => x0)),
      Math.min(...on.map(({ y0 }) => y0)),
      Math.max(...on.map(({ x1 }) => x1)),
      Math.max(...on.map(({ y1 }) => y1)),
    ];
    return `page ${page}, ${count(on.length, 'box', 'boxes')} within [${around.map((value) => value.toFixed(0)).join(' ')}] pt`;
  });
}
