import { dropGeneration } from '../../pipelines/reindex/drop.js';
import type { SwitchPorts } from '../../pipelines/reindex/switch.js';
import type { Config } from '../core/config.js';
import { asFootnoteError } from '../core/errors.js';
import type { Generation } from '../core/generation.js';
import type { Clock } from '../core/ports/clock.js';
import type { FaultPoints } from '../runtime/faults.js';
import type { Consumers } from './consumers.js';
import type { Storage } from './storage.js';

/** What it takes to release a generation, and to let go of one. */
export interface RetiringParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly consumers: Consumers;
  readonly faults: FaultPoints;
}

export function releasePorts({ storage, clock, faults }: Omit<RetiringParts, 'consumers'>): SwitchPorts {
  const { releases, generations } = storage.catalog;
  return { releases, generations, log: storage.log, clock, faults };
}

function drop({ storage, clock, faults }: RetiringParts, id: string, reason: string): Promise<void> {
  const { catalog, log, vectors } = storage;
  return dropGeneration({ ...catalog, log, vectors, clock, faults }, id, reason);
}

/** Takes a generation away that nobody waits for any more. */
export async function abandon(parts: RetiringParts, id: string, reason: string): Promise<void> {
  const { generations } = parts.storage.catalog;
  const generation = await generations.get(id);
  if (!generation || generation.state === 'live') return;
  await parts.consumers.stopOne(id);
  try {
    await drop(parts, id, reason);
  } catch (error) {
    // Released in the same moment: it is wanted after all.
    if (asFootnoteError(error).code !== 'conflict') throw error;
    parts.consumers.start((await generations.get(id))!);
  }
}

/** At the start: what was being dropped when an earlier process ended goes on to be. */
export async function finishDrops(parts: RetiringParts, generations: readonly Generation[]): Promise<void> {
  for (const { id, state } of generations) if (state === 'dropped') await drop(parts, id, 'begun before');
}

const HOUR = 3_600_000;

/** Retired generations are kept for a while, so that rolling back is instant; then they go. */
export async function dropRetired(parts: RetiringParts & { readonly config: Config }): Promise<void> {
  const { catalog } = parts.storage;
  const before = new Date(parts.clock.now() - parts.config.releases.keepHours * HOUR).toISOString();
  for (const { tenant, name } of await catalog.collections.list()) {
    for (const { id, state, history } of await catalog.generations.list(tenant, name)) {
      const since = history.at(-1)?.at;
      if (state === 'retired' && since !== undefined && since < before) await abandon(parts, id, 'kept long enough');
    }
  }
}
