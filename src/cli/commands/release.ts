import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { FootnoteError } from '../../core/errors.js';
import type { ReleaseView } from '../../core/schemas/operations.js';
import { ReleasePutSchema } from '../../core/schemas/operations.js';
import { ReleaseDiffSchema } from '../../core/schemas/reindex.js';
import type { Ending, Run } from '../command.js';
import { addCommand, addGroup } from '../command.js';
import { asCount, collectionFlag, given, parseJsonFlag, request } from '../flags.js';
import type { Host } from '../host.js';
import { UsageError } from '../host.js';
import { printable } from '../output.js';

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
  addCommand(group, host, ending, {
    usage: 'list',
    summary: 'list releases, the last first',
    examples: ['list --collection handbook'],
    flags: collectionFlag,
    async run(run, _args, flags) {
      const found = await run.on(({ surface, caller }) =>
        surface.generations.releases(caller, flags['collection'] as string, 100, run.signal),
      );
      if (run.json) return run.out.json(found);
      await run.out.table(
        ['RELEASE', 'GENERATION', 'SINCE', ''],
        found.releases.map(({ number, generation, at, served }) => [number, generation, at, served ? 'served' : '']),
        'No releases.',
      );
    },
  });
  addCommand(group, host, ending, {
    usage: 'rollback',
    summary: 'serve what was served before',
    examples: ['rollback --collection handbook'],
    flags: collectionFlag,
    async run(run, _args, flags) {
      const collection = flags['collection'] as string;
      const made = await run.on(async ({ surface, caller }) => {
        const { number, previous } = await surface.release.get(caller, collection, run.signal);
        if (previous === undefined) throw new FootnoteError('conflict', 'There was no release before this one.');
        return surface.release.set(caller, collection, { generation: previous, expected: number }, run.signal);
      });
      await print(run, made);
    },
  });
  addCommand(group, host, ending, {
    usage: 'generations',
    summary: 'list generations: what they are built with and whether they may be released',
    examples: ['generations --collection handbook'],
    flags: collectionFlag,
    async run(run, _args, flags) {
      const found = await run.on(({ surface, caller }) =>
        surface.generations.list(caller, flags['collection'] as string, run.signal),
      );
      if (run.json) return run.out.json(found);
      await run.out.table(
        ['GENERATION', 'STATE', 'DOCUMENTS', 'FAILED', 'CHUNKS', 'LAG', 'MODEL', 'TOKENS', 'READY'],
        found.generations.map((each) => [
          each.id,
          each.served ? `${each.state}, served` : each.state,
          each.documents.live,
          each.documents.failed,
          each.chunks,
          each.lag,
          each.model,
          String(each.chunker['targetTokens'] ?? ''),
          each.notReady ?? 'yes',
        ]),
        'No generations.',
      );
    },
  });
  addCommand(group, host, ending, {
    usage: 'drop',
    summary: 'drop a generation that is not served',
    examples: ['drop g-4f7a21 --collection handbook'],
    flags: (command) => collectionFlag(command.argument('<generation>', 'what to drop')),
    async run(run, [generation], flags) {
      await run.on(({ surface, caller }) =>
        surface.generations.drop(caller, flags['collection'] as string, generation as string, run.signal),
      );
      if (run.json) return run.out.json({ generation, dropped: true });
      await run.out.line(`${generation as string} is dropped.`);
    },
  });
  addCommand(group, host, ending, {
    usage: 'diff',
    summary: 'compare how two generations answer, on a golden set or on recent queries',
    examples: ['diff g-4f7a21 g-90cd12 --collection handbook --queries golden.jsonl'],
    flags: (command) =>
      collectionFlag(command.argument('<a>', 'a generation').argument('<b>', 'another one'))
        .option('--queries <file>', 'JSON lines {query, relevant?}; default: what was asked of the server lately')
        .option('-k, --depth <n>', 'documents that are compared (default: 10)', asCount(1, 100)),
    async run(run, [a, b], flags) {
      const file = flags['queries'] as string | undefined;
      const queries = file === undefined ? undefined : await readQueries(file);
      const body = request(ReleaseDiffSchema, { a, b, ...given({ queries, k: flags['depth'] }) });
      const found = await run.on(({ surface, caller }) =>
        surface.generations.diff(caller, flags['collection'] as string, body, run.signal),
      );
      if (run.json) return run.out.json(found);
      const share = (value: number): string => `${(100 * value).toFixed(1)} %`;
      const { out } = run;
      await out.line(
        `${found.queries} queries: ${share(found.overlap)} of the first ${found.k} documents are the same,`,
      );
      await out.line(`the first one is the same for ${share(found.sameFirst)}.`);
      if (found.judged) {
        const { queries: count, a: of, b: to } = found.judged;
        await out.line(
          `${count} judged: recall ${share(of.recall)} and ${share(to.recall)}, MRR ${of.mrr.toFixed(3)} and ${to.mrr.toFixed(3)}.`,
        );
      }
      for (const { query, overlap, onlyA, onlyB } of found.most) {
        await out.line(`  ${share(overlap)} ${printable(query)}`);
        if (onlyA.length > 0) await out.line(`    only ${found.a}: ${onlyA.map(printable).join(', ')}`);
        if (onlyB.length > 0) await out.line(`    only ${found.b}: ${onlyB.map(printable).join(', ')}`);
      }
    },
  });
}

/** @throws UsageError that names the line */
async function readQueries(file: string): Promise<unknown[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}.`);
  });
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ line, at: `${file}:${index + 1}` }))
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, at }) => parseJsonFlag(line, at));
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
