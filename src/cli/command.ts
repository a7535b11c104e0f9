import { isAbsolute, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../core/config.js';
import { FootnoteError } from '../core/errors.js';
import type { LoadedConfig } from './config.js';
import { loadConfig } from './config.js';
import type { Host } from './host.js';
import { Output } from './output.js';
import type { Progress } from './progress.js';
import { createProgress } from './progress.js';
import type { Target } from './target.js';
import { openTarget } from './target.js';

/** Flags of every command. */
export interface CommonFlags {
  readonly json?: boolean;
  readonly config?: string;
  readonly data?: string;
}

/** One run of a command: what it may use, and how it ended. */
export class Run {
  readonly out: Output;
  readonly err: Output;
  readonly json: boolean;
  #failed = false;

  constructor(
    readonly host: Host,
    private readonly flags: CommonFlags,
  ) {
    this.out = new Output(host.stdout, host.env, host.signal);
    this.err = new Output(host.stderr, host.env, host.signal);
    this.json = flags.json ?? false;
  }

  get signal(): AbortSignal {
    return this.host.signal;
  }

  /** Exit code 1 without an error: the result says what is wrong. */
  fail(): void {
    this.#failed = true;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** Commands besides `serve` log what goes wrong only, unless the file says otherwise. */
  async config(quiet = true): Promise<LoadedConfig> {
    const loaded = await loadConfig(this.host, this.flags);
    if (!quiet || loaded.logs) return loaded;
    return { ...loaded, config: { ...loaded.config, log: { level: 'error' } } };
  }

  /** Runs against the server that owns the data directory, or an engine that is opened for it. */
  async on<T>(use: (target: Target, config: Config) => Promise<T>): Promise<T> {
    const { config } = await this.config();
    const target = await openTarget(this.host, config);
    try {
      return await use(target, config);
    } catch (error) {
      if (!(error instanceof FootnoteError) || error.code !== 'collection_not_found') throw error;
      // Often it is the directory that is wrong; and a command line is told of commands, not of routes.
      const what = error.message.replace(/\. Create it with .*$|\.$/, '');
      const message = `${what} in ${this.shown(config.data)}. Ingest into it to create it, or name another directory (--data).`;
      throw new FootnoteError(error.code, message, { cause: error });
    } finally {
      await target.close();
    }
  }

  progress(label: string, unit: Parameters<typeof createProgress>[2]): Progress {
    return createProgress(this.host, label, unit);
  }

  /** A path as it was meant: relative to where the command was called. */
  path(given: string): string {
    return resolve(this.host.cwd, given);
  }

  /** A path as it is best told: below the working directory, or whole. */
  shown(path: string): string {
    const below = relative(this.host.cwd, path);
    return below === '' || below.startsWith('..') || isAbsolute(below) ? path : below;
  }
}

export interface CommandSpec {
  /** Its name, with arguments that need no words: `search <query>`. */
  readonly usage: string;
  readonly summary: string;
  readonly description?: string;
  /** What it is called like; without the leading `footnote`. */
  readonly examples: readonly string[];
  /** Adds arguments and flags of its own. */
  readonly flags?: (command: Command) => Command;
  /** `args` are in the order of `usage`, the flags as commander names them. */
  readonly run: (run: Run, args: unknown[], flags: Record<string, unknown>) => Promise<void>;
}

/** Collects what the command's end tells: `main` makes the exit code of it. */
export interface Ending {
  failed: boolean;
}

export function addCommand(parent: Command, host: Host, ending: Ending, spec: CommandSpec): Command {
  const command = parent.command(spec.usage).summary(spec.summary);
  command.description(spec.description === undefined ? spec.summary : `${spec.summary}\n\n${spec.description}`);
  spec.flags?.(command);
  addCommonFlags(command);
  const lead = [...ancestors(parent), ''].join(' ');
  const calls = spec.examples.map((example) => `  $ ${example.startsWith('npm ') ? '' : lead}${example}`);
  command.addHelpText('after', `\n${calls.length === 1 ? 'Example' : 'Examples'}:\n${calls.join('\n')}`);
  command.action(async (...given: unknown[]) => {
    const args = given.slice(0, -2);
    const flags = command.optsWithGlobals<CommonFlags & Record<string, unknown>>();
    const run = new Run(host, flags);
    await spec.run(run, args, flags);
    if (run.failed) ending.failed = true;
  });
  return command;
}

/** A command that only holds others. */
export function addGroup(parent: Command, name: string, summary: string): Command {
  return parent.command(name).summary(summary).description(summary);
}

export function addCommonFlags(command: Command): Command {
  return command
    .option('--json', 'print JSON')
    .option('--config <file>', 'configuration; default: footnote.yaml here, if there is one')
    .option('--data <dir>', 'data directory; default: .footnote here, or what the configuration says');
}

function ancestors(command: Command): string[] {
  return command.parent ? [...ancestors(command.parent), command.name()] : [command.name()];
}

/** Fails with the row's or item's own code. */
export function stateError(error: { code: string; message: string }): FootnoteError {
  return new FootnoteError(error.code as FootnoteError['code'], error.message);
}
