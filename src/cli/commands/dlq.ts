import type { Command } from 'commander';
import { asFootnoteError } from '../../core/errors.js';
import type { DeadLetterView, ReplayResult } from '../../core/schemas/operations.js';
import type { Ending, Run } from '../command.js';
import { addCommand, addGroup } from '../command.js';
import { asCount, collectionFlag } from '../flags.js';
import type { Host } from '../host.js';
import { UsageError } from '../host.js';
import { count, printable, size } from '../output.js';
import type { Target } from '../target.js';

const PAGE = 100;

export function dlq(program: Command, host: Host, ending: Ending): void {
  const group = addGroup(program, 'dlq', 'changes that could not be applied (dead letters)');
  const idOrAll = (command: Command) =>
    collectionFlag(command.argument('[id]', 'the letter').option('--all', 'every letter of the collection'));

  addCommand(group, host, ending, {
    usage: 'list',
    summary: 'list dead letters',
    examples: ['list --collection handbook'],
    flags: (command) => collectionFlag(command).option('--limit <n>', 'how many (default: 1000)', asCount(1, 100_000)),
    async run(run, _args, flags) {
      const limit = (flags['limit'] as number | undefined) ?? 1000;
      const deadLetters = await run.on((target) => letters(run, target, flags['collection'] as string, limit));
      if (run.json) return run.out.json({ deadLetters });
      await run.out.table(
        ['ID', 'KEY', 'CODE', 'ATTEMPTS', 'AT', 'MESSAGE'],
        deadLetters.map((letter) => [
          letter.id,
          letter.key,
          letter.code,
          letter.attempts,
          letter.at,
          printable(letter.message).slice(0, 80),
        ]),
        'No dead letters: every change was applied.',
      );
    },
  });
  addCommand(group, host, ending, {
    usage: 'show',
    summary: 'show a dead letter',
    examples: ['show d-1 --collection handbook'],
    flags: (command) => collectionFlag(command.argument('<id>', 'the letter')),
    async run(run, [id], flags) {
      const letter = await run.on(({ surface, caller }) =>
        surface.dlq.get(caller, flags['collection'] as string, id as string, run.signal),
      );
      if (run.json) await run.out.json(letter);
      else await print(run, letter);
    },
  });
  addCommand(group, host, ending, {
    usage: 'replay',
    summary: 'try it again, at its own version',
    description:
      'A letter whose document has a newer state changes nothing (superseded). Exit code 1 when one failed again.',
    examples: ['replay d-1 --collection handbook', 'replay --all --collection handbook'],
    flags: idOrAll,
    async run(run, [id], flags) {
      const collection = flags['collection'] as string;
      const results = await run.on(async (target) => {
        const done: ReplayResult[] = [];
        for (const letter of await chosen(run, target, collection, id, flags['all'])) {
          const replay = () => target.surface.dlq.replay(target.caller, collection, letter, run.signal);
          done.push((await unlessSettled(flags['all'], replay)) ?? { id: letter, outcome: 'superseded' });
        }
        return done;
      });
      if (results.some(({ outcome }) => outcome === 'failed')) run.fail();
      if (run.json) return run.out.json({ results });
      for (const result of results) {
        const why = result.error ? `: ${printable(result.error.message)} (${result.error.code})` : '';
        await run.out.line(`${result.id}: ${result.outcome}${why}`);
      }
      if (results.length === 0) await run.out.line('There is no dead letter.');
    },
  });
  addCommand(group, host, ending, {
    usage: 'drop',
    summary: 'give it up',
    examples: ['drop d-1 --collection handbook', 'drop --all --collection handbook'],
    flags: idOrAll,
    async run(run, [id], flags) {
      const collection = flags['collection'] as string;
      const dropped = await run.on(async (target) => {
        const done: string[] = [];
        for (const letter of await chosen(run, target, collection, id, flags['all'])) {
          const drop = () => target.surface.dlq.drop(target.caller, collection, letter, run.signal).then(() => letter);
          const gone = await unlessSettled(flags['all'], drop);
          if (gone !== undefined) done.push(gone);
        }
        return done;
      });
      if (run.json) await run.out.json({ dropped });
      else await run.out.line(`Dropped ${count(dropped.length, 'dead letter')}.`);
    },
  });
}

/** Of all letters, one that is gone by now was settled by a newer state of its document: no reason to end. */
async function unlessSettled<T>(all: unknown, run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (all === true && asFootnoteError(error).code === 'not_found') return undefined;
    throw error;
  }
}

/** All ids are read before the first is worked on: the list changes under the work. */
async function chosen(run: Run, target: Target, collection: string, id: unknown, all: unknown): Promise<string[]> {
  if ((id === undefined) === (all !== true)) throw new UsageError('Give the id of a letter, or --all.');
  if (typeof id === 'string') return [id];
  return (await letters(run, target, collection, Number.POSITIVE_INFINITY)).map((letter) => letter.id);
}

async function letters(
  run: Run,
  { surface, caller }: Target,
  collection: string,
  limit: number,
): Promise<DeadLetterView[]> {
  const found: DeadLetterView[] = [];
  let after: string | undefined;
  do {
    const page = { limit: Math.min(PAGE, limit - found.length), ...(after === undefined ? {} : { after }) };
    const result = await surface.dlq.list(caller, collection, page, run.signal);
    found.push(...result.deadLetters);
    after = result.next;
  } while (after !== undefined && found.length < limit);
  return found;
}

async function print({ out }: Run, letter: DeadLetterView): Promise<void> {
  await out.line(`${letter.id}: ${letter.op} of ${printable(letter.key)} (source ${letter.source})`);
  await out.line(`  ${printable(letter.message)} (${letter.code})`);
  await out.line(`  document   ${letter.documentId}`);
  await out.line(`  generation ${letter.generation}, ${count(letter.attempts, 'attempt')}, at ${letter.at}`);
  const { epoch, partition, offset } = letter.position;
  await out.line(`  position   epoch ${epoch}, partition ${partition}, offset ${offset}`);
  if (letter.bytes !== undefined)
    await out.line(`  original   ${size(letter.bytes)}${letter.mime ? `, ${letter.mime}` : ''}`);
}
