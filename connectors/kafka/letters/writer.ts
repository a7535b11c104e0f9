import { setTimeout as sleep } from 'node:timers/promises';
import type { Producer } from 'kafkajs';
import { protocolError } from '../../../src/adapters/kafka/errors.js';
import { leaders } from '../../../src/adapters/kafka/offsets.js';
import type { Connection } from '../connection.js';
import { letterMessage, withoutValue, type Letter, type LetterMessage, type Origin } from './letter.js';

/** Letters of one request; one larger letter goes alone. */
const REQUEST_BYTES = 512 * 1024;
/** What is deleted at its source stays here no longer than this. */
const RETENTION_MS = 30 * 86_400_000;
const LEADER_MS = 15_000;

/** Puts bad records into the topic of dead letters, which is made when it is missing. */
export class LetterWriter {
  #producer: Producer | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly topic: string,
    private readonly origin: Origin,
    private readonly maxRecordBytes: number,
  ) {}

  /** @returns once all replicas in sync have them. @throws unavailable, forbidden */
  async write(letters: readonly Letter[]): Promise<void> {
    if (letters.length === 0) return;
    await this.connection.ask(`take dead letters in the topic ${this.topic}`, async () => {
      const producer = await this.#open();
      let chunk: LetterMessage[] = [];
      let bytes = 0;
      const flush = async (): Promise<void> => {
        if (chunk.length > 0) await this.#send(producer, chunk);
        chunk = [];
        bytes = 0;
      };
      for (const letter of letters) {
        const message = letterMessage(letter, this.origin);
        if (bytes + message.bytes > REQUEST_BYTES) await flush();
        chunk.push(message);
        bytes += message.bytes;
      }
      await flush();
    });
  }

  async #send(producer: Producer, messages: readonly LetterMessage[]): Promise<void> {
    const { topic } = this;
    const send = (some: readonly LetterMessage[]) =>
      producer.send({ topic, acks: -1, messages: some.map(({ key, value, headers }) => ({ key, value, headers })) });
    try {
      await send(messages);
    } catch (error) {
      const tooLarge = /^(MESSAGE|RECORD_LIST)_TOO_LARGE$/.test(protocolError(error) ?? '');
      if (!tooLarge) throw error;
      if (messages.length > 1) for (const each of messages) await this.#send(producer, [each]);
      else if (messages[0]!.value === null) throw error;
      else await send([withoutValue(messages[0]!)]);
    }
  }

  async #open(): Promise<Producer> {
    if (this.#producer) return this.#producer;
    const { kafka } = this.connection;
    await this.#make();
    const producer = kafka.producer({ allowAutoTopicCreation: false, maxInFlightRequests: 1 });
    this.connection.onClose(() => producer.disconnect());
    await producer.connect();
    this.#producer = producer;
    return producer;
  }

  async #make(): Promise<void> {
    const { kafka, cluster } = this.connection;
    if (await leaders(cluster, this.topic)) return;
    const admin = kafka.admin();
    this.connection.onClose(() => admin.disconnect());
    await admin.connect();
    const entries = {
      'cleanup.policy': 'delete',
      'retention.ms': String(RETENTION_MS),
      'max.message.bytes': String(this.maxRecordBytes + (1 << 20)),
    };
    const configEntries = Object.entries(entries).map(([name, value]) => ({ name, value }));
    // Copies: as the cluster's default.replication.factor says.
    const topics = [{ topic: this.topic, numPartitions: 1, replicationFactor: -1, configEntries }];
    await admin.createTopics({ waitForLeaders: false, topics });
    const deadline = performance.now() + LEADER_MS;
    while (((await leaders(cluster, this.topic))?.get(0) ?? -1) < 0) {
      if (performance.now() > deadline) throw new Error('its partition has no leader');
      await sleep(50);
    }
  }
}
