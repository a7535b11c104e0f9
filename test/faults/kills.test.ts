import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { totalOf, violations } from './kill/compare.js';
import type { KillReport } from './kill/run.js';
import { runKills } from './kill/run.js';

/** A tenth of the whole proof, which is `node dist/test/faults/kills.js`. */
const SCRIPT = { seed: 1, documents: 50, steps: 10 };
const KILLS = 10;

describe('processes that are killed between any two effects', () => {
  it(`come to the same end as one that is not (seed ${SCRIPT.seed})`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'footnote-test-'));
    try {
      const report = await runKills({ script: SCRIPT, kills: KILLS, directory });
      expect(violations(report)).toEqual([]);
      expect(totalOf(report.kills)).toBe(KILLS);
      expect(report.clean.canonical.length).toBeGreaterThan(100);
      // What makes the comparison worth something.
      const { clean } = report;
      const first = clean.canonical[0]!;
      const against = (killed: Partial<KillReport['killed']>) =>
        violations({ ...report, killed: { ...clean, ...killed } });
      expect(against({ canonical: clean.canonical.slice(1) })).not.toEqual([]);
      expect(against({ canonical: [...clean.canonical, first] })).not.toEqual([]);
      expect(against({ blobs: [...clean.blobs, 'd original x'] })).not.toEqual([]);
      expect(against({ points: [...clean.points, clean.points[0]!] })).not.toEqual([]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }, 600_000);
});
