import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/fixtures.js';
import { TestCluster } from '../support/kafka.js';
import { describeWith } from '../support/needs.js';
import { serverStores } from '../support/stores.js';
import { KINDS } from './poison/messages.js';
import { runPoison } from './poison/run.js';

/** A fifth of the whole proof, which is `node dist/test/faults/poison.js`; a test says nothing about times. */
describeWith('KAFKA_BROKERS', 'bad messages among sound ones', (address) => {
  describe('bad messages among sound ones', () => {
    it('all have a letter with their reason and bytes, hold nobody up, and are replayed to a clean build', async () => {
      const place = await temporaryFolder();
      const cluster = await TestCluster.open(address);
      try {
        const report = await runPoison({
          ...{ cluster, stores: serverStores(), directory: place.path },
          ...{ seed: 1, rounds: 1, messages: 20 * KINDS.length * 2, rate: 100, share: 0.05 },
        });
        expect(report.violations).toEqual([]);
        // Two of each kind, and one as a change of a document that was sound.
        expect(report.letters).toEqual({
          engine: { parse_output: 3, corrupt_document: 3, password_required: 3 },
          connector: { corrupt_document: 3, invalid_request: 3, document_too_large: 3 },
        });
        expect(report.replayed).toEqual({ superseded: 2, replayed: 1, failed: 6 });
        expect(report.delays.poisoned).toHaveLength(20 * KINDS.length * 2 - 2 * KINDS.length);
        expect(report.delays.poisoned.every(Number.isFinite)).toBe(true);
      } finally {
        await cluster.close();
        await place.remove();
      }
    }, 600_000);
  });
});
