import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Admin, type Message, type Producer } from 'kafkajs';
import { LATEST, leaders, offsetsAt, onLeaders } from '../../src/adapters/kafka/offsets.js';
import { createCluster, type Cluster } from '../../src/adapters/kafka/vendor.js';

/** How long a change of topics may take until every broker that is asked knows it. */
const KNOWN_MS = 15_000;

/** A cluster for tests, with an admin and a producer. */
export class TestCluster {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly producer: Producer;

  private constructor(readonly brokers: string[]) {
    this.kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
    this.admin = this.kafka.admin();
    this.producer = this.kafka.producer({ allowAutoTopicCreation: false });
  }

  static async open(address: string): Promise<TestCluster> {
    const cluster = new TestCluster(address.split(','));
    await Promise.all([cluster.admin.connect(), cluster.producer.connect()]);
    return cluster;
  }

  /** @returns its name, once its partitions are led by brokers that know of it */
  async topic(settings: Readonly<Record<string, string>> = {}, numPartitions = 1, name?: string): Promise<string> {
    const topic = name ?? `test-${randomUUID()}`;
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    // kafkajs gives up waiting at a broker that has not heard of the topic yet.
    await this.admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions, configEntries }] });
    await this.#until(async (cluster) => {
      const ends = await offsetsAt(cluster, topic, LATEST, 'read_uncommitted');
      return ends?.length === numPartitions;
    });
    return topic;
  }

  /** Returns once the brokers have heard of it, too. */
  async remove(topic: string): Promise<void> {
    await this.admin.deleteTopics({ topics: [topic] });
    await this.#until(async (cluster) => (await leaders(cluster, topic)) === undefined);
  }

  async #until(done: (cluster: Cluster) => Promise<boolean>): Promise<void> {
    const cluster = createCluster(this.kafka);
    await cluster.connect();
    try {
      const deadline = Date.now() + KNOWN_MS;
      while (!(await done(cluster))) {
        if (Date.now() > deadline) throw new Error('The brokers did not hear of a change of topics in time.');
        await sleep(25);
      }
    } finally {
      await cluster.disconnect();
    }
  }

  async send(topic: string, ...messages: Message[]): Promise<void> {
    await this.producer.send({ topic, acks: -1, messages });
  }

  /** Removes the records of the first partition below `offset`. */
  async trim(topic: string, offset: string): Promise<void> {
    const cluster = createCluster(this.kafka);
    await cluster.connect();
    const topics = [{ topic, partitions: [{ partition: 0, offset }] }];
    await onLeaders(cluster, topic, async (broker) => void (await broker.deleteRecords({ topics })));
    await cluster.disconnect();
  }

  async close(): Promise<void> {
    await Promise.all([this.admin.disconnect(), this.producer.disconnect()]);
  }
}
