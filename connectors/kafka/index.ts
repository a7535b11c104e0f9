import type { Connector } from '../../src/core/ports/connector.js';
import { KafkaConfig } from './config.js';
import { Connection } from './connection.js';
import { checkTopic, fromTheBeginning, parsedCursor, rulesOf, type Progress } from './cursor.js';
import { noTopic } from './errors.js';
import { Reading } from './reading.js';
import { endsMoved, highWatermarks, tombstoneMs, topicState, type TopicState } from './topic.js';

/** Whoever was away for longer asks how long tombstones are kept. */
const BRIEFLY_MS = 60_000;

/**
 * A topic's records as documents, in the order of each partition. The cursor holds the next offset of each partition; a run
 * reads up to the ends that it found at its beginning, without a consumer group: the source's lease makes one owner.
 */
export const kafka: Connector<KafkaConfig> = {
  name: 'kafka',
  summary: 'A topic of Apache Kafka: JSON, text, bytes, or the tables that Debezium follows, as documents by key.',
  config: KafkaConfig,
  example: {
    brokers: ['kafka:9092'],
    topic: 'articles',
    fields: { key: '/id', text: '/body', title: '/title' },
  },
  async *read(config, context) {
    const connection = await Connection.open(config, context.signal);
    try {
      const state = await topicState(connection, config.topic);
      if (!state) throw noTopic(config.topic);
      const progress = await startOf(connection, config, state, parsedCursor(context.from), context.clock.now());
      const reading = new Reading(connection, config, context, progress);
      if (config.replay > progress.replayed) yield* reading.replay();
      yield* reading.topic(state);
    } finally {
      await connection.close();
    }
  },
  async *watch(config, { signal }) {
    const connection = await Connection.open(config, signal);
    try {
      yield* endsMoved(connection, config.topic);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await connection.close();
    }
  },
};

/** Where to begin. @throws source_mismatch */
async function startOf(
  connection: Connection,
  config: KafkaConfig,
  state: TopicState,
  cursor: Progress | undefined,
  now: number,
): Promise<Progress> {
  const anew = (): Progress => fromTheBeginning(config, state, now, cursor);
  // Another choice of documents, or somebody decided that the topic is another one.
  if (!cursor || cursor.rules !== rulesOf(config) || cursor.epoch !== config.epoch) return anew();
  checkTopic(config, cursor, state, await highWatermarks(connection, config.topic));
  if (now - cursor.caughtUp < BRIEFLY_MS) return cursor;
  // Tombstones that nobody read in time are compacted away: only a listing of everything tells what they deleted then.
  const kept = await tombstoneMs(connection, config.topic);
  return kept !== undefined && now - cursor.caughtUp > kept / 2 ? anew() : cursor;
}
