import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { deadLetterTopic, KafkaConfig } from '../../../connectors/kafka/config.js';
import type { Engine } from '../../../src/engine/open.js';
import type { TestCluster } from '../../support/kafka.js';
import { CALLER, COLLECTION } from '../kill/work.js';
import { POISON, type PoisonMessage } from './messages.js';

const READ_MS = 60_000;
const NEVER = new AbortController().signal;

/** Dead letters by code. */
export interface Letters {
  readonly engine: Readonly<Record<string, number>>;
  readonly connector: Readonly<Record<string, number>>;
}

interface Checked {
  readonly codes: Record<string, number>;
  readonly violations: string[];
}

/** Each bad document has one letter with its reason, and its original is there byte for byte; nothing else has one. */
export async function checkEngineLetters(engine: Engine, sent: readonly PoisonMessage[]): Promise<Checked> {
  const { deadLetters } = await engine.surface.dlq.list(CALLER, COLLECTION, { limit: 10_000 }, NEVER);
  const found = await Promise.all(
    deadLetters.map(async ({ key, code, documentId }) => {
      const at = { collection: COLLECTION, documentId };
      const original = await engine.surface.documents.original(CALLER, at, NEVER);
      return { key, code, bytes: await buffer(original.content) };
    }),
  );
  return check('engine', found, sent, ({ content }) => content!);
}

/** Each bad record has one letter with its reason, key and value; nothing else has one. */
export async function checkConnectorLetters(
  cluster: TestCluster,
  topic: string,
  sent: readonly PoisonMessage[],
): Promise<Checked> {
  const config = KafkaConfig.parse({ brokers: cluster.brokers, topic, fields: { text: '/text' } });
  const found: Found[] = [];
  for (const { key, value, headers } of await everyRecord(cluster, deadLetterTopic(config))) {
    if (value === null) found.push({ key, code: 'without its value', bytes: Buffer.alloc(0) });
    else found.push({ key, code: String(headers['footnote-code']), bytes: value });
  }
  return check('connector', found, sent, ({ value }) => Buffer.from(value));
}

interface Found {
  readonly key: string;
  readonly code: string;
  readonly bytes: Buffer;
}

function check(
  at: 'engine' | 'connector',
  found: readonly Found[],
  sent: readonly PoisonMessage[],
  original: (message: PoisonMessage) => Buffer,
): Checked {
  const violations: string[] = [];
  const codes: Record<string, number> = {};
  const left = [...found];
  for (const message of sent) {
    if (!message.poison || POISON[message.poison].at !== at) continue;
    const { key, poison } = message;
    const index = left.findIndex((each) => each.key === key);
    const [letter] = index < 0 ? [] : left.splice(index, 1);
    if (!letter) {
      violations.push(`${key} (${poison}): no letter of the ${at}`);
      continue;
    }
    codes[letter.code] = (codes[letter.code] ?? 0) + 1;
    const due = POISON[poison].code;
    if (letter.code !== due) violations.push(`${key} (${poison}): ${letter.code}, not ${due}`);
    if (!letter.bytes.equals(original(message))) violations.push(`${key} (${poison}): not its original bytes`);
  }
  for (const { key, code } of left) violations.push(`${key}: a letter of the ${at} too many (${code})`);
  return { codes, violations };
}

async function everyRecord(cluster: TestCluster, topic: string) {
  const records: { key: string; value: Buffer | null; headers: Record<string, unknown> }[] = [];
  const ends = await cluster.admin.fetchTopicOffsets(topic);
  const count = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  const consumer = cluster.kafka.consumer({ groupId: `letters-${randomUUID()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  try {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${topic} was not read in time.`)), READ_MS);
      const see = (): void => {
        if (records.length < count) return;
        clearTimeout(late);
        resolve();
      };
      see();
      consumer
        .run({
          eachMessage: async ({ message: { key, value, headers } }) => {
            records.push({ key: String(key), value, headers: { ...headers } });
            see();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return records;
}
