import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServers } from '../../scripts/servers/start.js';

/** Runs once before all suites: starts the servers they need on loopback, and stops them at the end. */
export default async function setup(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'footnote-servers-'));
  // A server that refuses to run as root gets a user of its own, who must reach its folder.
  await chmod(directory, 0o755);
  const started = await startServers(directory);
  for (const { name, reason } of started.missing) console.warn(`${name} is not started: ${reason}`);
  // Inherited by the processes that run the suites.
  Object.assign(process.env, started.environment);
  return async () => {
    await started.stop();
    await rm(directory, { recursive: true, force: true });
  };
}
