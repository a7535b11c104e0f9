import { setMaxListeners } from 'node:events';
import type { ConsumerPorts } from '../../pipelines/ingest/consume.js';
import { consumeGeneration } from '../../pipelines/ingest/consume.js';
import type { ApplyOutcome } from '../../pipelines/ingest/ports.js';
import type { Config } from '../core/config.js';
import { FootnoteError, asFootnoteError } from '../core/errors.js';
import type { Generation } from '../core/generation.js';
import { consumes, streamOf } from '../core/generation.js';
import type { EventLog } from '../core/ports/log.js';
import type { Clock } from '../core/ports/clock.js';
import { type Backoff, backoffMs } from '../runtime/backoff.js';
import type { Logger } from './logger.js';

export interface ConsumersOptions {
  readonly config: Config;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly portsFor: (generation: Generation) => Promise<ConsumerPorts>;
  readonly onOutcome: (generation: Generation, outcome: ApplyOutcome) => void;
  /** Other processes make and drop generations, too: one that is not known here yet is taken up when it is met. */
  readonly shared?: boolean;
  /** Set where this process leaves the work to others: why all of them do not follow a generation, if so. */
  readonly elsewhere?: (generation: string) => FootnoteError | undefined;
}

interface Running {
  readonly generation: Generation;
  readonly abort: AbortController;
  readonly done: Promise<void>;
  problem: FootnoteError | undefined;
  /** Aborted when it follows the log no longer, with the reason. */
  readonly stopped: AbortController;
}

const LOOK_MS = 20;
/** Between tries to follow a log that can't be reached. */
const BACKOFF: Backoff = { baseMs: 500, capMs: 10_000 };
/** Who followed for so long was not at fault at the beginning. */
const LONG_ENOUGH_MS = 60_000;

/** Runs one consumer a generation, or keeps count of the generations that other processes consume for. */
export class Consumers {
  readonly #running = new Map<string, Running>();

  constructor(private readonly options: ConsumersOptions) {}

  start(generation: Generation): void {
    if (this.#running.has(generation.id) || !consumes(generation.state)) return;
    const abort = new AbortController();
    // Every delivery in flight listens.
    setMaxListeners(0, abort.signal);
    const stopped = new AbortController();
    setMaxListeners(0, stopped.signal);
    const running: Running = { generation, abort, done: Promise.resolve(), problem: undefined, stopped };
    (running as { done: Promise<void> }).done = this.#run(running);
    this.#running.set(generation.id, running);
  }

  /** Stops all consumers of a collection and waits for what is under way. */
  async stop(tenant: string, collection: string): Promise<void> {
    const mine = [...this.#running.values()].filter(
      ({ generation }) => generation.tenant === tenant && generation.collection === collection,
    );
    await Promise.all(mine.map((running) => this.#stop(running)));
  }

  /** Stops the consumer of one generation, if it has one, and waits for what is under way. */
  async stopOne(generation: string): Promise<void> {
    const running = this.#running.get(generation);
    if (running) await this.#stop(running);
  }

  /** Follows what is to be followed now, and nothing else: where other processes make, release and drop generations. */
  reconcile(wanted: readonly Generation[]): void {
    const ids = new Set(wanted.map(({ id }) => id));
    for (const id of this.#running.keys()) {
      if (!ids.has(id)) void this.stopOne(id);
    }
    for (const generation of wanted) this.start(generation);
  }

  /** Why generations are not followed here, by generation: for the others to know. */
  problems(): Record<string, { readonly code: string; readonly message: string }> {
    const told = [...this.#running].flatMap(([id, { problem }]) =>
      problem ? [[id, { code: problem.code, message: problem.message }] as const] : [],
    );
    return Object.fromEntries(told);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((running) => this.#stop(running)));
  }

  /** Why a generation does not follow the log, if it does not: for good, or for now. */
  problem(generation: string): FootnoteError | undefined {
    return this.#running.get(generation)?.problem ?? this.options.elsewhere?.(generation);
  }

  /** Aborts when the generation stops following its log: what waits for it to apply something waits for nothing then. */
  stopped(generation: Generation): AbortSignal {
    if (this.options.shared) this.start(generation);
    return this.#running.get(generation.id)?.stopped.signal ?? AbortSignal.abort(gone(generation.id));
  }

  /** Waits until the generation has committed what stands in the log now. @throws its problem, cancelled */
  async caughtUp(generation: Generation, signal: AbortSignal): Promise<void> {
    const stream = streamOf(generation.tenant, generation.collection);
    for (;;) {
      if ((await this.options.log.lag(stream, generation.id)) === 0) return;
      const problem = this.problem(generation.id);
      if (problem && !passes(problem)) throw problem;
      await this.options.clock.sleep(LOOK_MS, signal);
    }
  }

  async lag(): Promise<number> {
    let sum = 0;
    for (const { generation } of this.#running.values()) {
      sum += await this.options.log.lag(streamOf(generation.tenant, generation.collection), generation.id);
    }
    return sum;
  }

  /** The same, for whoever waits for all of it. @throws the problem of a generation that follows its log no longer */
  async pending(): Promise<number> {
    let sum = 0;
    for (const { generation, stopped, problem } of this.#running.values()) {
      const lag = await this.options.log.lag(streamOf(generation.tenant, generation.collection), generation.id);
      if (lag > 0 && problem && stopped.signal.aborted) throw problem;
      sum += lag;
    }
    return sum;
  }

  async #stop(running: Running): Promise<void> {
    running.abort.abort();
    running.stopped.abort(gone(running.generation.id));
    await running.done;
    this.#running.delete(running.generation.id);
  }

  /** Follows the log until it is stopped. Whatever may pass is waited for; what does not stops the generation. */
  async #run(running: Running): Promise<void> {
    if (this.options.elsewhere) return;
    const { clock, logger } = this.options;
    const { generation, abort } = running;
    const about = { collection: generation.collection, generation: generation.id };
    for (let attempt = 1; ; attempt += 1) {
      const began = clock.now();
      try {
        await this.#follow(running);
        return;
      } catch (error) {
        if (abort.signal.aborted) return;
        const problem = asFootnoteError(error);
        const { code, message: reason } = problem;
        running.problem = problem;
        if (!passes(problem)) {
          running.stopped.abort(problem);
          logger.error({ ...about, code, reason }, 'generation stopped');
          return;
        }
        if (clock.now() - began > LONG_ENOUGH_MS) attempt = 1;
        logger.warn({ ...about, attempt, code, reason }, 'generation waits');
        await clock.sleep(backoffMs(attempt, BACKOFF, Math.random), abort.signal).catch(() => undefined);
        if (abort.signal.aborted) return;
      }
    }
  }

  async #follow(running: Running): Promise<void> {
    const { config, logger, onOutcome } = this.options;
    const { generation, abort } = running;
    const about = { collection: generation.collection, generation: generation.id };
    const ports = await this.options.portsFor(generation);
    await consumeGeneration(ports, generation, {
      signal: abort.signal,
      maxInFlight: config.ingest.maxInFlight,
      maxInFlightBytes: config.ingest.maxInFlightBytes,
      onParseFailure: config.ingest.onParseFailure,
      onOutcome: (outcome) => {
        running.problem = undefined;
        if (outcome.error)
          logger.warn({ ...about, documentId: outcome.documentId, code: outcome.error.code }, 'document failed');
        onOutcome(generation, outcome);
      },
      onRetry: ({ documentId, attempt, afterMs, error }) =>
        logger.warn(
          { ...about, documentId, attempt, afterMs, code: error.code, reason: error.message },
          'trying again',
        ),
    });
  }
}

/** A server that is away comes back; everything else wants somebody to do something. */
function passes({ code }: FootnoteError): boolean {
  return code === 'unavailable';
}

function gone(generation: string): FootnoteError {
  return new FootnoteError(
    'unavailable',
    `Generation ${generation} follows its log no longer: its collection was deleted, or the engine is closing.`,
  );
}
