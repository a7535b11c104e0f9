import { randomUUID } from 'node:crypto';
import { Kafka, logLevel, type Admin, type Message, type Producer } from 'kafkajs';
import { onLeaders } from '../../src/adapters/kafka/offsets.js';
import { createCluster } from '../../src/adapters/kafka/vendor.js';

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

  /** @returns its name, once its partitions have leaders */
  async topic(settings: Readonly<Record<string, string>> = {}, numPartitions = 1, name?: string): Promise<string> {
    const topic = name ?? `test-${randomUUID()}`;
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    await this.admin.createTopics({ topics: [{ topic, numPartitions, configEntries }] });
    return topic;
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
