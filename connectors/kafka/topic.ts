import { setTimeout as sleep } from 'node:timers/promises';
import { EARLIEST, LATEST, offsetsAt } from '../../src/adapters/kafka/offsets.js';
import { topicId } from '../../src/adapters/kafka/raw.js';
import type { Connection } from './connection.js';
import { noTopic } from './errors.js';

/** A topic as it is now; offsets by partition. */
export interface TopicState {
  /** The cluster's id. */
  readonly cluster: string | null;
  /** What tells it from another topic of the same name; null where brokers give no ids (before Kafka 3.0). */
  readonly id: string | null;
  /** The first one that is kept. */
  readonly low: readonly bigint[];
  /** The one behind the last record of an ended transaction. */
  readonly end: readonly bigint[];
}

/** @returns undefined when there is no such topic */
export async function topicState(connection: Connection, topic: string): Promise<TopicState | undefined> {
  return connection.ask(`be asked about the topic ${topic}`, async () => {
    const { cluster } = connection;
    // First the ends: what is trimmed meanwhile lies below them.
    const end = await offsetsAt(cluster, topic, LATEST, 'read_committed');
    const low = await offsetsAt(cluster, topic, EARLIEST, 'read_committed');
    if (!end || !low) return undefined;
    const [{ clusterId }, id] = await Promise.all([
      cluster.metadata({ topics: [topic] }),
      connection.leaderOf(topic, 0).then((broker) => topicId(broker, topic)),
    ]);
    return { cluster: clusterId, id: id ?? null, low, end };
  });
}

/** By partition: the end of all records, also of open transactions. */
export async function highWatermarks(connection: Connection, topic: string): Promise<readonly bigint[]> {
  const found = await connection.ask(`be asked about the topic ${topic}`, () =>
    offsetsAt(connection.cluster, topic, LATEST, 'read_uncommitted'),
  );
  if (!found) throw noTopic(topic);
  return found;
}

const TOPIC = 2;
/** Kafka's own default of `delete.retention.ms`. */
const DAY_MS = 86_400_000;

/**
 * How long a tombstone stays readable at least (ms); undefined where the topic is not compacted. Whoever may not read the
 * topic's settings gets Kafka's default.
 */
export async function tombstoneMs(connection: Connection, topic: string): Promise<number | undefined> {
  try {
    return await connection.ask(`be asked about the settings of ${topic}`, async () => {
      const broker = await connection.leaderOf(topic, 0);
      const { resources } = await broker.describeConfigs({
        resources: [{ type: TOPIC, name: topic, configNames: ['cleanup.policy', 'delete.retention.ms'] }],
      });
      const entries = resources[0]?.configEntries ?? [];
      const valueOf = (name: string) => entries.find(({ configName }) => configName === name)?.configValue;
      if (valueOf('cleanup.policy')?.includes('compact') === false) return undefined;
      const ms = Number(valueOf('delete.retention.ms') ?? DAY_MS);
      return Number.isFinite(ms) ? ms : DAY_MS;
    });
  } catch {
    // What is asked next will tell whether the cluster is there.
    return DAY_MS;
  }
}

const POLL_MS = 500;

/** Yields at once, and whenever ended transactions or single records were added. */
export async function* endsMoved(connection: Connection, topic: string): AsyncGenerator<void> {
  const { signal } = connection;
  let before: string | undefined;
  while (!signal.aborted) {
    const end = await connection.ask('be watched', () =>
      offsetsAt(connection.cluster, topic, LATEST, 'read_committed'),
    );
    if (!end) throw noTopic(topic);
    const now = end.join();
    if (now !== before) {
      before = now;
      yield;
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}
