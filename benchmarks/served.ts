import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { ConfigInput } from '../src/engine.js';
import { builtEntry } from '../src/runtime/entry.js';
import type { Delays, FromServer, ToServer } from './server.js';

/** A server in a process of its own, so that who measures takes nothing from it. */
export interface Served {
  readonly url: string;
  /** How late its event loop was since the last reading. */
  delays(): Promise<Delays>;
  close(): Promise<void>;
  /** Ends it however it is; after `close` there is nothing left to do. */
  kill(): Promise<void>;
}

export async function startServer(config: ConfigInput): Promise<Served> {
  const server = fork(builtEntry(import.meta.url, './server.js'), [], { serialization: 'advanced' });
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  };
  try {
    const { url } = await ask(server, { kind: 'open', config }, 'open');
    return {
      url,
      kill,
      delays: async () => (await ask(server, { kind: 'delay' }, 'delay')).delays,
      close: async () => {
        await ask(server, { kind: 'close' }, 'closed');
      },
    };
  } catch (error) {
    await kill();
    throw error;
  }
}

async function ask<Kind extends FromServer['kind']>(
  server: ChildProcess,
  message: ToServer,
  kind: Kind,
): Promise<Extract<FromServer, { kind: Kind }>> {
  const ended = once(server, 'exit').then(() => {
    throw new Error('The server ended.');
  });
  server.send(message);
  const [said] = (await Promise.race([once(server, 'message'), ended])) as [FromServer];
  if (said.kind !== kind) throw new Error(`The server said ${said.kind}, not ${kind}.`);
  return said as Extract<FromServer, { kind: Kind }>;
}
