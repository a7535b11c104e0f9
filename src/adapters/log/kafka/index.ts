import { Kafka, type KafkaConfig, type SASLOptions } from 'kafkajs';
import type { Clock } from '../../../core/ports/clock.js';
import type { EventLog } from '../../../core/ports/log.js';
import { systemClock } from '../../../runtime/clock.js';
import { Appender } from './appender.js';
import { KafkaDeadLetters } from './dead-letters.js';
import { kafkaError } from './errors.js';
import { LettersView } from './letters-view.js';
import { KafkaLog } from './log.js';
import type { GroupTimes } from './membership.js';
import { Names } from './names.js';
import { Registry } from './registry.js';
import { Table } from './table.js';
import { Topics } from './topics.js';
import { OwnSockets } from '../../kafka/sockets.js';
import { createCluster, silent } from '../../kafka/vendor.js';

export interface KafkaLogOptions extends Partial<GroupTimes> {
  readonly brokers: readonly string[];
  /** Before the name of every topic and group: two logs on one cluster have two prefixes. */
  readonly prefix: string;
  readonly clientId?: string;
  readonly tls?: KafkaConfig['ssl'];
  readonly sasl?: SASLOptions;
  /** Of a log that is made now. */
  readonly partitions?: number;
  /** At least; default 1. A log of a lower one is raised to it: only when nothing of it is still to be applied. */
  readonly epoch?: number;
  /** Of topics that are made from now on. */
  readonly replicationFactor?: number;
  readonly minInsyncReplicas?: number;
  /** Largest event without its content, and largest batch; default 1 MiB less a margin. */
  readonly maxMessageBytes?: number;
  /** How long one request to a broker may take. */
  readonly requestTimeoutMs?: number;
  readonly clock?: Clock;
}

const DEFAULTS = {
  partitions: 8,
  replicationFactor: 1,
  minInsyncReplicas: 1,
  maxMessageBytes: 900_000,
  sessionTimeoutMs: 30_000,
  heartbeatMs: 3000,
  rebalanceTimeoutMs: 60_000,
  requestTimeoutMs: 15_000,
} as const;

/**
 * The event log on Apache Kafka: a topic a stream, a consumer group a generation, dead letters and what the log knows of
 * itself in compacted topics. Decisions: docs/decisions/0010-kafka.md.
 * @throws FootnoteError unavailable, invalid_config, log_mismatch, data_newer
 */
export async function openKafkaLog(options: KafkaLogOptions): Promise<EventLog> {
  const set = { ...DEFAULTS, ...options };
  const names = new Names(set.prefix);
  const sockets = new OwnSockets();
  const kafka = new Kafka({
    clientId: set.clientId ?? 'footnote',
    brokers: [...set.brokers],
    logCreator: silent,
    socketFactory: sockets.factory,
    connectionTimeout: 5000,
    requestTimeout: set.requestTimeoutMs,
    retry: { initialRetryTime: 100, maxRetryTime: 2000, retries: 6 },
    ...(set.tls === undefined ? {} : { ssl: set.tls }),
    ...(set.sasl === undefined ? {} : { sasl: set.sasl }),
  });
  const admin = kafka.admin();
  const cluster = createCluster(kafka);
  const closers: (() => Promise<unknown>)[] = [() => admin.disconnect(), () => cluster.disconnect()];
  const close = async (): Promise<void> => {
    for (const each of closers.splice(0).reverse()) await each();
    // The client forgets a connection when two of its requests for metadata meet: it would stay open for ever.
    sockets.destroy();
  };
  try {
    await Promise.all([admin.connect(), cluster.connect()]);
    await cluster.refreshMetadata();
    const topics = new Topics(admin, cluster, set);
    const appender = new Appender(kafka, set.maxMessageBytes);
    closers.push(() => appender.close());
    // Each table polls on a connection of its own.
    const follow = async (table: Table): Promise<void> => {
      const own = createCluster(kafka);
      closers.push(() => own.disconnect());
      await own.connect();
      await own.refreshMetadata();
      closers.push(() => table.close());
      await table.open(own);
    };
    const dropped: { listener?: (topic: string, group: string) => void } = {};
    const registry = new Registry(
      (apply) => new Table(names.registry, topics, appender, apply),
      (topic, group) => dropped.listener?.(topic, group),
    );
    await follow(registry.table);
    const identity = await registry.identity({ epoch: options.epoch ?? 1, partitions: set.partitions });
    const view = await LettersView.open();
    closers.push(() => view.close());
    const letters = new Table(names.deadLetters, topics, appender, (rows) =>
      view.apply(rows.map(({ key, value }) => ({ id: key, value }))),
    );
    await follow(letters);
    const log = new KafkaLog({
      kafka,
      admin,
      cluster,
      topics,
      appender,
      names,
      registry,
      identity,
      deadLetters: new KafkaDeadLetters(letters, view, identity.id),
      clock: set.clock ?? systemClock,
      times: set,
      maxMessageBytes: set.maxMessageBytes,
      close,
    });
    dropped.listener = (topic, group) => log.groupDropped(topic, group);
    return log;
  } catch (error) {
    await close().catch(() => undefined);
    throw kafkaError(error, 'be reached');
  }
}
