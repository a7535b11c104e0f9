import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { protocolError, UNKNOWN_TOPIC } from '../../kafka/errors.js';
import { EARLIEST, LATEST, leaders, offsetsAt, onLeaders } from '../../kafka/offsets.js';
import type { Broker, Cluster } from '../../kafka/vendor.js';
import { kafkaError } from './errors.js';

/** How long a new topic may take until every broker that is asked knows its leaders. */
const LEADERS_MS = 15_000;

export interface TopicOptions {
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
  /** Largest record batch. */
  readonly maxMessageBytes: number;
}

/** Whole events stay until the engine trims them; their age is the broker's own clock. */
function eventsConfig(options: TopicOptions): Record<string, string> {
  return {
    'cleanup.policy': 'delete',
    'retention.ms': '-1',
    'retention.bytes': '-1',
    'message.timestamp.type': 'LogAppendTime',
    'min.insync.replicas': String(options.minInsyncReplicas),
    'max.message.bytes': String(options.maxMessageBytes + 65_536),
    // What was trimmed leaves the disk with its segment.
    'segment.ms': '86400000',
  };
}

/** One record a key. What was removed or replaced leaves the disk within about an hour. */
function tableConfig(options: TopicOptions): Record<string, string> {
  return {
    'cleanup.policy': 'compact',
    'min.insync.replicas': String(options.minInsyncReplicas),
    // A dead letter holds its event as text within JSON, where each quote and backslash takes two bytes.
    'max.message.bytes': String(2 * options.maxMessageBytes + 65_536),
    'segment.ms': '3600000',
    'max.compaction.lag.ms': '3600000',
    'min.cleanable.dirty.ratio': '0.1',
  };
}

/** Making, measuring, trimming and removing topics. */
export class Topics {
  readonly #admin: Admin;
  readonly #cluster: Cluster;
  readonly #options: TopicOptions;

  constructor(admin: Admin, cluster: Cluster, options: TopicOptions) {
    this.#admin = admin;
    this.#cluster = cluster;
    this.#options = options;
  }

  /** Idempotent. @returns once every partition has a leader */
  async create(topic: string, kind: 'events' | 'table', partitions: number): Promise<void> {
    const config = kind === 'events' ? eventsConfig(this.#options) : tableConfig(this.#options);
    try {
      await this.#admin.createTopics({
        // kafkajs gives up waiting at a broker that has not heard of the topic yet.
        waitForLeaders: false,
        topics: [
          {
            topic,
            numPartitions: partitions,
            replicationFactor: this.#options.replicationFactor,
            configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
          },
        ],
      });
      const deadline = performance.now() + LEADERS_MS;
      while ((await this.leaders(topic))?.size !== partitions) {
        if (performance.now() > deadline) throw new Error('its partitions have no leaders');
        await sleep(50);
      }
    } catch (error) {
      throw kafkaError(error, `create the topic ${topic}`);
    }
  }

  /** Idempotent. */
  async remove(topic: string): Promise<void> {
    try {
      await this.#admin.deleteTopics({ topics: [topic] });
    } catch (error) {
      if (protocolError(error) !== UNKNOWN_TOPIC) throw kafkaError(error, `delete the topic ${topic}`);
    }
  }

  /** The leader of each partition; undefined when there is no such topic. */
  async leaders(topic: string): Promise<Map<number, number> | undefined> {
    try {
      return await leaders(this.#cluster, topic);
    } catch (error) {
      throw kafkaError(error, `be asked about the topic ${topic}`);
    }
  }

  /** Offsets by partition: the first kept one and the one after the last; undefined when there is no such topic. */
  async bounds(topic: string): Promise<{ low: bigint[]; high: bigint[] } | undefined> {
    const [low, high] = await Promise.all([this.at(topic, EARLIEST), this.at(topic, LATEST)]);
    return low && high ? { low, high } : undefined;
  }

  /** By partition: the first offset that is not older than `time` (ms), or -1 where all are. */
  async at(topic: string, time: number): Promise<bigint[] | undefined> {
    try {
      return await offsetsAt(this.#cluster, topic, time, 'read_committed');
    } catch (error) {
      throw kafkaError(error, `be asked about the topic ${topic}`);
    }
  }

  /** Removes records below these offsets; ones that lie below the first kept record stay where they are. */
  async trim(topic: string, below: ReadonlyMap<number, bigint>): Promise<void> {
    await this.#onLeaders(topic, async (broker, partitions) => {
      const wanted = partitions.flatMap((partition) => {
        const offset = below.get(partition);
        return offset === undefined ? [] : [{ partition, offset: offset.toString() }];
      });
      if (wanted.length > 0) await broker.deleteRecords({ topics: [{ topic, partitions: wanted }] });
    });
  }

  async #onLeaders(topic: string, ask: (broker: Broker, partitions: number[]) => Promise<void>): Promise<void> {
    try {
      await onLeaders(this.#cluster, topic, ask);
    } catch (error) {
      throw kafkaError(error, `be asked about the topic ${topic}`);
    }
  }
}
