import { type FootnoteError, asFootnoteError } from '../../src/core/errors.js';
import type { Generation } from '../../src/core/generation.js';
import { streamOf } from '../../src/core/generation.js';
import { documentId } from '../../src/core/ids.js';
import type { Clock } from '../../src/core/ports/clock.js';
import type { Delivery, EventLog } from '../../src/core/ports/log.js';
import { type Backoff, backoffMs } from '../../src/runtime/backoff.js';
import { KeyedQueue } from '../../src/runtime/keyed-queue.js';
import { applyChange } from '../ingest.js';
import { requireBuild } from './embed.js';
import type { ApplyOptions, ApplyOutcome, IngestPorts } from './ports.js';

export interface ConsumerPorts extends IngestPorts {
  readonly log: Pick<EventLog, 'consume'>;
  readonly clock: Clock;
}

export interface RetryNotice {
  readonly documentId: string;
  readonly attempt: number;
  readonly afterMs: number;
  readonly error: FootnoteError;
}

export interface ConsumerOptions extends Omit<ApplyOptions, 'signal' | 'finalAttempt'> {
  readonly signal: AbortSignal;
  readonly maxInFlight: number;
  readonly maxInFlightBytes: number;
  /** The consumer group; the generation's id unless told otherwise. */
  readonly group?: string;
  readonly backoff?: Backoff;
  /** In [0, 1): the jitter. */
  readonly random?: () => number;
  /** After the change was acknowledged. */
  readonly onOutcome?: (outcome: ApplyOutcome, delivery: Delivery) => void;
  readonly onRetry?: (notice: RetryNotice) => void;
}

/** An unexplained error is taken as the document's own fault after this many attempts. */
const INTERNAL_ATTEMPTS = 8;
const BACKOFF: Backoff = { baseMs: 250, capMs: 30_000 };

/**
 * Applies a generation's events from the log until the signal aborts, then waits for what is under way to stop. Events of
 * one document go one after another, documents side by side within the log's bounds on unacknowledged deliveries.
 *
 * A transient error holds its document (and its place in the bounds) and is tried again here, with backoff: handing the
 * event back to the log would let the document's next event pass it, and if that one can't be parsed, the good state
 * between would never be shown. Nothing thrown is ever acknowledged; disk_full and unavailable wait as long as it takes.
 *
 * @throws build_mismatch when this process runs another model build than the generation's
 */
export async function consumeGeneration(
  ports: ConsumerPorts,
  generation: Generation,
  options: ConsumerOptions,
): Promise<void> {
  for (const name of Object.keys(generation.spec.models)) requireBuild({ ports, generation }, name);
  const queue = new KeyedQueue();
  const failures: unknown[] = [];
  const deliveries = ports.log.consume({
    stream: streamOf(generation.tenant, generation.collection),
    group: options.group ?? generation.id,
    maxInFlight: options.maxInFlight,
    maxInFlightBytes: options.maxInFlightBytes,
    signal: options.signal,
  });
  try {
    for await (const delivery of deliveries) {
      const key = documentId(delivery.event);
      queue
        .run(key, () => handle(ports, generation, delivery, key, options))
        .catch((error: unknown) => failures.push(error));
    }
  } finally {
    await queue.idle();
  }
  if (failures.length > 0) throw failures[0];
}

async function handle(
  ports: ConsumerPorts,
  generation: Generation,
  delivery: Delivery,
  key: string,
  options: ConsumerOptions,
): Promise<void> {
  const { signal } = delivery;
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    try {
      const outcome = await applyChange(ports, generation, delivery, {
        ...applyOptions(options),
        signal,
        finalAttempt: attempt >= INTERNAL_ATTEMPTS,
      });
      await ports.faults.reach('consume:applied', key);
      if (outcome.error) {
        await delivery.reject(outcome.error);
        await ports.faults.reach('consume:rejected', key);
      } else {
        await delivery.ack();
        await ports.faults.reach('consume:acked', key);
      }
      report(ports, outcome, delivery);
      options.onOutcome?.(outcome, delivery);
      return;
    } catch (caught) {
      const error = asFootnoteError(caught);
      if (signal.aborted || error.code === 'cancelled') return;
      const afterMs = backoffMs(
        attempt,
        options.backoff ?? BACKOFF,
        options.random ?? Math.random,
        (error.retryAfter ?? 0) * 1000,
      );
      ports.telemetry.count('retries');
      options.onRetry?.({ documentId: key, attempt, afterMs, error });
      await pause(ports.clock, afterMs, signal);
    }
  }
}

function applyOptions(options: ConsumerOptions): ApplyOptions {
  return {
    ...(options.onParseFailure ? { onParseFailure: options.onParseFailure } : {}),
    ...(options.versionOf ? { versionOf: options.versionOf } : {}),
  };
}

function report(ports: ConsumerPorts, outcome: ApplyOutcome, delivery: Delivery): void {
  ports.telemetry.outcome(outcome.kind, outcome.error?.code);
  if (outcome.kind !== 'indexed') return;
  const shownAt = outcome.shownAt ?? ports.clock.now();
  const seen = Date.parse(delivery.event.observedAt);
  if (Number.isFinite(seen)) ports.telemetry.freshness((shownAt - seen) / 1000);
  ports.telemetry.searchable((shownAt - delivery.appendedAt) / 1000);
}

/** Sleeps until the time is over or the delivery is revoked. */
async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
