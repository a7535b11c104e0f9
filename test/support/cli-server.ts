import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { CliOptions, CliResult } from './cli.js';
import { endOf, startCli } from './cli.js';

/** `footnote serve` as a process of its own. */
export interface CliServer {
  readonly url: string;
  readonly child: ChildProcess;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<CliResult>;
}

export async function startCliServer(options: CliOptions, ...args: string[]): Promise<CliServer> {
  const child = startCli(['serve', '--json', '--port', '0', ...args], options);
  const ended = endOf(child);
  const first = once(createInterface({ input: child.stdout! }), 'line') as Promise<[string]>;
  const line = await Promise.race([first, ended]);
  if (!Array.isArray(line)) throw new Error(`the server ended: ${line.stderr}`);
  return {
    url: (JSON.parse(line[0]) as { url: string }).url,
    child,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}
