import { FootnoteError } from '../core/errors.js';
import type { Position } from '../core/event.js';
import { streamOf } from '../core/generation.js';
import type { Catalog } from '../core/ports/catalog.js';
import type { EventLog, LogIdentity } from '../core/ports/log.js';

const META = 'log.identity';
const ADVICE =
  'Point the configuration at the log this data belongs to, or restore catalog and log from one backup; to move to a new log use footnote migrate.';

/**
 * Refuses to go on with another log than the catalog's, or with one that has lost events which were applied: its ends
 * lie at or below positions that applied rows carry, or below its own groups' commits. A new catalog takes the log it
 * is given. To be called at every start, before anything is appended or consumed.
 * @throws log_mismatch
 */
export async function checkLogIdentity(
  log: EventLog,
  catalog: Pick<Catalog, 'meta' | 'collections' | 'generations' | 'documents'>,
): Promise<LogIdentity> {
  const actual = await log.identity();
  const stored = await catalog.meta.get(META);
  if (stored !== undefined) {
    const known = JSON.parse(stored) as LogIdentity;
    // A higher epoch of the same log is a migration's doing, which ended before it told the catalog.
    if (known.id !== actual.id || known.epoch > actual.epoch || known.partitions !== actual.partitions) {
      throw new FootnoteError(
        'log_mismatch',
        `The catalog knows log ${known.id} (epoch ${known.epoch}, ${known.partitions} partitions); this is ${actual.id} (epoch ${actual.epoch}, ${actual.partitions} partitions). ${ADVICE}`,
      );
    }
  }
  for (const collection of await catalog.collections.list()) {
    const stream = streamOf(collection.tenant, collection.name);
    const ends = await log.end(stream);
    for (const generation of await catalog.generations.list(collection.tenant, collection.name)) {
      if (generation.state === 'dropped') continue;
      // A commit names the next offset to read, a row the offset it has seen.
      const reached = [
        ...(await log.committed(stream, generation.id)),
        ...(await catalog.documents.positions(generation.id)).map((seen) => ({ ...seen, offset: seen.offset + 1n })),
      ];
      for (const position of reached) checkReached(stream, position, ends, actual);
    }
  }
  const identity = JSON.stringify(actual);
  if (stored !== identity) await catalog.meta.set(META, identity);
  return actual;
}

function checkReached(stream: string, reached: Position, ends: readonly Position[], actual: LogIdentity): void {
  if (reached.epoch < actual.epoch) return;
  const end = ends.find((each) => each.partition === reached.partition);
  if (reached.epoch === actual.epoch && end && reached.offset <= end.offset) return;
  throw new FootnoteError(
    'log_mismatch',
    `Events of "${stream}" were applied up to offset ${reached.offset} of partition ${reached.partition} (epoch ${reached.epoch}), but the log ends at ${end?.offset ?? 0n} (epoch ${actual.epoch}). ${ADVICE}`,
  );
}
