import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SERVERS } from './all.js';
import type { RunningServer, ServerKind } from './server.js';

export interface Started {
  readonly environment: Readonly<Record<string, string>>;
  /** Servers that are not here, with the reason. */
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
  stop(): Promise<void>;
}

/** Starts every server that is not running already and can be started, side by side. All are stopped again when one fails. */
export async function startServers(
  directory: string,
  options: { readonly only?: readonly string[]; readonly onStarted?: (name: string) => void } = {},
): Promise<Started> {
  const wanted = SERVERS.filter(
    (kind) => process.env[kind.variable] === undefined && (options.only?.includes(kind.name) ?? true),
  );
  const running: RunningServer[] = [];
  const missing: { name: string; reason: string }[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(running.splice(0).map((server) => server.stop()));
  };
  const startOne = async (kind: ServerKind): Promise<void> => {
    const reason = await kind.missing();
    if (reason !== undefined) {
      missing.push({ name: kind.name, reason });
      return;
    }
    const own = join(directory, kind.name);
    await mkdir(own, { recursive: true, mode: 0o755 });
    running.push(await kind.start(own));
    options.onStarted?.(kind.name);
  };
  const results = await Promise.allSettled(wanted.map(startOne));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) {
    await stop();
    throw failure.reason;
  }
  return {
    environment: Object.assign({}, ...running.map((server) => server.environment)) as Record<string, string>,
    missing,
    stop,
  };
}
