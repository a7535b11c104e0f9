import { type ChildProcess, fork } from 'node:child_process';
import { deserialize, serialize } from 'node:v8';
import { asFootnoteError, type ErrorCode, FootnoteError } from '../core/errors.js';
import { residentBytes } from './process-memory.js';
import type { FromChild, ToChild, WireError } from './process-messages.js';

export interface ProcessPoolOptions {
  /** The built entry file; it calls `serveProcess`. */
  readonly entry: string;
  /** Children at most; one is kept warm, the others start when there is work. */
  readonly processes: number;
  /** A job beyond this is killed. Counted from its start, not from its arrival. */
  readonly deadlineMs: number;
  /** Resident bytes of a child beyond which its job is killed. */
  readonly memoryBytes: number;
  /** Serialized bytes of a job's result beyond which it is killed. */
  readonly outputBytes: number;
  /** Jobs waiting at most; more are refused as `overloaded`. */
  readonly queue: number;
  /** A child ends after this many jobs … */
  readonly recycleJobs?: number;
  /** … or when this much stays resident after one. */
  readonly recycleBytes?: number;
}

/** Why a job has no result of its own making. */
export type KillReason = 'timeout' | 'memory' | 'output' | 'crash';

/** Parsing makes much that is soon garbage: a larger nursery and no collector threads save a fifth of its processor time. */
const CHILD_FLAGS = ['--max-semi-space-size=32', '--single-threaded-gc'];

/** The child died or was killed; the pool goes on with another one. */
export class ProcessFailure extends Error {
  override readonly name = 'ProcessFailure';
  constructor(
    readonly reason: KillReason,
    message: string,
  ) {
    super(message);
  }
}

export interface JobOptions {
  readonly signal?: AbortSignal;
  /** Called for each piece of the result, in order. What it throws fails the job. */
  readonly onPiece: (piece: unknown) => void;
}

interface Job {
  readonly id: number;
  readonly request: Uint8Array;
  readonly onPiece: (piece: unknown) => void;
  readonly settle: (error?: Error) => void;
}

interface Child {
  readonly process: ChildProcess;
  ready: boolean;
  jobs: number;
  job: Job | undefined;
  outputBytes: number;
  failure: ProcessFailure | undefined;
  stderr: string;
  timers: NodeJS.Timeout[];
}

const MEMORY_POLL_MS = 50;
const START_MS = 30_000;
const STDERR_BYTES = 4096;
/** Failed starts in a row after which waiting jobs are failed instead of tried again. */
const START_ATTEMPTS = 3;

/**
 * Runs jobs in child processes that can be killed: by deadline, resident memory, size of the result, or abort. A crash
 * costs the job it was running. The parent's event loop only ever handles bounded pieces.
 */
export class ProcessPool {
  readonly #options: ProcessPoolOptions;
  readonly #children = new Set<Child>();
  readonly #waiting: Job[] = [];
  #nextJob = 1;
  #failedStarts = 0;
  #closed = false;
  #drained: (() => void) | undefined;

  constructor(options: ProcessPoolOptions) {
    this.#options = options;
    this.#spawn();
  }

  /** Jobs waiting for a child. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Process ids, for tests and status. */
  get pids(): readonly number[] {
    return [...this.#children].flatMap((child) => child.process.pid ?? []);
  }

  /**
   * Resolves when the last piece was handed over.
   * @throws ProcessFailure; FootnoteError cancelled, overloaded, unavailable, or the one that the job threw
   */
  async run(request: unknown, options: JobOptions): Promise<void> {
    const { signal, onPiece } = options;
    if (this.#closed) throw new FootnoteError('unavailable', 'The process pool is closed.');
    if (signal?.aborted) throw cancelled(signal);
    if (this.#waiting.length >= this.#options.queue) {
      throw new FootnoteError('overloaded', 'Too many documents wait for a process: try again in a moment.', {
        retryAfter: 2,
      });
    }
    const id = this.#nextJob++;
    let abort: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const settle = (error?: Error): void => {
          if (error) reject(error);
          else resolve();
        };
        this.#waiting.push({ id, request: serialize(request), onPiece, settle });
        abort = () => {
          this.#abort(id, cancelled(signal));
        };
        signal?.addEventListener('abort', abort, { once: true });
        this.#dispatch();
      });
    } finally {
      if (abort) signal?.removeEventListener('abort', abort);
    }
  }

  /** Fails what waits or runs, ends the children and waits until they are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    const error = new FootnoteError('cancelled', 'The process pool was closed.');
    for (const job of this.#waiting.splice(0)) job.settle(error);
    if (this.#children.size === 0) return;
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    for (const child of this.#children) {
      this.#finish(child, error);
      // Its exit is waited for: Node would end with the wait unsettled if nothing else kept it alive.
      this.#idle(child, false);
      child.process.kill('SIGKILL');
    }
    await drained;
  }

  #dispatch(): void {
    for (const child of this.#children) {
      if (this.#waiting.length === 0) break;
      if (child.ready && !child.job && !child.failure) this.#start(child, this.#waiting.shift()!);
    }
    const starting = [...this.#children].filter((child) => !child.ready).length;
    if (this.#waiting.length > 0) for (const child of this.#children) this.#idle(child, false);
    const wanted = Math.min(this.#waiting.length - starting, this.#options.processes - this.#children.size);
    for (let i = 0; i < wanted; i += 1) this.#spawn();
  }

  #spawn(): void {
    const heapMb = Math.max(64, Math.floor(this.#options.memoryBytes / 2 ** 20));
    const child: Child = {
      process: fork(this.#options.entry, [], {
        serialization: 'advanced',
        execArgv: [`--max-old-space-size=${heapMb}`, ...CHILD_FLAGS],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        // Nothing of the server's environment reaches a child: no keys, no options.
        env: {},
      }),
      ready: false,
      jobs: 0,
      job: undefined,
      outputBytes: 0,
      failure: undefined,
      stderr: '',
      timers: [],
    };
    this.#children.add(child);
    child.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      child.stderr = (child.stderr + text).slice(-STDERR_BYTES);
    });
    child.timers.push(setTimeout(() => child.process.kill('SIGKILL'), START_MS).unref());
    child.process.on('message', (message: FromChild) => this.#receive(child, message));
    // An exit always follows; the error itself (a failed start or send) is told by it.
    child.process.on('error', (error) => {
      child.stderr = (child.stderr + error.message).slice(-STDERR_BYTES);
      if (child.process.pid === undefined) this.#exited(child, null, null);
    });
    child.process.on('exit', (code, signal) => this.#exited(child, code, signal));
    this.#idle(child, this.#waiting.length === 0);
  }

  #start(child: Child, job: Job): void {
    child.job = job;
    child.jobs += 1;
    child.outputBytes = 0;
    this.#idle(child, false);
    const { deadlineMs, memoryBytes } = this.#options;
    child.timers.push(
      setTimeout(() => this.#kill(child, 'timeout', `no result within ${deadlineMs} ms`), deadlineMs).unref(),
      setInterval(() => {
        this.#memory(child, memoryBytes, job).catch(() => undefined);
      }, MEMORY_POLL_MS).unref(),
    );
    const message: ToChild = { job: job.id, request: job.request };
    child.process.send(message, (error) => {
      if (error) child.process.kill('SIGKILL');
    });
  }

  async #memory(child: Child, limit: number, job: Job): Promise<void> {
    const resident = await residentBytes(child.process.pid!);
    if (resident === undefined || resident <= limit || child.job !== job) return;
    this.#kill(child, 'memory', `${Math.round(resident / 2 ** 20)} MiB resident`);
  }

  #receive(child: Child, message: FromChild): void {
    if (message.kind === 'ready') {
      child.ready = true;
      this.#failedStarts = 0;
      this.#clearTimers(child);
      this.#idle(child, true);
      this.#dispatch();
      return;
    }
    const job = child.job;
    if (!job || job.id !== message.job || child.failure) return;
    if (message.kind === 'failed') this.#finish(child, wireToError(message.error));
    else if (message.kind === 'done') this.#finish(child);
    else {
      child.outputBytes += message.data.byteLength;
      if (child.outputBytes > this.#options.outputBytes) {
        this.#kill(child, 'output', `a result of more than ${this.#options.outputBytes} bytes`);
        return;
      }
      try {
        job.onPiece(deserialize(message.data));
      } catch (error) {
        this.#finish(child, asFootnoteError(error));
        child.process.kill('SIGKILL');
      }
    }
  }

  /** The job is over and the child may take another, or is replaced. */
  #finish(child: Child, error?: Error): void {
    const job = child.job;
    this.#clearTimers(child);
    child.job = undefined;
    job?.settle(error);
    if (this.#closed) return;
    if (child.jobs >= (this.#options.recycleJobs ?? 500)) this.#retire(child);
    else if (job) {
      this.#recycle(child).catch(() => this.#retire(child));
    }
    this.#idle(child, true);
    this.#dispatch();
  }

  async #recycle(child: Child): Promise<void> {
    const limit = this.#options.recycleBytes ?? this.#options.memoryBytes / 2;
    const resident = await residentBytes(child.process.pid!);
    if (resident !== undefined && resident > limit && !child.job) this.#retire(child);
  }

  #retire(child: Child): void {
    child.ready = false;
    child.failure ??= new ProcessFailure('crash', 'retired');
    if (child.process.connected) child.process.disconnect();
  }

  #kill(child: Child, reason: KillReason, message: string): void {
    child.failure ??= new ProcessFailure(reason, message);
    child.process.kill('SIGKILL');
  }

  #abort(id: number, error: FootnoteError): void {
    const index = this.#waiting.findIndex((job) => job.id === id);
    if (index !== -1) {
      this.#waiting.splice(index, 1)[0]!.settle(error);
      return;
    }
    for (const child of this.#children) {
      if (child.job?.id !== id) continue;
      const job = child.job;
      child.job = undefined;
      child.ready = false;
      this.#clearTimers(child);
      child.process.kill('SIGKILL');
      job.settle(error);
    }
  }

  #exited(child: Child, code: number | null, signal: NodeJS.Signals | null): void {
    if (!this.#children.delete(child)) return;
    this.#clearTimers(child);
    const started = child.ready || child.jobs > 0;
    const outOfHeap = /heap out of memory|allocation failed/i.test(child.stderr);
    const how = signal ?? `exit code ${code}`;
    const last = child.stderr.trim().split('\n').slice(-1)[0] ?? '';
    const failure =
      child.failure ??
      new ProcessFailure(outOfHeap ? 'memory' : 'crash', `the process ended with ${how}${last && `: ${last}`}`);
    child.job?.settle(failure);
    child.job = undefined;
    if (this.#closed) {
      if (this.#children.size === 0) this.#drained?.();
      return;
    }
    if (!started) this.#failedStarts += 1;
    if (this.#failedStarts >= START_ATTEMPTS) {
      const error = new FootnoteError(
        'unavailable',
        `Child processes don't start (${this.#options.entry}): ${last || how}.`,
      );
      for (const job of this.#waiting.splice(0)) job.settle(error);
      // The next job tries again.
      this.#failedStarts = 0;
      return;
    }
    if (this.#children.size === 0) this.#spawn();
    this.#dispatch();
  }

  /** An idle child keeps neither the process nor its event loop alive. */
  #idle(child: Child, idle: boolean): void {
    // A child that gets ready while the pool closes is waited for all the same.
    if (idle && this.#closed) return;
    const stderr = child.process.stderr as unknown as { ref?(): void; unref?(): void } | null;
    if (idle) {
      child.process.unref();
      child.process.channel?.unref();
      stderr?.unref?.();
    } else {
      child.process.ref();
      child.process.channel?.ref();
      stderr?.ref?.();
    }
  }

  #clearTimers(child: Child): void {
    for (const timer of child.timers.splice(0)) clearTimeout(timer);
  }
}

function cancelled(signal: AbortSignal | undefined): FootnoteError {
  return new FootnoteError('cancelled', 'The operation was cancelled.', { cause: signal?.reason });
}

function wireToError(error: WireError): Error {
  if (error.code === '') return new ProcessFailure('crash', error.message);
  return new FootnoteError(error.code as ErrorCode, error.message, {
    permanence: error.permanence,
    ...(error.details && { details: error.details }),
  });
}
