import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/fixtures.js';
import { runConnectKills } from './connect-kill/run.js';

/** A small part of the whole proof, which is `node dist/test/faults/connect-kills.js`. */
describe('processes that are killed while they read sources', () => {
  it.each([1, 2])(
    'lose nothing and delete nothing wrongly (seed %i)',
    async (seed) => {
      const folder = await temporaryFolder();
      try {
        const report = await runConnectKills({ seed, steps: 3, killsPerStep: 2, additions: 8, directory: folder.path });
        expect(report.violations).toEqual([]);
        expect(Object.values(report.kills).reduce((sum, each) => sum + each, 0)).toBeGreaterThan(0);
        expect(report.documents).toBeGreaterThan(10);
      } finally {
        await folder.remove();
      }
    },
    600_000,
  );
});
