import type { Command } from 'commander';
import type { Ending } from '../command.js';
import { addCommand } from '../command.js';
import { asCount } from '../flags.js';
import { tellHealth } from '../health.js';
import type { Host } from '../host.js';
import { stopped } from '../signals.js';
import { openLocal } from '../target.js';

export function worker(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'worker',
    summary: 'apply changes beside other processes, until it is stopped',
    description:
      'For installations whose stores are all servers: run as many as you like, on as many machines; they share the ' +
      'partitions of every log, reindex jobs and maintenance. SIGINT or SIGTERM hands its share over.',
    examples: ['worker --config footnote.yaml', 'worker --port 7471'],
    flags: (command) =>
      command.option(
        '--port <n>',
        'serve /healthz, /readyz and /metrics on this port; 0 takes a free one',
        asCount(0, 65535),
      ),
    async run(run, _args, flags) {
      const { config } = await run.config(false);
      const engine = await openLocal(run.host, config, 'worker');
      try {
        if (run.json) await run.out.row({ worker: true, pid: process.pid });
        else await run.out.line('Applying changes. Ctrl-C stops it.');
        await tellHealth(run, engine, config, flags['port'] as number | undefined);
        await stopped(run.signal);
      } finally {
        await engine.close();
      }
    },
  });
}
