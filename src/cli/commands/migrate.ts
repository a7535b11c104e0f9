import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import type { AsideView, CollectionAt, MigrationReport } from '../../engine.js';
import type { Ending, Run } from '../command.js';
import { addCommand } from '../command.js';
import { loadConfig } from '../config.js';
import type { Host } from '../host.js';
import { UsageError } from '../host.js';
import { count, printable } from '../output.js';
import type { Progress } from '../progress.js';
import { ModelProgress } from '../target.js';

const STEPS = { changes: 'Applying', documents: 'Copying', comparing: 'Comparing' } as const;
const STATES = {
  leaving: 'on its way to',
  left: 'moved to',
  arriving: 'on its way here from',
} as const satisfies Record<AsideView['state'], string>;

export function migrate(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'migrate',
    summary: 'move collections to other stores: embedded to servers, back, or to another place',
    description:
      'From the configuration that is used to the one that --to names, with all generations, releases, sources, dead letters and ' +
      'tombstones; vectors are copied, nothing is embedded again. No server may run on either side. Stopped at any point, the ' +
      'same command goes on. The copy is held against its source before it comes into service; the source keeps the ' +
      'collection, out of sight, until --discard. To go back, migrate in the other direction. Without flags it tells what ' +
      'is on its way or was left behind here.',
    examples: [
      'migrate --to servers.yaml --collection handbook',
      'migrate --to servers.yaml',
      'migrate --config servers.yaml --to footnote.yaml',
      'migrate --undo --collection handbook',
      'migrate --discard',
    ],
    flags: (command) =>
      command
        .option('--to <file>', 'configuration of where they go')
        .option('--collection <name>', 'only this one (default: all of all tenants)')
        .option('--tenant <name>', 'whose it is (default: default)')
        .option('--no-keys', 'leave the API keys of the tenants behind')
        .option('--undo', 'put in service again here what has not come into service elsewhere')
        .option('--force', 'with --undo --collection: also what has, as it was when it was moved')
        .option('--discard', 'remove for good what was moved away, and unfinished copies that came here'),
    async run(run, _args, flags) {
      const to = flags['to'] as string | undefined;
      const [undo, discard, force] = ['undo', 'discard', 'force'].map((name) => flags[name] === true);
      if ([to !== undefined, undo, discard].filter(Boolean).length > 1) {
        throw new UsageError('One of --to, --undo and --discard at a time.');
      }
      const only = onlyOf(flags);
      if (force && (!undo || !only)) throw new UsageError('--force goes with --undo --collection NAME.');
      if (to !== undefined) return moveAll(run, host, to, only, flags['keys'] !== false);
      const { config } = await run.config();
      const { listMigrations, undoMigration, discardMigrated } = await import('../../engine.js');
      if (undo) {
        return tell(
          run,
          await undoMigration(config, { only, force: force ?? false }),
          'In service here again',
          'Nothing to undo.',
        );
      }
      if (discard) return tell(run, await discardMigrated(config, { only }), 'Removed', 'Nothing to remove.');
      return tell(run, await listMigrations(config), undefined, 'Everything that is here is in service.');
    },
  });
}

function onlyOf(flags: Record<string, unknown>): CollectionAt | undefined {
  const [collection, tenant] = [flags['collection'], flags['tenant']] as (string | undefined)[];
  if (collection === undefined) {
    if (tenant !== undefined) throw new UsageError('--tenant goes with --collection.');
    return undefined;
  }
  return { tenant: tenant ?? 'default', collection };
}

async function moveAll(run: Run, host: Host, to: string, only: CollectionAt | undefined, keys: boolean): Promise<void> {
  const { config, file } = await run.config();
  // What names the data directory on the command line or in the environment means the source.
  const { FOOTNOTE_DATA: _, ...env } = host.env;
  const target = await loadConfig({ env, cwd: host.cwd }, { config: to });
  const { migrate: move } = await import('../../engine.js');
  const models = new ModelProgress(host);
  let shown: { readonly of: string; readonly progress: Progress } | undefined;
  try {
    const report = await move(
      config,
      { ...target.config, log: { level: 'error' } },
      {
        ...(only === undefined ? {} : { only }),
        keys,
        names: {
          source: run.shown(file ?? config.data),
          target: run.shown(target.file ?? resolve(dirname(to), target.config.data)),
        },
        signal: run.signal,
        onProgress: (step, collection, done, total) => {
          const of = [STEPS[step], printable(collection)].filter(Boolean).join(' ');
          if (shown?.of !== of) {
            shown?.progress.stop();
            shown = { of, progress: run.progress(of, 'files') };
          }
          shown.progress.update(done, total);
        },
      },
      { onModelProgress: models.show, tokenizerPaths: true },
    );
    shown?.progress.stop();
    shown = undefined;
    await print(run, report);
  } finally {
    shown?.progress.stop();
    models.stop();
  }
}

async function print(run: Run, report: MigrationReport): Promise<void> {
  if (run.json) return run.out.json(report);
  if (report.collections.length === 0) return run.out.line('There is nothing to move.');
  for (const { collection, outcome, documents, chunks } of report.collections) {
    const what = outcome === 'there' ? 'was moved before' : run.out.paint.green('moved and compared');
    const size = outcome === 'there' ? '' : ` (${count(documents, 'document')}, ${count(chunks, 'chunk')})`;
    await run.out.line(`${printable(collection)}: ${what}${size}`);
  }
  if (report.keys > 0) await run.out.line(`${count(report.keys, 'API key')} went along.`);
  await run.out.line(
    'Use the other configuration from now on. The copy that stays here goes with: footnote migrate --discard',
  );
}

async function tell(run: Run, found: readonly AsideView[], done: string | undefined, none: string): Promise<void> {
  if (run.json) return run.out.json({ collections: found });
  if (found.length === 0) return run.out.line(none);
  for (const { collection, state, where, since } of found) {
    const what = done ?? `${STATES[state]} ${printable(where)} since ${since}`;
    await run.out.line(`${printable(collection)}: ${what}`);
  }
}
