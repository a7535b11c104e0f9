import type { Config } from '../core/config.js';
import type { Engine } from '../engine.js';
import type { Run } from './command.js';

/** Serves what supervisors ask of a process that answers no queries, where a port is given, and tells where. */
export async function tellHealth(
  run: Run,
  engine: Pick<Engine, 'serveHealth'>,
  { http }: Config,
  port: number | undefined,
): Promise<void> {
  if (port === undefined) return;
  const { url } = await engine.serveHealth({ host: http.host, port });
  if (run.json) await run.out.row({ url, pid: process.pid });
  else await run.out.line(`Health and metrics at ${url}`);
}
