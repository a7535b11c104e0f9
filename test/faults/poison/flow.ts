import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigInput } from '../../../src/core/config.js';
import { documentId } from '../../../src/core/ids.js';
import type { Engine } from '../../../src/engine/open.js';
import type { TestCluster } from '../../support/kafka.js';
import { DEFAULT_PRINCIPALS } from '../kill/script.js';
import { CALLER, COLLECTION, testConfig } from '../kill/work.js';
import { LIMITS, type PoisonMessage } from './messages.js';

/** The collection whose topic holds no bad message. */
export const CLEAN = 'clean';
const SOURCE = 'feed';
const LOOK_MS = 50;
const BATCH_BYTES = 256 * 1024;
const SETTLE_MS = 120_000;
const NEVER = new AbortController().signal;

/** Each collection's topic. */
export type PoisonTopics = Readonly<Record<'clean' | 'poisoned', string>>;

export function idOf(key: string, collection = COLLECTION): string {
  return documentId({ tenant: CALLER.tenant, collection, source: SOURCE, key });
}

/** @param stores none: embedded, and the poisoned topic alone */
export async function configOf(
  directory: string,
  brokers: string[],
  topics: PoisonTopics,
  limits: keyof typeof LIMITS,
  stores?: ConfigInput['stores'],
): Promise<ConfigInput> {
  await mkdir(directory, { recursive: true });
  const source = (collection: string, topic: string) => ({
    collection,
    source: SOURCE,
    connector: 'kafka',
    everyMs: 1000,
    watch: true,
    options: {
      brokers,
      topic,
      fields: { content: '/content', mime: '/mime' },
      maxRecordBytes: LIMITS[limits].record,
      replay: limits === 'raised' ? 1 : 0,
    },
  });
  const base = testConfig(join(directory, 'data'));
  return {
    ...base,
    ...(stores === undefined ? {} : { stores, ingest: { partitions: 4 } }),
    parsing: { ...base.parsing, outputBytes: LIMITS[limits].text },
    collections: [COLLECTION, CLEAN].map((name) => ({ name, defaultPolicy: { principals: DEFAULT_PRINCIPALS } })),
    sources: [source(COLLECTION, topics.poisoned), ...(stores === undefined ? [] : [source(CLEAN, topics.clean)])],
  };
}

/** In batches that a broker takes, whose default is 1 MiB. */
export async function send(cluster: TestCluster, topic: string, messages: readonly PoisonMessage[]): Promise<void> {
  let batch: PoisonMessage[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    await cluster.send(topic, ...batch.map(({ key, value }) => ({ key, value })));
    batch = [];
    bytes = 0;
  };
  for (const message of messages) {
    if (batch.length > 0 && bytes + message.value.length > BATCH_BYTES) await flush();
    batch.push(message);
    bytes += message.value.length;
  }
  await flush();
}

/** At an even pace. @returns when each was handed to the producer, by key: milliseconds since 1970 */
export async function sendEvenly(
  cluster: TestCluster,
  topic: string,
  messages: readonly PoisonMessage[],
  rate: number,
): Promise<Map<string, number>> {
  const sentAt = new Map<string, number>();
  const sending: Promise<void>[] = [];
  const began = performance.now();
  for (const [n, message] of messages.entries()) {
    await sleep(Math.max(0, began + (n * 1000) / rate - performance.now()));
    sentAt.set(message.key, Date.now());
    sending.push(send(cluster, topic, [message]));
  }
  await Promise.all(sending);
  return sentAt;
}

/** Until every source was read after now, and all of it is applied. */
export async function settled(engine: Engine): Promise<void> {
  const since = new Date().toISOString();
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const { sources } = await engine.surface.connectors.list(CALLER, NEVER);
    const read = sources.every(({ last }) => last?.outcome === 'ok' && last.startedAt > since);
    const { collections } = await engine.surface.status(CALLER, NEVER);
    const idle = Object.values(collections).every(({ lag, documents }) => lag === 0 && documents.pending === 0);
    if (read && idle) return;
    if (Date.now() > deadline) throw new Error(`Not settled: ${JSON.stringify(sources)}`);
    await sleep(LOOK_MS);
  }
}
