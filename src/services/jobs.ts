import { v7 as uuid7 } from 'uuid';
import { FootnoteError, asFootnoteError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { Job, JobState, Jobs } from '../core/ports/catalog.js';
import type { Clock } from '../core/ports/clock.js';

/** What a job's work is given. */
export interface JobContext {
  readonly job: Job;
  /** Aborted when the job is cancelled or the engine closes. */
  readonly signal: AbortSignal;
  /** Waits while the job is paused; call it between steps. @throws FootnoteError cancelled */
  gate(): Promise<void>;
  /** Recorded at most a few times a second. */
  progress(done: number, total: number): void;
  /** Replaces the job's detail, durable on return. */
  detail(detail: JsonObject): Promise<void>;
}

export interface JobHandler {
  /** It must be safe to run again from the start after a crash. */
  run(context: JobContext): Promise<void>;
  /** Takes away what a cancelled job leaves. */
  cancelled?(job: Job): Promise<void>;
}

interface Running {
  readonly job: Job;
  readonly abort: AbortController;
  readonly done: Promise<void>;
  paused: { promise: Promise<void>; open: () => void } | undefined;
}

/** How several processes on one catalog share the jobs. */
export interface JobSharing {
  /** This process. */
  readonly owner: string;
  /** The kinds that it runs; the others are left to other processes. */
  readonly kinds: readonly string[];
}

const ENDED: ReadonlySet<JobState> = new Set(['succeeded', 'failed', 'cancelled']);
const PROGRESS_MS = 250;
/** Before a catalog that is away is asked again. */
const CATALOG_AGAIN_MS = 1000;
/** Jobs adopted at once. */
const ADOPTED = 16;

/**
 * Runs jobs in this process. The catalog's row is the truth; jobs that a crash interrupted are run again at start, or where
 * several processes share a catalog by another of them. Two may run one for a moment: every handler can be run twice.
 */
export class JobRunner {
  readonly #running = new Map<string, Running>();
  readonly #ended = new Map<string, Set<() => void>>();
  #closing = false;

  constructor(
    private readonly jobs: Jobs,
    private readonly clock: Clock,
    private readonly handlers: ReadonlyMap<string, JobHandler>,
    private readonly onFailure: (job: Job, error: FootnoteError) => void,
    private readonly sharing?: JobSharing,
  ) {}

  async create(of: {
    tenant: string;
    kind: string;
    collection?: string;
    detail: JsonObject;
    total?: number;
  }): Promise<Job> {
    const now = this.#now();
    const job: Job = {
      id: uuid7(),
      tenant: of.tenant,
      kind: of.kind,
      ...(of.collection === undefined ? {} : { collection: of.collection }),
      state: 'queued',
      progress: { done: 0, total: of.total ?? 0 },
      detail: of.detail,
      createdAt: now,
      updatedAt: now,
    };
    const mine = this.#runs(job.kind);
    await this.jobs.create(job, mine ? this.sharing?.owner : undefined);
    if (mine) this.#start(job);
    return job;
  }

  /** Starts again what was queued or running when the process ended. */
  async recover(): Promise<number> {
    let count = 0;
    for (const state of ['queued', 'running', 'paused'] as const) {
      for (const job of await this.jobs.list({ state, limit: 10_000 })) {
        if (this.#running.has(job.id) || !this.handlers.has(job.kind)) continue;
        this.#start(job);
        if (state === 'paused') this.#pause(job.id);
        count += 1;
      }
    }
    return count;
  }

  /** To be called every so often where processes share the jobs: takes what is nobody's, and learns what others did. */
  async share(): Promise<void> {
    const { sharing } = this;
    if (!sharing || this.#closing) return;
    for (const job of await this.jobs.adopt(sharing.owner, sharing.kinds, this.clock.now(), ADOPTED)) {
      if (this.#closing || this.#running.has(job.id)) continue;
      this.#start(job);
      if (job.state === 'paused') this.#pause(job.id);
    }
    const watched = new Set([...this.#running.keys(), ...this.#ended.keys()]);
    if (watched.size === 0) return;
    const found = new Map((await this.jobs.many([...watched])).map((job) => [job.id, job]));
    for (const id of watched) {
      const state = found.get(id)?.state;
      if (state === 'paused') this.#pause(id);
      else if (state === 'running') this.#open(id);
      else if (state === undefined || state === 'cancelled') this.#abort(id);
      if (!this.#running.has(id) && (state === undefined || ENDED.has(state))) this.#finish(id);
    }
  }

  /** Resolves when the job has ended, or with what it is when the signal aborts. */
  async wait(id: string, signal?: AbortSignal): Promise<Job> {
    const job = await this.#get(id);
    if (ENDED.has(job.state) || signal?.aborted) return job;
    await new Promise<void>((resolve) => {
      const listeners = this.#ended.get(id) ?? new Set();
      const finish = (): void => {
        listeners.delete(finish);
        resolve();
      };
      this.#ended.set(id, listeners.add(finish));
      signal?.addEventListener('abort', finish, { once: true });
      // Elsewhere it is looked at every so often.
      if (!this.#running.has(id) && (!this.sharing || this.#closing)) finish();
    });
    return this.#get(id);
  }

  async control(id: string, action: 'pause' | 'resume' | 'cancel'): Promise<Job> {
    const job = await this.#get(id);
    const from: Record<typeof action, readonly JobState[]> = {
      pause: ['queued', 'running'],
      resume: ['paused'],
      cancel: ['queued', 'running', 'paused'],
    };
    const to: Record<typeof action, JobState> = { pause: 'paused', resume: 'running', cancel: 'cancelled' };
    const updated = await this.jobs.update(id, from[action], { state: to[action], updatedAt: this.#now() });
    if (!updated) throw new FootnoteError('conflict', `A job that is ${job.state} can't ${action}.`);
    if (action === 'pause') this.#pause(id);
    if (action === 'resume') this.#open(id);
    if (action === 'cancel') this.#abort(id);
    return updated;
  }

  /** Cancels what is under way for a collection that goes away: nothing that it waits for will come. */
  async cancelFor(tenant: string, collection: string): Promise<void> {
    const here = [...this.#running.values()].filter(
      ({ job }) => job.tenant === tenant && job.collection === collection,
    );
    const ids = new Set(here.map(({ job }) => job.id));
    for (const state of this.sharing ? (['queued', 'running', 'paused'] as const) : []) {
      for (const job of await this.jobs.list({ tenant, state, limit: 10_000 })) {
        if (job.collection === collection) ids.add(job.id);
      }
    }
    for (const id of ids) {
      await this.control(id, 'cancel').catch((error: unknown) => {
        // It ended meanwhile.
        if (asFootnoteError(error).code !== 'conflict') throw error;
      });
    }
    await Promise.all(here.map(({ done }) => done));
  }

  /** Stops all work; the jobs stay as they are and go on at the next start. */
  async close(): Promise<void> {
    this.#closing = true;
    const all = [...this.#running.values()];
    for (const running of all) {
      running.abort.abort(new FootnoteError('cancelled', 'The engine is closing.'));
      running.paused?.open();
    }
    await Promise.all(all.map((running) => running.done));
    for (const id of [...this.#ended.keys()]) this.#finish(id);
  }

  #runs(kind: string): boolean {
    return !this.sharing || this.sharing.kinds.includes(kind);
  }

  #start(job: Job): void {
    const abort = new AbortController();
    const running: Running = { job, abort, done: Promise.resolve(), paused: undefined };
    this.#running.set(job.id, running);
    const run = this.#run(job, running).catch((error: unknown) => this.onFailure(job, asFootnoteError(error)));
    (running as { done: Promise<void> }).done = run.finally(() => {
      this.#running.delete(job.id);
      this.#finish(job.id);
    });
  }

  #finish(id: string): void {
    for (const finish of this.#ended.get(id) ?? []) finish();
    this.#ended.delete(id);
  }

  #abort(id: string): void {
    this.#running.get(id)?.abort.abort(new FootnoteError('cancelled', 'The job was cancelled.'));
    this.#open(id);
  }

  async #run(job: Job, running: Running): Promise<void> {
    const { signal } = running.abort;
    let last = 0;
    let latest: { done: number; total: number } = job.progress;
    const writes: Promise<unknown>[] = [];
    const context: JobContext = {
      job,
      signal,
      gate: async () => {
        await running.paused?.promise;
        if (signal.aborted) throw asFootnoteError(signal.reason);
      },
      progress: (done, total) => {
        latest = { done, total };
        const now = this.clock.now();
        if (now - last < PROGRESS_MS) return;
        last = now;
        const written = this.jobs.update(job.id, ['running', 'paused'], { progress: latest, updatedAt: this.#now() });
        // The next one says more.
        writes.push(written.catch(() => undefined));
      },
      detail: async (detail) => {
        await this.jobs.update(job.id, ['running', 'paused'], { detail, updatedAt: this.#now() });
      },
    };
    const end = async (change: Partial<Pick<Job, 'state' | 'error'>>): Promise<void> => {
      await Promise.all(writes);
      await this.#persist(() =>
        this.jobs.update(job.id, ['queued', 'running', 'paused'], {
          ...change,
          progress: latest,
          updatedAt: this.#now(),
        }),
      );
    };
    try {
      const handler = this.handlers.get(job.kind);
      if (!handler) throw new FootnoteError('internal', `No handler for jobs of kind ${job.kind}.`);
      await this.#persist(() => this.jobs.update(job.id, ['queued'], { state: 'running', updatedAt: this.#now() }));
      await context.gate();
      await handler.run(context);
      await end({ state: 'succeeded' });
    } catch (error) {
      if (this.#closing) return;
      const reason = asFootnoteError(error);
      if (!signal.aborted) this.onFailure(job, reason);
      else await this.#tidy(job);
      await end({
        state: signal.aborted ? 'cancelled' : 'failed',
        error: { code: reason.code, message: reason.message },
      });
    }
  }

  /**
   * A catalog that is away, or whose disk is full, is waited for; when this process closes meanwhile, the job is run again
   * at the next start.
   */
  async #persist(write: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await write();
        return;
      } catch (error) {
        if (asFootnoteError(error).permanence !== 'transient') throw error;
        if (this.#closing) return;
        await this.clock.sleep(CATALOG_AGAIN_MS);
      }
    }
  }

  async #tidy(job: Job): Promise<void> {
    try {
      await this.handlers.get(job.kind)?.cancelled?.(job);
    } catch (error) {
      this.onFailure(job, asFootnoteError(error));
    }
  }

  #pause(id: string): void {
    const running = this.#running.get(id);
    if (!running || running.paused) return;
    let open!: () => void;
    const promise = new Promise<void>((resolve) => {
      open = resolve;
    });
    running.paused = { promise, open };
  }

  #open(id: string): void {
    const running = this.#running.get(id);
    running?.paused?.open();
    if (running) running.paused = undefined;
  }

  async #get(id: string): Promise<Job> {
    const job = await this.jobs.get(id);
    if (!job) throw new FootnoteError('job_not_found', `There is no job ${id}.`);
    return job;
  }

  #now(): string {
    return new Date(this.clock.now()).toISOString();
  }
}
