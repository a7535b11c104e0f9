import { parseArgs } from 'node:util';
import { REINDEX_FAULT_POINTS } from '../../pipelines/reindex/fault-points.js';
import { Kills } from './cluster/kills.js';
import { prove } from './cluster/main.js';
import { FINAL_TOKENS, Reindexing } from './cluster/reindexing.js';

/**
 * Generations that are built and released under queries and writes while workers are killed, on the servers that the
 * environment names: `node dist/test/faults/cluster-reindex.js --rounds 5 --kills 50 --documents 400 [--seed 1] [--out FILE.json]`.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    kills: { type: 'string', default: '50' },
    documents: { type: 'string', default: '400' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
const numbers = [values.rounds, values.kills, values.documents, values.seed].map(Number);
const [rounds, kills, documents, seed] = numbers as [number, number, number, number];
const cluster = { workers: 3, connectors: 1 };

await prove(
  `node dist/test/faults/cluster-reindex.js --rounds ${rounds} --kills ${kills} --documents ${documents} --seed ${seed}`,
  values.out,
  (say) => {
    let killing: Kills | undefined;
    let reindexing: Reindexing | undefined;
    return {
      seed,
      documents,
      targetTokens: FINAL_TOKENS,
      async disturb(config, engine) {
        const onKill = (point: string, total: number): void => say(`kill ${total}: ${point}`);
        const points = REINDEX_FAULT_POINTS;
        killing = new Kills(config, engine, { seed: seed + 1, kills, ...cluster, points, onKill });
        reindexing = new Reindexing(engine, killing, rounds, say);
        return reindexing;
      },
      async outcome() {
        const { queryErrors, ...counts } = reindexing!.counts;
        return {
          figures: {
            ...cluster,
            ...counts,
            queryErrors: queryErrors.length,
            kills: killing!.total,
            killsByPoint: killing!.byPoint,
          },
          problems: [...new Set(queryErrors)].map((message) => `A query failed: ${message}`),
        };
      },
    };
  },
);
