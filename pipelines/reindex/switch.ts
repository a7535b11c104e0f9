import { FootnoteError, throwIfAborted } from '../../src/core/errors.js';
import type { Position } from '../../src/core/event.js';
import { type Release, streamOf } from '../../src/core/generation.js';
import type { Generations, Releases } from '../../src/core/ports/catalog.js';
import type { Clock } from '../../src/core/ports/clock.js';
import type { EventLog } from '../../src/core/ports/log.js';
import type { FaultPoints } from '../../src/runtime/faults.js';
import { reached } from '../positions.js';

export interface SwitchPorts {
  readonly releases: Pick<Releases, 'current' | 'switch'>;
  readonly generations: Pick<Generations, 'get'>;
  readonly log: Pick<EventLog, 'committed'>;
  readonly clock: Clock;
  readonly faults: FaultPoints;
}

export interface SwitchOptions {
  /** How long to wait for the target to reach what the live generation has shown. Default 30 s. */
  readonly waitMs?: number;
  readonly pollMs?: number;
  readonly retrieval?: Release['retrieval'];
  readonly promptVersion?: string;
  readonly signal?: AbortSignal;
}

/**
 * Makes a generation the one that is served: one compare-and-set of the release row, after the target has committed all
 * that the live one had when this began, so that nobody who read their write loses it again. Rolling back is the same.
 * @throws behind (409), conflict when another switch came first, not_found
 */
export async function switchRelease(
  ports: SwitchPorts,
  targetId: string,
  options: SwitchOptions = {},
): Promise<Release> {
  const target = await ports.generations.get(targetId);
  if (!target || target.state === 'dropped' || target.state === 'draft') {
    throw new FootnoteError('not_found', `There is no generation ${targetId} that could be released.`);
  }
  if (target.state === 'building') {
    throw new FootnoteError(
      'behind',
      `Generation ${targetId} is still being built: wait until its backfill is complete.`,
    );
  }
  const current = await ports.releases.current(target.tenant, target.collection);
  if (current?.generation === targetId) return current;
  const stream = streamOf(target.tenant, target.collection);
  if (current) {
    const goal = await ports.log.committed(stream, current.generation);
    await waitUntilCommitted(ports, stream, targetId, goal, options);
    await ports.faults.reach('switch:waited');
  }
  const next: Release = {
    tenant: target.tenant,
    collection: target.collection,
    number: (current?.number ?? 0) + 1,
    generation: targetId,
    ...(current ? { previous: current.generation } : {}),
    spaces: Object.fromEntries(Object.entries(target.spec.models).map(([name, model]) => [name, model.space])),
    retrieval: options.retrieval ?? current?.retrieval ?? {},
    ...promptVersion(options.promptVersion ?? current?.promptVersion),
    at: new Date(ports.clock.now()).toISOString(),
  };
  if (!(await ports.releases.switch(next, current?.number ?? 0))) {
    throw new FootnoteError(
      'conflict',
      'Another release was made meanwhile, or this generation was dropped: look and decide again.',
    );
  }
  await ports.faults.reach('switch:decided');
  return next;
}

async function waitUntilCommitted(
  ports: SwitchPorts,
  stream: string,
  group: string,
  goal: readonly Position[],
  options: SwitchOptions,
): Promise<void> {
  const until = ports.clock.now() + (options.waitMs ?? 30_000);
  for (;;) {
    throwIfAborted(options.signal);
    if (reached(await ports.log.committed(stream, group), goal)) return;
    if (ports.clock.now() >= until) {
      const message = `Generation ${group} has not yet applied what the live one shows: try again when its lag is lower.`;
      throw new FootnoteError('behind', message, { retryAfter: 5 });
    }
    await ports.clock.sleep(options.pollMs ?? 100, options.signal);
  }
}

function promptVersion(version: string | undefined): { promptVersion?: string } {
  return version === undefined ? {} : { promptVersion: version };
}
