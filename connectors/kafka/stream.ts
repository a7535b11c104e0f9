import { setTimeout as sleep } from 'node:timers/promises';
import { protocolError } from '../../src/adapters/kafka/errors.js';
import { fetchPartition, type FetchedPartition } from '../../src/adapters/kafka/raw.js';
import { FootnoteError } from '../../src/core/errors.js';
import type { Connection } from './connection.js';
import { mismatch, sourceError } from './errors.js';
import { batchesOf, type RecordBatch } from './wire/batches.js';

/** Bytes of one answer; a single larger batch comes whole. */
const FETCH_BYTES = 1 << 20;
const MAX_WAIT_MS = 500;
const PAUSE_MS = 250;
/** How long a partition may fail to be read on. */
const STUCK_MS = 30_000;
/** Answers without a record until a partition counts as read: what was left of it may have been compacted away. */
const EMPTY_READS = 3;

export interface Fetched {
  readonly partition: number;
  readonly batch: RecordBatch;
}

/**
 * Reads partitions in turn, each from `next` to its end. Batches come in the order of their offsets, also empty ones;
 * records below `next` are to be left out by whoever reads.
 * @throws source_mismatch when an offset is gone; unavailable when a partition can't be read on
 */
export async function* readTopic(
  connection: Connection,
  topic: string,
  next: readonly bigint[],
  end: readonly bigint[],
): AsyncGenerator<Fetched> {
  let open = next.flatMap((offset, partition) => (offset < end[partition]! ? [{ partition, offset, empty: 0 }] : []));
  while (open.length > 0) {
    for (const place of open) {
      const fetched = await fetch(connection, topic, place.partition, place.offset, end[place.partition]!);
      let read = false;
      for (const batch of batchesOf(fetched, place.partition)) {
        // An answer begins with the whole batch that holds the offset.
        if (batch.next <= place.offset) continue;
        read = true;
        yield { partition: place.partition, batch };
        place.offset = batch.next;
      }
      place.empty = read ? 0 : place.empty + 1;
    }
    // The place of an empty rest is kept, not stepped over: the next batch that is written leads beyond it.
    open = open.filter(({ partition, offset, empty }) => offset < end[partition]! && empty < EMPTY_READS);
  }
}

async function fetch(
  connection: Connection,
  topic: string,
  partition: number,
  offset: bigint,
  end: bigint,
): Promise<FetchedPartition> {
  const place = `${topic}/${partition}`;
  const deadline = performance.now() + STUCK_MS;
  for (;;) {
    let reason: unknown = new Error(`${place} ends below ${end}, where it ended before`);
    try {
      const fetched = await connection.ask(`read ${place}`, async () => {
        const broker = await connection.leaderOf(topic, partition);
        const asked = { topic, partition, offset, maxBytes: FETCH_BYTES, maxWaitMs: MAX_WAIT_MS };
        return fetchPartition(broker, asked);
      });
      // A new leader may not know yet what the former one had told.
      if (fetched.batches.length > 0 || fetched.lastStableOffset >= end) return fetched;
    } catch (error) {
      if (protocolError((error as FootnoteError).cause) === 'OFFSET_OUT_OF_RANGE') {
        throw mismatch(`Offset ${offset} of ${place}, which is to be read next, does not exist any more.`);
      }
      if (!(error instanceof FootnoteError) || error.code !== 'unavailable') throw error;
      reason = error;
      await connection.refresh(topic);
    }
    if (performance.now() > deadline) throw sourceError(reason, `read ${place} on`);
    await sleep(PAUSE_MS, undefined, { signal: connection.signal }).catch(() => undefined);
  }
}
