import { setTimeout as sleep } from 'node:timers/promises';
import { mayPass, protocolError, UNKNOWN_TOPIC } from './errors.js';
import type { Broker, Cluster } from './vendor.js';

/** ListOffsets' own names of the two ends (Kafka protocol, `timestamp`). */
export const LATEST = -1;
export const EARLIEST = -2;

/** Whose records count: all, or those of ended transactions alone (Kafka protocol, `isolation_level`). */
export type Isolation = 'read_uncommitted' | 'read_committed';

const LEVEL: Readonly<Record<Isolation, number>> = { read_uncommitted: 0, read_committed: 1 };

/** The leader of each partition; undefined when there is no such topic. */
export async function leaders(cluster: Cluster, topic: string): Promise<Map<number, number> | undefined> {
  try {
    const { topicMetadata } = await cluster.metadata({ topics: [topic] });
    const found = topicMetadata.find((each) => each.topic === topic);
    return found && new Map(found.partitionMetadata.map((each) => [each.partitionId, each.leader]));
  } catch (error) {
    if (protocolError(error) === UNKNOWN_TOPIC) return undefined;
    throw error;
  }
}

/** A broker that the metadata calls leader takes up a new topic's partitions a moment later. */
const WAITS_MS = [0, 50, 100, 250, 500, 1000];

/**
 * Asks the leader of each partition, and again where one has moved, does not lead yet, or its connection broke.
 * @returns false when there is no such topic
 */
export async function onLeaders(
  cluster: Cluster,
  topic: string,
  ask: (broker: Broker, partitions: number[]) => Promise<void>,
): Promise<boolean> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const by = await leaders(cluster, topic);
      if (by === undefined) return false;
      const nodes = new Map<number, number[]>();
      for (const [partition, leader] of by) nodes.set(leader, [...(nodes.get(leader) ?? []), partition]);
      await Promise.all(
        [...nodes].map(async ([nodeId, partitions]) => ask(await cluster.findBroker({ nodeId }), partitions)),
      );
      return true;
    } catch (error) {
      const wait = WAITS_MS[attempt];
      if (wait === undefined || !mayPass(error)) throw error;
      await sleep(wait);
      await cluster.refreshMetadata().catch(() => undefined);
    }
  }
}

/**
 * By partition: the first offset that is not older than `time` (ms, or LATEST, EARLIEST), -1 where all are; undefined when
 * there is no such topic.
 */
export async function offsetsAt(
  cluster: Cluster,
  topic: string,
  time: number,
  isolation: Isolation,
): Promise<bigint[] | undefined> {
  const found: bigint[] = [];
  const done = await onLeaders(cluster, topic, async (broker, partitions) => {
    const { responses } = await broker.listOffsets({
      replicaId: -1,
      isolationLevel: LEVEL[isolation],
      topics: [{ topic, partitions: partitions.map((partition) => ({ partition, timestamp: time })) }],
    });
    for (const each of responses.flatMap((response) => response.partitions)) {
      found[each.partition] = BigInt(each.offset);
    }
  });
  return done ? found : undefined;
}
