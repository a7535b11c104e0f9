import { Kafka, type SASLOptions } from 'kafkajs';
import { leaders } from '../../src/adapters/kafka/offsets.js';
import { wholeAnswers } from '../../src/adapters/kafka/sockets.js';
import { createCluster, silent, type Broker, type Cluster } from '../../src/adapters/kafka/vendor.js';
import { throwIfAborted } from '../../src/core/errors.js';
import type { KafkaConfig } from './config.js';
import { noTopic, sourceError } from './errors.js';

/** How long closing waits for a connection that does not answer. */
const CLOSE_MS = 2000;

/** A connection of one read's own. Whatever is asked of it ends when the signal aborts. */
export class Connection {
  readonly #leaders = new Map<string, ReadonlyMap<number, number>>();
  readonly #closers: (() => Promise<unknown>)[] = [];

  private constructor(
    readonly kafka: Kafka,
    readonly cluster: Cluster,
    readonly signal: AbortSignal,
  ) {
    this.onClose(() => cluster.disconnect());
  }

  /** @throws unavailable, unauthorized, invalid_config, cancelled */
  static async open(
    { brokers, tls, sasl, requestTimeoutMs }: Pick<KafkaConfig, 'brokers' | 'tls' | 'sasl' | 'requestTimeoutMs'>,
    signal: AbortSignal,
  ): Promise<Connection> {
    const kafka = new Kafka({
      clientId: 'footnote',
      brokers: [...brokers],
      logCreator: silent,
      socketFactory: wholeAnswers,
      connectionTimeout: Math.min(5000, requestTimeoutMs),
      authenticationTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 4 },
      ...(tls === false ? {} : { ssl: tls }),
      ...(sasl === undefined ? {} : { sasl: sasl as SASLOptions }),
    });
    const connection = new Connection(kafka, createCluster(kafka), signal);
    try {
      await connection.ask('be reached', async () => {
        await connection.cluster.connect();
        await connection.cluster.refreshMetadata();
      });
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** @throws FootnoteError, `cancelled` as soon as the signal aborts */
  async ask<T>(doing: string, work: () => Promise<T>): Promise<T> {
    throwIfAborted(this.signal);
    let leave = (): void => undefined;
    const aborted = new Promise<void>((resolve) => {
      leave = resolve;
      this.signal.addEventListener('abort', leave, { once: true });
    });
    const asked = work();
    // When nobody waits for it any more.
    asked.catch(() => undefined);
    try {
      return await Promise.race([
        asked,
        aborted.then(() => {
          throwIfAborted(this.signal);
          throw new Error('not aborted');
        }),
      ]);
    } catch (error) {
      throw sourceError(error, doing);
    } finally {
      this.signal.removeEventListener('abort', leave);
    }
  }

  /** The leader of a partition, as it was known. @throws not_found */
  async leaderOf(topic: string, partition: number): Promise<Broker> {
    let known = this.#leaders.get(topic);
    if (!known) {
      known = await leaders(this.cluster, topic);
      if (!known) throw noTopic(topic);
      this.#leaders.set(topic, known);
    }
    const nodeId = known.get(partition);
    if (nodeId === undefined || nodeId < 0) throw new Error(`partition ${partition} has no leader`);
    return this.cluster.findBroker({ nodeId });
  }

  /** A leader may have moved, or its connection broke. */
  async refresh(topic: string): Promise<void> {
    this.#leaders.delete(topic);
    await this.cluster.refreshMetadata().catch(() => undefined);
  }

  onClose(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
    const closing = Promise.allSettled(this.#closers.splice(0).map((close) => close()));
    await Promise.race([closing, over]);
    clearTimeout(timer);
  }
}
