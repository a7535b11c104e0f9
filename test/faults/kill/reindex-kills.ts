import { FAULT_POINTS } from '../../../pipelines/ingest/fault-points.js';
import { REINDEX_FAULT_POINTS } from '../../../pipelines/reindex/fault-points.js';
import { Random } from '../../../src/runtime/random.js';
import type { Kill } from '../kill-worker.js';
import { totalOf, violations } from './compare.js';
import type { KillReport } from './run.js';
import { runKills } from './run.js';

/** In the order of a build. */
const BUILDING = REINDEX_FAULT_POINTS.filter((point) => point.startsWith('build:'));
const RELEASING = REINDEX_FAULT_POINTS.filter((point) => !point.startsWith('build:'));
const APPLYING = FAULT_POINTS.filter((point) => /^(?:apply:(?!row-failed|letters)|consume:(?!rejected))/.test(point));
const STEPS = 10;

export interface ReindexKillOptions {
  readonly seed: number;
  readonly documents: number;
  /** An empty folder of its own. */
  readonly directory: string;
}

export interface ReindexKillRun {
  readonly report: KillReport;
  readonly kills: number;
  readonly violations: readonly string[];
}

/**
 * A script of writes in the midst of which a generation with other chunks is built, released and the former one dropped,
 * in processes that are killed: twice while it is built (once between two effects on a document), and once while it is
 * released or the former one is dropped. It must end as the same without kills does, and as a collection that had these
 * chunks from the beginning. How many vectors are cached is not compared: it depends on when the build meets a change.
 */
export async function runReindexKills({ seed, documents, directory }: ReindexKillOptions): Promise<ReindexKillRun> {
  const random = new Random(seed);
  const planned: Kill[] = [
    { point: random.pick(APPLYING), count: 1 + random.below(12), after: 'build:begun' },
    { point: BUILDING[seed % BUILDING.length]!, count: 1 },
    { point: RELEASING[seed % RELEASING.length]!, count: 1 },
  ].map((kill) => (kill.point === 'build:row' ? { ...kill, count: 1 + random.below(documents / 2) } : kill));
  const report = await runKills({
    script: { seed, documents, steps: STEPS },
    reindex: { at: STEPS / 2, targetTokens: 32 },
    planned,
    kills: planned.length,
    directory,
  });
  const { clean, killed } = report;
  const found = violations({ ...report, killed: { ...killed, cachedVectors: clean.cachedVectors } });
  return { report, kills: totalOf(report.kills), violations: found };
}
