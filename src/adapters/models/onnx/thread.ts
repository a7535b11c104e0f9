import { Worker } from 'node:worker_threads';
import { FootnoteError } from '../../../core/errors.js';
import type { FromWorker, ToWorker, WorkerSetup } from './messages.js';

export interface ThreadEvents {
  embedded(message: Extract<FromWorker, { type: 'embedded' }>): void;
  counted(message: Extract<FromWorker, { type: 'counted' }>): void;
  /** The thread ended by itself. Called once, never after `close`. */
  died(reason: FootnoteError): void;
}

/** One embedding thread from the outside. */
export interface Thread {
  readonly runtime: string;
  send(message: ToWorker): void;
  close(): Promise<void>;
}

/** Starts a thread and waits until its model is loaded. @throws FootnoteError what loading threw, or `unavailable` */
export function startThread(entry: string, setup: WorkerSetup, events: ThreadEvents): Promise<Thread> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(entry, { workerData: setup, name: 'footnote-embed' });
    let state: 'starting' | 'ready' | 'closing' | 'ended' = 'starting';
    const ended = new Promise<void>((done) => worker.once('exit', () => done()));
    const end = (cause: unknown, what: string) => {
      const before = state;
      state = 'ended';
      const error = new FootnoteError('unavailable', `The embedding thread ${what}; try again.`, { cause });
      if (before === 'starting') reject(error);
      if (before === 'ready') events.died(error);
    };
    worker.on('error', (error) => end(error, `died: ${error instanceof Error ? error.message : String(error)}`));
    worker.on('exit', (code) => end(undefined, `ended with code ${code}`));
    worker.on('message', (message: FromWorker) => {
      switch (message.type) {
        case 'failed':
          state = 'ended';
          reject(new FootnoteError(message.error.code, message.error.message));
          return;
        case 'ready':
          state = 'ready';
          resolve({
            runtime: message.runtime,
            send: (out) => worker.postMessage(out),
            async close() {
              if (state === 'ready') {
                state = 'closing';
                worker.postMessage({ type: 'close' } satisfies ToWorker);
              }
              await ended;
            },
          });
          return;
        case 'embedded':
          events.embedded(message);
          return;
        case 'counted':
          events.counted(message);
          return;
      }
    });
  });
}
