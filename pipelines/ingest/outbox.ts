import type { ChangeEvent } from '../../src/core/event.js';
import { type FootnoteError, asFootnoteError } from '../../src/core/errors.js';
import type { Heads } from '../../src/core/ports/catalog.js';
import type { Clock } from '../../src/core/ports/clock.js';
import type { EventLog } from '../../src/core/ports/log.js';
import { type Backoff, backoffMs } from '../../src/runtime/backoff.js';
import type { FaultPoints } from '../../src/runtime/faults.js';

export interface OutboxPorts {
  readonly heads: Pick<Heads, 'outbox' | 'published'>;
  readonly log: Pick<EventLog, 'append'>;
  readonly faults: FaultPoints;
}

/** Entries read at once. */
const BATCH = 256;
const BACKOFF: Backoff = { baseMs: 100, capMs: 10_000 };
/** Entries of other processes are found by looking again after this long; our own wake the publisher at once. */
const LOOK_AGAIN_MS = 1000;

/**
 * Appends decided events to the log in the order they were decided, then marks them. A crash between the two, or a second
 * publisher, appends an event twice: the same version both times, so the second is a redelivery. Each event's first
 * appearance stays in order, because nobody marks what has not been appended.
 * @returns how many entries were published
 */
export async function publishOutbox(ports: OutboxPorts, limit = BATCH): Promise<number> {
  const entries = await ports.heads.outbox(limit);
  await ports.faults.reach('outbox:read');
  for (let from = 0; from < entries.length;) {
    const stream = entries[from]!.stream;
    const ids: number[] = [];
    const events: ChangeEvent[] = [];
    for (; from < entries.length && entries[from]!.stream === stream; from += 1) {
      ids.push(entries[from]!.id);
      events.push(entries[from]!.event);
    }
    await ports.log.append(stream, events);
    await ports.faults.reach('outbox:appended');
    await ports.heads.published(ids);
    await ports.faults.reach('outbox:marked');
  }
  return entries.length;
}

export interface OutboxPublisher {
  /** An event was decided: publish it now. */
  wake(): void;
  /** Publishes until the signal aborts; errors are told and tried again with backoff. */
  run(signal: AbortSignal, onError: (error: FootnoteError) => void): Promise<void>;
}

export interface PublisherPorts extends OutboxPorts {
  readonly clock: Clock;
  /** Works while no other process publishes, or not at all. Absent: there is no other. */
  readonly alone?: (signal: AbortSignal, work: () => Promise<void>) => Promise<void>;
}

export function createOutboxPublisher(ports: PublisherPorts): OutboxPublisher {
  let woken = false;
  let nudge = new AbortController();
  const waitForWork = async (ms: number, signal: AbortSignal): Promise<void> => {
    if (woken || signal.aborted) return;
    nudge = new AbortController();
    const either = AbortSignal.any([signal, nudge.signal]);
    try {
      await ports.clock.sleep(ms, either);
    } catch (error) {
      if (!either.aborted) throw error;
    }
  };
  const publishAll = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted && (await publishOutbox(ports)) > 0);
  };
  const publish = async (signal: AbortSignal): Promise<void> => {
    if (!ports.alone) return publishAll(signal);
    // Twice would be harmless (above), and twice the work for all that read it.
    if ((await ports.heads.outbox(1)).length > 0) await ports.alone(signal, () => publishAll(signal));
  };
  return {
    wake() {
      woken = true;
      nudge.abort();
    },
    async run(signal, onError) {
      let failed = 0;
      while (!signal.aborted) {
        woken = false;
        try {
          await publish(signal);
          failed = 0;
          await waitForWork(LOOK_AGAIN_MS, signal);
        } catch (error) {
          failed += 1;
          onError(asFootnoteError(error));
          await waitForWork(backoffMs(failed, BACKOFF, Math.random), signal);
        }
      }
    },
  };
}
