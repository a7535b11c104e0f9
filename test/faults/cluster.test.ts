import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/fixtures.js';
import { describeWith } from '../support/needs.js';
import { Kills } from './cluster/kills.js';
import { ownership } from './cluster/ownership.js';
import { Rebalances } from './cluster/rebalances.js';
import { FINAL_TOKENS, Reindexing } from './cluster/reindexing.js';
import { type ClusterOptions, runCluster } from './cluster/run.js';
import { clusterStores } from './cluster/script.js';

const SEED = 1;
const MOST_MS = 20 * 60_000;

/** A tenth of the whole proofs, which are `node dist/test/faults/cluster-{kills,rebalances,reindex}.js`. */
function clusters(): void {
  describe(`workers and connectors on servers (seed ${SEED})`, () => {
    const run = async (
      documents: number,
      options: Pick<ClusterOptions, 'disturb' | 'targetTokens'>,
      stores = clusterStores(),
    ): Promise<readonly string[]> => {
      const place = await temporaryFolder();
      try {
        const script = { seed: SEED, documents, steps: Math.max(10, Math.round(documents / 8)) };
        return (await runCluster({ ...options, script, stores, directory: place.path })).violations;
      } finally {
        await place.remove();
      }
    };

    it(
      'come to the same end when they are killed between any two effects',
      async () => {
        const plan = { seed: SEED + 1, kills: 30, workers: 3, connectors: 2 };
        let kills: Kills | undefined;
        const disturb: ClusterOptions['disturb'] = async (config, engine) => (kills = new Kills(config, engine, plan));
        expect(await run(200, { disturb })).toEqual([]);
        expect(kills!.total).toBeGreaterThan(0);
      },
      MOST_MS,
    );

    it(
      'come to the same end when they join, leave and wake as zombies, and commit only what is theirs',
      async () => {
        const stores = clusterStores();
        if (stores.log?.kind !== 'kafka') throw new Error('The log is to be Kafka.');
        const { brokers, prefix = '', sessionTimeoutMs = 0 } = stores.log;
        const plan = { seed: SEED + 1, actions: 10, sessionTimeoutMs };
        const disturb: ClusterOptions['disturb'] = async (config, engine) => new Rebalances(config, engine, plan);
        expect(await run(80, { disturb }, stores)).toEqual([]);
        const owned = await ownership(brokers, prefix);
        expect(owned.violations).toEqual([]);
        expect(owned.commits).toBeGreaterThan(10);
      },
      MOST_MS,
    );

    it(
      'come to the same end when generations are built, released and rolled back meanwhile',
      async () => {
        const plan = { seed: SEED + 1, kills: 5, workers: 3, connectors: 1 };
        let reindexing: Reindexing | undefined;
        const disturb: ClusterOptions['disturb'] = async (config, engine) =>
          (reindexing = new Reindexing(engine, new Kills(config, engine, plan), 1, () => undefined));
        expect(await run(80, { disturb, targetTokens: FINAL_TOKENS })).toEqual([]);
        expect(reindexing!.counts).toMatchObject({ queryErrors: [], rebuilds: 1, rollbacks: 1, switches: 1 });
      },
      MOST_MS,
    );
  });
}

describeWith('KAFKA_BROKERS', 'clusters', () =>
  describeWith('POSTGRES_URL', 'clusters', () =>
    describeWith('S3_ENDPOINT', 'clusters', () => describeWith('QDRANT_URL', 'clusters', clusters)),
  ),
);
