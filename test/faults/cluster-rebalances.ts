import { parseArgs } from 'node:util';
import { prove } from './cluster/main.js';
import { ownership } from './cluster/ownership.js';
import { Rebalances } from './cluster/rebalances.js';

/**
 * Workers that come, go and are suspended beyond their session, on the servers that the environment names:
 * `node dist/test/faults/cluster-rebalances.js --actions 100 --documents 400 [--seed 1] [--out FILE.json]`.
 */
const { values } = parseArgs({
  options: {
    actions: { type: 'string', default: '100' },
    documents: { type: 'string', default: '400' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
const [actions, documents, seed] = [values.actions, values.documents, values.seed].map(Number) as [
  number,
  number,
  number,
];

await prove(
  `node dist/test/faults/cluster-rebalances.js --actions ${actions} --documents ${documents} --seed ${seed}`,
  values.out,
  (say, stores) => {
    if (stores.log?.kind !== 'kafka') throw new Error('The log is to be Kafka.');
    const { brokers, prefix = '', sessionTimeoutMs = 0 } = stores.log;
    let disturbing: Rebalances | undefined;
    return {
      seed,
      documents,
      async disturb(config, engine) {
        const onAction = (action: string, total: number): void => say(`${total} of ${actions}: ${action}`);
        disturbing = new Rebalances(config, engine, { seed: seed + 1, actions, sessionTimeoutMs, onAction });
        return disturbing;
      },
      async outcome() {
        const { commits, generations, violations } = await ownership(brokers, prefix);
        return {
          figures: {
            actions: disturbing!.actions,
            groupGenerations: generations,
            commits,
            commitsOfOthersPartitions: violations.length,
          },
          problems: [
            ...violations,
            ...(commits === 0 || generations < actions / 4
              ? ['The groups were not rebalanced as they should be.']
              : []),
          ],
        };
      },
    };
  },
);
