import type { Command } from 'commander';
import { FootnoteError } from '../../core/errors.js';
import type { VerifyEvent } from '../../core/schemas/operations.js';
import type { Ending, Run } from '../command.js';
import { addCommand } from '../command.js';
import { asCollection } from '../flags.js';
import type { Host } from '../host.js';
import { count, duration, printable } from '../output.js';
import type { Target } from '../target.js';

type Found = Omit<Extract<VerifyEvent, { type: 'problem' }>, 'type'>;
type Summary = Omit<Extract<VerifyEvent, { type: 'summary' }>, 'type'>;

interface Checked extends Summary {
  readonly found: readonly Found[];
}

/** Problems told one by one in the JSON answer; the rest is counted. */
const MAX_FOUND = 1000;

export function verify(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'verify',
    summary: 'check the laws on the stored data',
    description: 'Exit code 1 when problems are left.',
    examples: ['verify', 'verify --repair --collection handbook'],
    flags: (command) =>
      command
        .option('--repair', 'mend what can be mended')
        .option('--collection <name>', 'this collection only', asCollection),
    async run(run, _args, flags) {
      await run.on(async (target) => {
        const one = flags['collection'] as string | undefined;
        const all = await target.surface.collections.list(target.caller, run.signal);
        const names = one === undefined ? all.collections.map(({ name }) => name) : [one];
        const collections: Record<string, Checked> = {};
        for (const name of names) {
          const checked = await check(run, target, name, flags['repair'] === true);
          collections[name] = checked;
          if (!run.json) await print(run, name, checked);
        }
        const results = Object.values(collections);
        const ok = results.every((result) => result.ok);
        if (!ok) run.fail();
        if (!run.json) return;
        const sum = (of: (result: Checked) => number) => results.reduce((total, result) => total + of(result), 0);
        await run.out.json({
          ok,
          problems: sum((result) => result.problems),
          repaired: sum((result) => result.repaired),
          collections,
        });
      });
    },
  });
}

async function check(run: Run, { surface, caller }: Target, collection: string, repair: boolean): Promise<Checked> {
  const found: Found[] = [];
  const progress = run.progress(`Checking ${collection}`, 'steps');
  try {
    for await (const event of surface.verify(caller, collection, { repair }, run.signal)) {
      if (event.type === 'progress') progress.update(event.done, event.total);
      else if (event.type === 'error') throw new FootnoteError('internal', event.error.message);
      else if (event.type === 'summary') {
        const { type: _, ...summary } = event;
        return { ...summary, found };
      } else if (found.length < MAX_FOUND) {
        const { type: _, ...problem } = event;
        found.push(problem);
      }
    }
  } finally {
    progress.stop();
  }
  throw new FootnoteError('unavailable', `The check of ${collection} ended before it was complete.`);
}

async function print({ out }: Run, name: string, checked: Checked): Promise<void> {
  const { paint } = out;
  const looked = Object.entries(checked.checked).map(([what, n]) => `${n} ${what}`);
  const verdict = checked.ok
    ? paint.green('ok')
    : paint.red(`${count(checked.problems, 'problem')}, ${checked.repaired} repaired`);
  await out.line(`${name}: ${verdict} (${looked.join(', ')}; ${duration(checked.ms)})`);
  for (const problem of checked.found.slice(0, 50)) {
    const about = problem.documentId === undefined ? '' : ` ${problem.documentId}`;
    await out.line(`  ${problem.kind}${about}: ${printable(problem.message)}${problem.repaired ? ' (repaired)' : ''}`);
  }
  if (checked.problems > 50) await out.line(`  … and ${checked.problems - 50} more`);
}
