import type { Command } from 'commander';
import type { Ending } from '../command.js';
import { addCommand } from '../command.js';
import { asCount } from '../flags.js';
import type { Host } from '../host.js';
import { stopped } from '../signals.js';
import { openLocal, runningServer } from '../target.js';
import { FootnoteError } from '../../core/errors.js';

export function serve(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'serve',
    summary: 'run the HTTP API until it is stopped',
    description:
      'One process owns the data directory; other commands find it there (server.json) and talk to it. ' +
      'SIGINT or SIGTERM ends it after what is under way, a second one at once. Where all stores are servers it only ' +
      'answers: run footnote worker and footnote connect beside it, or give --all.',
    examples: ['serve --data ./index --port 7470'],
    flags: (command) =>
      command
        .option('--port <n>', 'port on loopback; 0 takes a free one (default: 7470)', asCount(0, 65535))
        .option('--host <address>', 'loopback address (default: 127.0.0.1)')
        .option('--all', 'apply changes and keep the sources in step, too, where all stores are servers'),
    async run(run, _args, flags) {
      const loaded = await run.config(false);
      const http = {
        ...loaded.config.http,
        ...(flags['port'] === undefined ? {} : { port: flags['port'] as number }),
        ...(flags['host'] === undefined ? {} : { host: flags['host'] as string }),
      };
      const config = { ...loaded.config, http };
      const other = await runningServer(config.data, run.signal);
      if (other)
        throw new FootnoteError(
          'data_in_use',
          `A server at ${other.address} owns ${config.data} already: use that one, stop it, or give another directory (--data).`,
        );
      const engine = await openLocal(host, config, flags['all'] === true ? 'all' : 'serve');
      try {
        const { url } = await engine.serve();
        if (run.json) await run.out.row({ url, data: config.data, pid: process.pid });
        else await tell(run.out, url, run.shown(config.data));
        await stopped(run.signal);
      } finally {
        await engine.close();
      }
    },
  });
}

async function tell(out: { line(text?: string): Promise<void> }, url: string, data: string): Promise<void> {
  await out.line(`Serving ${data} at ${url}`);
  await out.line(`  API reference  ${url}/docs`);
  await out.line(`  Search         curl -s ${url}/v1/collections/NAME/search --json '{"query": "…"}'`);
  await out.line(`  Ingest         footnote ingest FOLDER --collection NAME --data ${data}`);
  await out.line('Ctrl-C stops it.');
}
