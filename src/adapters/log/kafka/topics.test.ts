import type { Admin } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import type { Cluster } from '../../kafka/vendor.js';
import { Topics } from './topics.js';

const OPTIONS = { replicationFactor: 1, minInsyncReplicas: 1, maxMessageBytes: 900_000 };

/** What kafkajs throws, as far as anybody looks at it. */
const failure = (fields: object) => Object.assign(new Error('said kafkajs'), fields);

function topicsOf(error: Error): Topics {
  const cluster = { metadata: () => Promise.reject(error), refreshMetadata: () => Promise.resolve() };
  return new Topics({} as Admin, cluster as unknown as Cluster, OPTIONS);
}

describe('Topics', () => {
  it('tells whoever asks for leaders that Kafka is away, so that it is waited for', async () => {
    const closed = failure({
      name: 'KafkaJSNumberOfRetriesExceeded',
      cause: failure({ name: 'KafkaJSConnectionClosedError' }),
    });
    const expected = { code: 'unavailable', permanence: 'transient', cause: closed };
    await expect(topicsOf(closed).leaders('t')).rejects.toMatchObject(expected);
    await expect(topicsOf(closed).bounds('t')).rejects.toMatchObject(expected);
  });

  it('knows a topic that is not there', async () => {
    const missing = failure({ type: 'UNKNOWN_TOPIC_OR_PARTITION' });
    expect(await topicsOf(missing).leaders('t')).toBeUndefined();
    expect(await topicsOf(missing).bounds('t')).toBeUndefined();
  });
});
