import { randomUUID } from 'node:crypto';
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs';
import { MemberAssignment } from '../../../src/adapters/kafka/vendor.js';
import { Fields } from './bytes.js';

const TOPIC = '__consumer_offsets';
const READ_MS = 120_000;
/** Layouts of both records that are read here, the plain and the flexible one; a broker that writes another one is told. */
const [PLAIN, FLEXIBLE] = [3, 4];

export interface Ownership {
  readonly commits: number;
  /** Assignments of partitions to members, one a rebalance. */
  readonly generations: number;
  /** Commits of partitions that belonged to another member at that moment, or to nobody. */
  readonly violations: readonly string[];
}

interface Group {
  readonly generation: number;
  /** By partition. */
  readonly owners: ReadonlyMap<number, string>;
}

/**
 * What the broker itself recorded of the groups of a log: each assignment and each commit, in their order. A commit holds
 * the member that made it.
 */
export async function ownership(brokers: readonly string[], prefix: string): Promise<Ownership> {
  const groups = new Map<string, Group>();
  const violations: string[] = [];
  let [commits, generations] = [0, 0];
  await everyRecord(brokers, ({ key, value }) => {
    if (key === null || value === null) return;
    const name = new Fields(key);
    const kind = name.int16();
    const group = name.string();
    if (!group.startsWith(`${prefix}.group.`)) return;
    const fields = new Fields(value);
    const layout = fields.int16();
    if (kind > 2) return;
    fields.flexible = layout === FLEXIBLE;
    if (layout !== PLAIN && layout !== FLEXIBLE)
      throw new Error(`Kafka wrote layout ${layout} of its record of groups.`);
    if (kind === 2) {
      groups.set(group, assignment(fields));
      generations += 1;
      return;
    }
    const topic = name.string();
    const partition = name.int32();
    const offset = fields.int64();
    fields.int32();
    const member = fields.string();
    commits += 1;
    const known = groups.get(group);
    const owner = known?.owners.get(partition);
    if (owner === member) return;
    violations.push(
      `${topic}/${partition} at ${offset}: committed by ${member}, owned by ${owner ?? 'nobody'} in generation ${known?.generation}`,
    );
  });
  return { commits, generations, violations };
}

function assignment(fields: Fields): Group {
  fields.string();
  const generation = fields.int32();
  fields.string();
  fields.string();
  fields.int64();
  const owners = new Map<number, string>();
  fields.list(() => {
    const member = fields.string();
    fields.string();
    fields.string();
    fields.string();
    fields.int32();
    fields.int32();
    fields.buffer();
    const assigned = MemberAssignment.decode(fields.buffer())?.assignment ?? {};
    for (const partition of Object.values(assigned).flat()) owners.set(partition, member);
    fields.tags();
  });
  return { generation, owners };
}

/** All that is there now; each partition in its order, and one group's records lie in one partition. */
async function everyRecord(brokers: readonly string[], take: (message: KafkaMessage) => void): Promise<void> {
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'audit', logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId: `audit-${randomUUID()}` });
  try {
    await admin.connect();
    const left = new Map(
      (await admin.fetchTopicOffsets(TOPIC))
        .filter(({ low, high }) => BigInt(high) > BigInt(low))
        .map(({ partition, high }) => [partition, BigInt(high)]),
    );
    await consumer.connect();
    await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${TOPIC} was not read in time.`)), READ_MS);
      const settle = (error?: Error): void => {
        clearTimeout(late);
        if (error) reject(error);
        else resolve();
      };
      if (left.size === 0) settle();
      void consumer.run({
        autoCommit: false,
        async eachMessage({ partition, message }) {
          const end = left.get(partition);
          if (end === undefined) return;
          try {
            if (BigInt(message.offset) < end) take(message);
          } catch (error) {
            settle(error as Error);
          }
          if (BigInt(message.offset) + 1n >= end) left.delete(partition);
          if (left.size === 0) settle();
        },
      });
    });
  } finally {
    await consumer.disconnect();
    await admin.disconnect();
  }
}
