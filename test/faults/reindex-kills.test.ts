import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/fixtures.js';
import { runReindexKills } from './kill/reindex-kills.js';

/** A twentieth of the whole proof, which is `node dist/test/faults/reindex-kills.js`. */
const SEED = 2;

describe('a generation that is built, released and dropped by processes that are killed', () => {
  it(`ends as one that nobody killed (seed ${SEED})`, async () => {
    const folder = await temporaryFolder();
    try {
      const run = await runReindexKills({ seed: SEED, documents: 32, directory: folder.path });
      expect(run.violations).toEqual([]);
      expect(run.kills).toBe(3);
      expect(run.report.clean.canonical.length).toBeGreaterThan(100);
    } finally {
      await folder.remove();
    }
  }, 300_000);
});
