import { describe, expect, it } from 'vitest';
import { Fetcher, type FetchSource } from './fetcher.js';
import type { Broker, Cluster, FetchedRecord } from '../../kafka/vendor.js';

type Request = Parameters<Broker['fetch']>[0];

const record = (offset: number): FetchedRecord => ({
  offset: String(offset),
  key: null,
  value: Buffer.from('x'),
  headers: {},
  timestamp: '0',
  isControlRecord: false,
});

/** A cluster of one broker that answers a fetch as `answer` says, for one partition at a time. */
function clusterOf(answer: (partition: number, offset: number) => FetchedRecord[]): Cluster {
  const broker = {
    fetch: async ({ topics }: Request) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      const partitions = topics[0]!.partitions.map(({ partition, fetchOffset }) => ({
        partition,
        highWatermark: '1000',
        messages: answer(partition, Number(fetchOffset)),
      }));
      return { responses: [{ topicName: 't', partitions }] };
    },
  };
  return {
    metadata: async () => ({
      topicMetadata: [{ topic: 't', partitionMetadata: [0, 1].map((partitionId) => ({ partitionId, leader: 1 })) }],
    }),
    refreshMetadata: async () => undefined,
    removeBroker: () => undefined,
    findBroker: async () => broker as unknown as Broker,
  } as unknown as Cluster;
}

function sourceOf(next: Map<number, number>, more: Partial<FetchSource> = {}): FetchSource & { seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    topic: 't',
    wanted: () => [...next].map(([partition, offset]) => [partition, BigInt(offset)] as const),
    records(partition, records) {
      for (const { offset } of records) {
        seen.push(`${partition}/${offset}`);
        next.set(partition, Number(offset) + 1);
      }
    },
    outOfRange: (partition) => seen.push(`${partition} out of range`),
    ...more,
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('Fetcher', () => {
  it('reads the other partitions on while one fails, and that one once it is mended', async () => {
    let broken = true;
    const cluster = clusterOf((partition, offset) => {
      if (partition === 1 && broken) throw Object.assign(new Error('no leader'), { type: 'NOT_LEADER_FOR_PARTITION' });
      return offset < 5 ? [record(offset)] : [];
    });
    const source = sourceOf(
      new Map([
        [0, 0],
        [1, 0],
      ]),
    );
    const stop = new AbortController();
    const running = new Fetcher(cluster, source, stop.signal).run();
    await until(() => source.seen.filter((each) => each.startsWith('0/')).length === 5);
    expect(source.seen.some((each) => each.startsWith('1/'))).toBe(false);
    broken = false;
    await until(() => source.seen.includes('1/4'));
    expect(new Set(source.seen).size).toBe(source.seen.length);
    stop.abort();
    await running;
  });

  it('leaves out what a batch holds before the offset that was asked for', async () => {
    const next = new Map([[0, 3]]);
    const source = sourceOf(next);
    const stop = new AbortController();
    const cluster = clusterOf((_, offset) => (offset < 6 ? [0, 1, 2, 3, 4, 5].map(record) : []));
    const running = new Fetcher(cluster, source, stop.signal).run();
    await until(() => source.seen.length >= 3);
    expect(source.seen.slice(0, 3)).toEqual(['0/3', '0/4', '0/5']);
    stop.abort();
    await running;
  });

  it('tells of an offset that does not exist and asks nothing else of that partition', async () => {
    const next = new Map([
      [0, 0],
      [1, 7],
    ]);
    const cluster = clusterOf((partition, offset) => {
      if (partition === 1) {
        throw Object.assign(new Error('out of range'), { name: 'KafkaJSOffsetOutOfRange', partition: 1 });
      }
      return offset < 3 ? [record(offset)] : [];
    });
    const source = sourceOf(next, { outOfRange: (partition) => void next.delete(partition) });
    const stop = new AbortController();
    const running = new Fetcher(cluster, source, stop.signal).run();
    await until(() => source.seen.includes('0/2'));
    expect([...next.keys()]).toEqual([0]);
    stop.abort();
    await running;
  });

  it('asks for nothing while everything is paused, and goes on when it is woken', async () => {
    let paused = true;
    let asked = 0;
    const next = new Map([[0, 0]]);
    const cluster = clusterOf((_, offset) => {
      asked += 1;
      return offset < 1 ? [record(offset)] : [];
    });
    const source = sourceOf(next);
    const wanted = source.wanted.bind(source);
    const stop = new AbortController();
    const fetcher = new Fetcher(cluster, { ...source, wanted: () => (paused ? [] : wanted()) }, stop.signal);
    const running = fetcher.run();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked).toBe(0);
    paused = false;
    fetcher.wake();
    await until(() => source.seen.length === 1);
    stop.abort();
    await running;
  });
});
