import { parseArgs } from 'node:util';
import { Kills } from './cluster/kills.js';
import { prove } from './cluster/main.js';

/**
 * Workers and connectors that are killed, on the servers that the environment names (`npm run servers`):
 * `node dist/test/faults/cluster-kills.js --kills 300 --documents 2000 [--seed 1] [--out FILE.json]`.
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '300' },
    documents: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
const [kills, documents, seed] = [values.kills, values.documents, values.seed].map(Number) as [number, number, number];
const cluster = { workers: 3, connectors: 2 };

await prove(
  `node dist/test/faults/cluster-kills.js --kills ${kills} --documents ${documents} --seed ${seed}`,
  values.out,
  (say) => {
    let killing: Kills | undefined;
    return {
      seed,
      documents,
      async disturb(config, engine) {
        const onKill = (point: string, total: number): void => say(`kill ${total} of ${kills}: ${point}`);
        killing = new Kills(config, engine, { seed: seed + 1, kills, ...cluster, onKill });
        return killing;
      },
      async outcome() {
        const { total, byPoint } = killing!;
        return {
          figures: { ...cluster, kills: total, killsByPoint: byPoint },
          problems: total < kills ? [`Only ${total} of ${kills} kills happened.`] : [],
        };
      },
    };
  },
);
