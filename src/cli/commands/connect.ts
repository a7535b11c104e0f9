import type { Command } from 'commander';
import { FootnoteError } from '../../core/errors.js';
import type { SourceAction, SourceView } from '../../core/schemas/connectors.js';
import type { SourceAt } from '../../core/surface.js';
import type { Ending, Run } from '../command.js';
import { addCommand } from '../command.js';
import { asCollection, asCount, asSource, given } from '../flags.js';
import { tellHealth } from '../health.js';
import type { Host } from '../host.js';
import { UsageError } from '../host.js';
import { stopped } from '../signals.js';
import { openLocal, openTarget, runningServer } from '../target.js';
import { printPreviews, printSource, printSources } from './connect/print.js';

const ACTIONS: Readonly<Record<SourceAction, { readonly summary: string; readonly description: string }>> = {
  pause: { summary: 'pause a source', description: 'A run that is under way ends; nothing is deleted then.' },
  resume: { summary: 'go on with a paused source', description: 'It is read as its schedule says.' },
  run: {
    summary: 'read a source now',
    description: 'Needs a running `serve` or `connect`; see also `connect --once`.',
  },
  confirm: {
    summary: 'let go what the brake stopped',
    description: 'As many documents as the stopped run told may be deleted with the next run, and no more.',
  },
};

export function connect(program: Command, host: Host, ending: Ending): void {
  const group = addCommand(program, host, ending, {
    usage: 'connect',
    summary: 'keep the configured sources in step until it is stopped',
    description:
      'A running server does so by itself. Sources stand in the configuration, under `sources` or as files of its folder ' +
      '`connectors`. Where all stores are servers, run as many as you like: each keeps its share, and takes over what one ' +
      'that died kept.',
    examples: ['connect', 'connect --once', 'connect --dry-run --collection handbook'],
    flags: (command) =>
      command
        .option('--once', 'read each source once, then end')
        .option('--dry-run', 'tell what would be read and deleted; append nothing')
        .option('--collection <name>', 'sources of this collection only', asCollection)
        .option('--source <name>', 'sources of this name only', asSource)
        .option(
          '--port <n>',
          'serve /healthz, /readyz and /metrics on this port; 0 takes a free one',
          asCount(0, 65535),
        ),
    async run(run, _args, flags) {
      const only = given({
        collection: flags['collection'] as string | undefined,
        source: flags['source'] as string | undefined,
      });
      if (flags['dryRun'] === true) return dryRun(run, only);
      if (flags['once'] !== true && Object.keys(only).length > 0) {
        throw new UsageError('--collection and --source go with --once or --dry-run.');
      }
      await keep(run, only, flags['once'] === true, flags['port'] as number | undefined);
    },
  });
  addCommand(group, host, ending, {
    usage: 'status',
    summary: 'show the sources and how they stand',
    description: 'Exit code 1 when a source failed, or was stopped by its brake.',
    examples: ['status', 'status --json'],
    async run(run) {
      const list = await run.on(({ surface, caller }) => surface.connectors.list(caller, run.signal));
      if (list.sources.some(isBad)) run.fail();
      if (run.json) return run.out.json(list);
      await printSources(run, list);
    },
  });
  for (const [name, words] of Object.entries(ACTIONS)) {
    const action = name as SourceAction;
    addCommand(group, host, ending, {
      usage: action,
      ...words,
      examples: [`${action} handbook docs`],
      flags: (command) =>
        command
          .argument('<collection>', 'the collection', asCollection)
          .argument('<source>', "the source's name", asSource),
      async run(run, [collection, source]) {
        const at = { collection: collection as string, source: source as string };
        const view = await run.on(({ surface, caller }) => surface.connectors.control(caller, at, action, run.signal));
        if (run.json) return run.out.json(view);
        await printSource(run, view);
      },
    });
  }
}

function isBad({ last, stopped: stop }: SourceView): boolean {
  return stop !== undefined || last?.outcome === 'failed';
}

async function keep(run: Run, only: Partial<SourceAt>, once: boolean, port: number | undefined): Promise<void> {
  const { config } = await run.config(once);
  const { isShared } = await import('../../engine.js');
  const server = await runningServer(config.data, run.signal);
  if (server && !isShared(config)) {
    throw new FootnoteError(
      'data_in_use',
      `The server at ${server.address} owns ${run.shown(config.data)} and keeps its sources in step: see footnote connect status.`,
    );
  }
  if (config.sources.length === 0) {
    throw new UsageError(
      'No sources are configured: add some under `sources`, or as files of the folder `connectors`.',
    );
  }
  const engine = await openLocal(run.host, config, once ? 'command' : 'connect');
  try {
    if (once) {
      const views = await engine.connect.once(only, run.signal);
      if (views.some(isBad)) run.fail();
      if (run.json) return await run.out.json({ sources: views });
      for (const view of views) await printSource(run, view);
      return;
    }
    await engine.connect.start();
    await tellHealth(run, engine, config, port);
    const count = config.sources.length;
    if (!run.json) await run.out.line(`Keeping ${count} source${count === 1 ? '' : 's'} in step. Ctrl-C stops it.`);
    await stopped(run.signal);
  } finally {
    await engine.close();
  }
}

async function dryRun(run: Run, only: Partial<SourceAt>): Promise<void> {
  const { config } = await run.config();
  const target = await openTarget(run.host, config);
  try {
    const { surface, caller } = target;
    const { sources } = await surface.connectors.list(caller, run.signal);
    const wanted = sources.filter(
      (each) =>
        (only.collection === undefined || each.collection === only.collection) &&
        (only.source === undefined || each.source === only.source),
    );
    if (wanted.length === 0) throw new UsageError('No such source is configured.');
    for (const { collection, source } of wanted) {
      const at = { collection, source };
      await printPreviews(run, at, surface.connectors.preview(caller, at, run.signal));
    }
  } finally {
    await target.close();
  }
}
