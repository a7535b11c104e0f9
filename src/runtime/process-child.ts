import { deserialize, serialize } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { setPriority } from 'node:os';
import { FootnoteError } from '../core/errors.js';
import type { FromChild, ToChild, WireError } from './process-messages.js';

/** Below the server's own threads, so that a heavy job doesn't take its time. */
const NICE = 5;

/** Kills a process whose parent is gone, even while its main thread is stuck in a job. */
const WATCHDOG = `
const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 1000);
`;

/**
 * The child's side of a ProcessPool: runs one job at a time and sends what the handler yields, piece by piece. Pieces
 * should stay near 256 KiB, as the parent reads each in one turn of its event loop.
 */
export function serveProcess(handle: (request: unknown) => AsyncIterable<unknown>): void {
  const send = (message: FromChild): Promise<void> =>
    new Promise((resolve, reject) => {
      process.send!(message, (error: Error | null) => (error ? reject(error) : resolve()));
    });
  setPriority(0, NICE);
  new Worker(WATCHDOG, { eval: true, stdout: false }).unref();
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message: ToChild) => {
    const { job } = message;
    const work = async (): Promise<void> => {
      try {
        for await (const piece of handle(deserialize(message.request))) {
          await send({ kind: 'piece', job, data: serialize(piece) });
        }
        await send({ kind: 'done', job });
      } catch (error) {
        await send({ kind: 'failed', job, error: wireError(error) });
      }
    };
    // Nobody is left to tell when sending fails: the pool sees the exit.
    work().catch(() => process.exit(1));
  });
  send({ kind: 'ready' }).catch(() => process.exit(1));
}

function wireError(error: unknown): WireError {
  if (error instanceof FootnoteError) {
    const { code, message, permanence, details } = error;
    return { code, message, permanence, ...(details && { details }) };
  }
  const stack = error instanceof Error && error.stack ? { stack: error.stack.slice(0, 4000) } : {};
  const message = error instanceof Error ? error.message : String(error);
  return { code: '', message: message.slice(0, 1000), permanence: 'permanent', ...stack };
}
