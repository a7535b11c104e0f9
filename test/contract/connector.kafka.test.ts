import { afterAll, beforeAll } from 'vitest';
import { connectors } from '../../connectors/registry.js';
import { BootstrapProxy, TestCluster } from '../support/kafka.js';
import { describeWith } from '../support/needs.js';
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
    const proxy = await BootstrapProxy.open(cluster.brokers[0]!);
    const texts = new Map<string, string>();
    const put = async (key: string, value: string): Promise<void> => {
      texts.set(key, value);
      await cluster.send(topic, { key, value });
    };
    const remove = (key: string): Promise<void> => cluster.send(topic, { key, value: null });
    return {
      connector: connectors.kafka,
      options: { brokers: [proxy.address], topic, format: 'text', mime: 'text/markdown' },
      put,
      async rename(from, to) {
        await put(to, texts.get(from)!);
        await remove(from);
      },
      remove,
      keyOf: (name) => name,
      async breakOff() {
        proxy.down = true;
        return async () => void (proxy.down = false);
      },
      close: () => proxy.close(),
    };
  }

  describeConnectorContract('kafka', make);
});
