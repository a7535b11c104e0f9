import { Command, CommanderError } from 'commander';
import { FootnoteError, asFootnoteError } from '../core/errors.js';
import type { Ending } from './command.js';
import { addCommonFlags } from './command.js';
import { backup } from './commands/backup.js';
import { bench } from './commands/bench.js';
import { collections } from './commands/collections.js';
import { connect } from './commands/connect.js';
import { context } from './commands/context.js';
import { deleteCommand } from './commands/delete.js';
import { demo } from './commands/demo.js';
import { doctor } from './commands/doctor.js';
import { dlq } from './commands/dlq.js';
import { evalCommand } from './commands/eval.js';
import { exportCommand } from './commands/export.js';
import { ingest } from './commands/ingest.js';
import { init } from './commands/init.js';
import { keys } from './commands/keys.js';
import { jobs } from './commands/jobs.js';
import { maintain } from './commands/maintain.js';
import { migrate } from './commands/migrate.js';
import { models } from './commands/models.js';
import { openapi } from './commands/openapi.js';
import { parse } from './commands/parse.js';
import { prepare } from './commands/prepare.js';
import { reindex } from './commands/reindex.js';
import { release } from './commands/release.js';
import { restore } from './commands/restore.js';
import { search } from './commands/search.js';
import { serve } from './commands/serve.js';
import { worker } from './commands/worker.js';
import { status } from './commands/status.js';
import { verify } from './commands/verify.js';
import { why } from './commands/why.js';
import type { Host } from './host.js';
import { ReaderGone, UsageError } from './host.js';
import { paintFor } from './output.js';
import { packageVersion } from './version.js';

const ALL = [
  ...[init, doctor, demo, serve, worker, connect, ingest, search, context, why],
  ...[status, collections, deleteCommand, verify, dlq, jobs, reindex, release, keys, exportCommand],
  ...[backup, restore, migrate, prepare, maintain],
  ...[parse, evalCommand, models, openapi, bench],
];

const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** The whole command line; `ending` is told how the command went. */
export function createProgram(host: Host, ending: Ending = { failed: false }): Command {
  const program = new Command('footnote')
    .description('A retrieval engine: ingest documents, search them, pack a cited context to an exact token budget.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help of a command')
    .showHelpAfterError('(--help tells more)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      writeErr: (text) => void host.stderr.write(text),
      getOutHelpWidth: () => host.stdout.columns ?? 100,
      getErrHelpWidth: () => 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  for (const add of ALL) add(program, host, ending);
  // Also before the command's name.
  addCommonFlags(program);
  program.addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage. Start with: footnote demo');
  return program;
}

/** Runs one command line. Never throws, never exits. @returns the exit code */
export async function runProgram(args: readonly string[], host: Host): Promise<number> {
  const ending: Ending = { failed: false };
  try {
    await createProgram(host, ending).parseAsync([...args], { from: 'user' });
    return ending.failed ? EXIT.failed : EXIT.ok;
  } catch (error) {
    if (host.signal.reason instanceof ReaderGone) return EXIT.ok;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    tell(error, host, args.includes('--json'));
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
}

function tell(thrown: unknown, host: Host, json: boolean): void {
  // An aborted wait says only that: the reason is what was meant.
  const aborted = host.signal.aborted && !(thrown instanceof FootnoteError);
  const error = thrown instanceof UsageError ? thrown : asFootnoteError(aborted ? host.signal.reason : thrown);
  const code = error instanceof FootnoteError ? error.code : 'usage';
  if (json) {
    const details = error instanceof FootnoteError && error.details ? { details: error.details } : {};
    host.stderr.write(`${JSON.stringify({ error: { code, message: error.message, ...details } })}\n`);
    return;
  }
  const paint = paintFor(host.stderr, host.env);
  host.stderr.write(`${paint.red('error:')} ${error.message}${code === 'usage' ? '' : ` (${code})`}\n`);
  if (code === 'internal' && error.cause instanceof Error && host.env['FOOTNOTE_DEBUG']) {
    host.stderr.write(`${error.cause.stack ?? ''}\n`);
  }
}
