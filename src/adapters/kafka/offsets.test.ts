import { describe, expect, it } from 'vitest';
import { LATEST, offsetsAt } from './offsets.js';
import type { Broker, Cluster } from './vendor.js';

const protocolError = (type: string, retriable: boolean): Error =>
  Object.assign(new Error(type), { name: 'KafkaJSProtocolError', type, retriable });

/** A topic of one partition, whose leader first answers with these. */
function cluster(failures: Error[]) {
  const broker = {
    async listOffsets() {
      const failure = failures.shift();
      if (failure) throw failure;
      return { responses: [{ topic: 't', partitions: [{ partition: 0, offset: '7' }] }] };
    },
  } as unknown as Broker;
  return {
    metadata: async () => ({
      topicMetadata: [{ topic: 't', partitionMetadata: [{ partitionId: 0, leader: 1 }] }],
    }),
    findBroker: async () => broker,
    refreshMetadata: async () => undefined,
  } as unknown as Cluster;
}

describe('asking the leaders of a topic', () => {
  it('waits for one that does not lead yet', async () => {
    const failures = [1, 2, 3].map(() => protocolError('NOT_LEADER_FOR_PARTITION', true));
    expect(await offsetsAt(cluster(failures), 't', LATEST, 'read_committed')).toEqual([7n]);
  });

  it('asks again when the connection broke', async () => {
    expect(await offsetsAt(cluster([new Error('Connection error')]), 't', LATEST, 'read_committed')).toEqual([7n]);
  });

  it('does not ask twice for what is refused', async () => {
    const failures = [protocolError('TOPIC_AUTHORIZATION_FAILED', false), protocolError('OTHER', true)];
    await expect(offsetsAt(cluster(failures), 't', LATEST, 'read_committed')).rejects.toThrow('AUTHORIZATION');
    expect(failures).toHaveLength(1);
  });

  it('gives up when no leader comes', async () => {
    const failures = Array.from({ length: 20 }, () => protocolError('LEADER_NOT_AVAILABLE', true));
    await expect(offsetsAt(cluster(failures), 't', LATEST, 'read_committed')).rejects.toThrow('LEADER_NOT_AVAILABLE');
  });
});
