import { documentId } from '../../src/core/ids.js';
import { eventVersion } from '../../src/core/event.js';
import type { Generation } from '../../src/core/generation.js';
import type { RowVersion } from '../../src/core/ports/catalog.js';
import { type VersionKey, versionKey } from '../../src/core/version.js';
import type { FaultPoint } from './fault-points.js';
import type { ApplyOptions, Change, IngestPorts, Stage } from './ports.js';

/** One change on its way through the applier. */
export interface Work {
  readonly ports: IngestPorts;
  readonly generation: Pick<Generation, 'id' | 'spec'>;
  readonly change: Change;
  readonly options: ApplyOptions;
  readonly documentId: string;
  readonly version: VersionKey;
  /** Counted and timed on the way. */
  readonly tally: { embedded: number; cached: number; ms: Partial<Record<Stage | 'total', number>> };
  readonly startedAt: number;
}

export function beginWork(
  ports: IngestPorts,
  generation: Pick<Generation, 'id' | 'spec'>,
  change: Change,
  options: ApplyOptions,
): Work {
  return {
    ports,
    generation,
    change,
    options,
    documentId: documentId(change.event),
    version: versionKey((options.versionOf ?? eventVersion)(change.event, change.position)),
    tally: { embedded: 0, cached: 0, ms: {} },
    startedAt: performance.now(),
  };
}

export function reach(work: Work, point: FaultPoint): Promise<void> {
  return work.ports.faults.reach(point, work.documentId);
}

/** Runs one stage and adds its time to the tally and the metrics, whether it succeeds or not. */
export async function timed<T>(work: Work, stage: Stage, run: () => Promise<T>): Promise<T> {
  const from = performance.now();
  try {
    return await run();
  } finally {
    const ms = performance.now() - from;
    work.tally.ms[stage] = (work.tally.ms[stage] ?? 0) + ms;
    work.ports.telemetry.observe(stage, ms / 1000);
  }
}

/** The change as a row remembers it. */
export function rowVersion(work: Work): RowVersion {
  return { version: work.version, event: work.change.event, position: work.change.position };
}

export function nowIso(work: Work): string {
  return new Date(work.ports.clock.now()).toISOString();
}
