import { afterAll, beforeAll } from 'vitest';
import { connectors } from '../../connectors/registry.js';
import { KAFKA } from '../support/framing.js';
import { TestCluster } from '../support/kafka.js';
import { describeWith } from '../support/needs.js';
import { tcpFaults } from '../support/tcp-faults.js';
import type { TestSource } from './connector/harness.js';
import { describeConnectorContract } from './connector.js';

describeWith('KAFKA_BROKERS', 'Kafka connector', (address) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await TestCluster.open(address);
  });
  afterAll(() => cluster.close());

  /** A compacted topic of Markdown by key. */
  async function make(): Promise<TestSource> {
    const topic = await cluster.topic({ 'cleanup.policy': 'compact' }, 3);
    // Before the broker that a client begins with: while it drops everything, nobody finds the cluster.
    const proxy = await tcpFaults(Number(cluster.brokers[0]!.split(':')[1]), KAFKA);
    const texts = new Map<string, string>();
    const put = async (key: string, value: string): Promise<void> => {
      texts.set(key, value);
      await cluster.send(topic, { key, value });
    };
    const remove = (key: string): Promise<void> => cluster.send(topic, { key, value: null });
    return {
      connector: connectors.kafka,
      options: { brokers: [`127.0.0.1:${proxy.port}`], topic, format: 'text', mime: 'text/markdown' },
      put,
      async rename(from, to) {
        await put(to, texts.get(from)!);
        await remove(from);
      },
      remove,
      keyOf: (name) => name,
      async breakOff() {
        proxy.decide(() => ({ kind: 'drop' }));
        return async () => proxy.decide(() => undefined);
      },
      close: () => proxy.close(),
    };
  }

  describeConnectorContract('kafka', make);
});
