import { FootnoteError } from '../../src/core/errors.js';
import { buildHold, streamOf } from '../../src/core/generation.js';
import type { Documents, Generations, Releases } from '../../src/core/ports/catalog.js';
import type { Clock } from '../../src/core/ports/clock.js';
import type { EventLog } from '../../src/core/ports/log.js';
import type { VectorStore } from '../../src/core/ports/vectors.js';
import type { FaultPoints } from '../../src/runtime/faults.js';

export interface DropPorts {
  readonly releases: Pick<Releases, 'current'>;
  readonly generations: Pick<Generations, 'get' | 'move'>;
  readonly documents: Pick<Documents, 'dropGeneration'>;
  readonly log: Pick<EventLog, 'dropGroup' | 'release'>;
  readonly vectors: Pick<VectorStore, 'drop'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly faults: FaultPoints;
}

/**
 * Removes a generation that is not served. Its consumer is stopped before; what a late worker writes to it afterwards,
 * `verify --repair` removes. Repeatable. @throws conflict when it is live
 */
export async function dropGeneration(ports: DropPorts, id: string, reason: string): Promise<void> {
  const generation = await ports.generations.get(id);
  if (!generation) throw new FootnoteError('not_found', `There is no generation ${id}.`);
  const current = await ports.releases.current(generation.tenant, generation.collection);
  if (current?.generation === id) {
    throw new FootnoteError('conflict', `Generation ${id} is being served: release another one first.`);
  }
  const stream = streamOf(generation.tenant, generation.collection);
  if (generation.state !== 'dropped') {
    const at = new Date(ports.clock.now()).toISOString();
    if (!(await ports.generations.move(id, generation.state, 'dropped', at, reason))) {
      throw new FootnoteError('conflict', `Generation ${id} was released or moved meanwhile: look and decide again.`);
    }
  }
  await ports.faults.reach('drop:decided');
  await ports.log.dropGroup(stream, id);
  await ports.log.release(stream, buildHold(id));
  await ports.faults.reach('drop:group-gone');
  await ports.documents.dropGeneration(id);
  await ports.faults.reach('drop:rows-gone');
  await ports.vectors.drop(id);
}
