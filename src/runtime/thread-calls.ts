import { Worker } from 'node:worker_threads';
import { FootnoteError } from '../core/errors.js';
import type { ErrorCode } from '../core/errors.js';

export interface ThreadCallsOptions {
  /** Path of the thread's built entry point; it answers with `answerCalls`. */
  readonly entry: string;
  readonly name: string;
  readonly threads: number;
  readonly workerData: unknown;
  /** Calls waiting for a thread; beyond it: `overloaded`. */
  readonly queue: number;
}

export interface CallMessage {
  readonly request: unknown;
}

export type AnswerMessage =
  { readonly value: unknown } | { readonly error: { readonly code: ErrorCode; readonly message: string } };

interface Call {
  readonly request: unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Slot {
  worker: Worker | undefined;
  call: Call | undefined;
}

/** Calls into worker threads, one call a thread at a time. A thread that dies costs the call it was at; a new one follows. */
export class ThreadCalls<Request, Response> {
  readonly #slots: Slot[];
  readonly #waiting: Call[] = [];
  #closed = false;

  constructor(private readonly options: ThreadCallsOptions) {
    this.#slots = Array.from({ length: options.threads }, () => ({ worker: undefined, call: undefined }));
  }

  /** @throws what the thread's function throws (as FootnoteError), overloaded, cancelled, unavailable when the thread died */
  call(request: Request, signal?: AbortSignal): Promise<Response> {
    return new Promise<Response>((resolve, reject) => {
      if (this.#closed) throw new FootnoteError('unavailable', `The ${this.options.name} threads are closed.`);
      if (signal?.aborted) throw new FootnoteError('cancelled', 'The operation was cancelled.');
      if (this.#waiting.length >= this.options.queue) {
        throw new FootnoteError('overloaded', 'Too much work is waiting: try again in a moment.', { retryAfter: 1 });
      }
      const abort = (): void => {
        // What a thread is already at runs to its end; only its answer is dropped.
        const at = this.#waiting.indexOf(call);
        if (at >= 0) this.#waiting.splice(at, 1);
        call.reject(new FootnoteError('cancelled', 'The operation was cancelled.'));
      };
      // A signal may live as long as the process: what it still listened for would keep every request in memory.
      const ending =
        <T>(end: (value: T) => void) =>
        (value: T): void => {
          signal?.removeEventListener('abort', abort);
          end(value);
        };
      const call: Call = {
        request,
        resolve: ending(resolve as (value: unknown) => void),
        reject: ending(reject),
      };
      this.#waiting.push(call);
      signal?.addEventListener('abort', abort, { once: true });
      this.#pump();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const error = new FootnoteError('unavailable', `The ${this.options.name} threads are closed.`);
    for (const call of this.#waiting.splice(0)) call.reject(error);
    await Promise.all(
      this.#slots.map(async (slot) => {
        slot.call?.reject(error);
        slot.call = undefined;
        await slot.worker?.terminate();
      }),
    );
  }

  #pump(): void {
    for (const slot of this.#slots) {
      if (slot.call || this.#waiting.length === 0) continue;
      slot.call = this.#waiting.shift()!;
      slot.worker ??= this.#start(slot);
      // Whoever waits for an answer keeps the process alive, an idle thread does not.
      slot.worker.ref();
      slot.worker.postMessage({ request: slot.call.request } satisfies CallMessage);
    }
  }

  #start(slot: Slot): Worker {
    const { entry, name, workerData } = this.options;
    const worker = new Worker(entry, { name: `footnote-${name}`, workerData });
    worker.unref();
    worker.on('message', (answer: AnswerMessage) => {
      const call = slot.call;
      slot.call = undefined;
      if ('error' in answer) call?.reject(new FootnoteError(answer.error.code, answer.error.message));
      else call?.resolve(answer.value);
      this.#pump();
      if (!slot.call) worker.unref();
    });
    let cause: unknown;
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', (code) => {
      if (slot.worker !== worker) return;
      slot.worker = undefined;
      const reason = cause instanceof Error ? cause.message : `it ended with code ${code}`;
      slot.call?.reject(
        new FootnoteError('internal', `A ${name} thread died: ${reason}.`, { cause, permanence: 'transient' }),
      );
      slot.call = undefined;
      if (!this.#closed) this.#pump();
    });
    return worker;
  }
}
