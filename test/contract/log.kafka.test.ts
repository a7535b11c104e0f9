import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigResourceTypes, Kafka, logLevel, type KafkaMessage } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openKafkaLog, type KafkaLogOptions } from '../../src/adapters/log/kafka/index.js';
import { FootnoteError } from '../../src/core/errors.js';
import type { Delivery, EventLog } from '../../src/core/ports/log.js';
import { idOf, makeEvent } from '../support/fixtures.js';
import { describeWith } from '../support/needs.js';
import type { Made, Reopening } from './catalog/maker.js';
import { describeLogContract } from './log.js';

describeWith('KAFKA_BROKERS', 'Kafka log', (address) => {
  const options = (): KafkaLogOptions => ({
    brokers: address.split(','),
    prefix: `test-${randomUUID()}`,
    partitions: 4,
    sessionTimeoutMs: 10_000,
    heartbeatMs: 200,
    rebalanceTimeoutMs: 10_000,
  });

  async function make(): Promise<Made<EventLog>> {
    const own = options();
    const open = async (how: Reopening = {}): Promise<Made<EventLog>> => {
      const port = await openKafkaLog({ ...own, ...how });
      return {
        port,
        close: () => port.close(),
        reopen: async (again) => {
          await port.close();
          return open(again);
        },
      };
    };
    return open();
  }

  describeLogContract('Kafka', make);

  describe('the Kafka log', () => {
    const kafka = new Kafka({ brokers: address.split(','), logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    const opened: EventLog[] = [];
    const open = async (given: KafkaLogOptions): Promise<EventLog> => {
      const log = await openKafkaLog(given);
      opened.push(log);
      return log;
    };
    beforeAll(() => admin.connect());
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((log) => log.close()));
    });
    afterAll(() => admin.disconnect());

    const consume = (log: EventLog, group = 'g') => {
      const stop = new AbortController();
      const iterator = log
        .consume({ stream: 's', group, maxInFlightBytes: 1e9, signal: stop.signal })
        [Symbol.asyncIterator]();
      const end = async (): Promise<void> => {
        stop.abort();
        while (!(await iterator.next()).done) continue;
      };
      return { iterator, end, one: async () => (await iterator.next()).value as Delivery };
    };
    const topicOf = async (prefix: string): Promise<string> =>
      (await admin.listTopics()).find((each) => each.startsWith(`${prefix}.events.`))!;

    it('makes topics that keep everything until it trims, with the partitions it was told', async () => {
      const own = options();
      const log = await open({ ...own, partitions: 3 });
      await log.append('s', [makeEvent('a')]);
      const topic = await topicOf(own.prefix);
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
      });
      const config = new Map(resources[0]!.configEntries.map((each) => [each.configName, each.configValue]));
      expect(config.get('retention.ms')).toBe('-1');
      expect(config.get('retention.bytes')).toBe('-1');
      expect(config.get('cleanup.policy')).toBe('delete');
      expect((await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]!.partitions).toHaveLength(3);
      // A log that is there keeps what it was made with.
      const again = await open({ ...own, partitions: 7 });
      expect(await again.identity()).toEqual(await log.identity());
    });

    it('has one identity, however many open it at once', async () => {
      const own = options();
      const logs = await Promise.all([0, 1, 2].map(() => open(own)));
      const ids = await Promise.all(logs.map(async (log) => (await log.identity()).id));
      expect(new Set(ids).size).toBe(1);
      expect((await (await open(own)).identity()).id).toBe(ids[0]);
    });

    it('keeps its partitions while work takes longer than the session, and others join meanwhile', async () => {
      const own = { ...options(), sessionTimeoutMs: 1500, heartbeatMs: 200, rebalanceTimeoutMs: 3000 };
      const log = await open(own);
      await log.append('s', [makeEvent('a')]);
      const first = consume(log);
      const delivery = await first.one();
      await sleep(4000);
      expect(delivery.signal.aborted).toBe(false);
      await delivery.ack();
      expect(await log.lag('s', 'g')).toBe(0);
      const second = consume(await open(own));
      const asked = [first.one(), second.one()];
      await log.append('s', [makeEvent('a')]);
      await (await Promise.race(asked)).ack();
      expect(await log.lag('s', 'g')).toBe(0);
      await Promise.all([first.end(), second.end()]);
    });

    it('stops the group at a record of another log, with advice, and commits nothing above it', async () => {
      const own = options();
      const log = await open(own);
      await log.append('s', [makeEvent('a')]);
      const topic = await topicOf(own.prefix);
      const producer = kafka.producer();
      await producer.connect();
      const [position] = await log.append('s', [makeEvent('a')]);
      await producer.send({
        topic,
        messages: [{ partition: position!.partition, key: 'x', value: '{}', headers: { 'footnote-log': 'another' } }],
      });
      await producer.disconnect();
      const reader = consume(log);
      const failed = expect(
        (async () => {
          for (;;) await (await reader.one()).ack();
        })(),
      ).rejects.toMatchObject({ code: 'log_mismatch', message: expect.stringContaining('another') as string });
      await failed;
      expect(await log.lag('s', 'g')).toBeGreaterThanOrEqual(1);
    });

    it('stops the group when the partitions were changed', async () => {
      const own = options();
      const log = await open(own);
      await log.append('s', [makeEvent('a')]);
      await admin.createPartitions({ topicPartitions: [{ topic: await topicOf(own.prefix), count: 9 }] });
      await expect(consume(log).one()).rejects.toMatchObject({
        code: 'log_mismatch',
        message: expect.stringContaining('9 partitions') as string,
      });
    });

    it('stops the group where events were removed unread, and where it has read what is not there', async () => {
      const own = options();
      const log = await open(own);
      const positions = await log.append(
        's',
        Array.from({ length: 6 }, () => makeEvent('a')),
      );
      await log.seek('s', 'g', [positions[1]!]);
      await log.seek('s', 'end', [positions[5]!]);
      const topic = await topicOf(own.prefix);
      const { partition } = positions[0]!;
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: '4' }] });
      await expect(consume(log).one()).rejects.toMatchObject({ code: 'log_mismatch' });
      // Who begins now begins at what is kept.
      const late = consume(log, 'late');
      expect((await late.one()).position.offset).toBe(4n);
      await late.end();
      const groupId = `${own.prefix}.group.s.0.end`;
      await admin.setOffsets({ groupId, topic, partitions: [{ partition, offset: '100' }] });
      await expect(consume(log, 'end').one()).rejects.toMatchObject({ code: 'log_mismatch' });
    });

    it('refuses an event above the set size before anything is sent', async () => {
      const log = await open({ ...options(), maxMessageBytes: 10_000 });
      const large = makeEvent('a', { metadata: { text: 'x'.repeat(20_000) } });
      await expect(log.append('s', [makeEvent('a'), large])).rejects.toMatchObject({ code: 'request_too_large' });
      expect((await log.end('s')).every((each) => each.offset === 0n)).toBe(true);
    });

    it('takes a dead letter of the largest event, also one that is all quotes', async () => {
      const log = await open({ ...options(), maxMessageBytes: 100_000 });
      const large = makeEvent('a', { metadata: { text: '"'.repeat(48_000) } });
      await log.append('s', [large]);
      const reader = consume(log);
      await (await reader.one()).reject(new FootnoteError('corrupt_document', 'It is broken.'));
      await reader.end();
      expect((await log.deadLetters.list('s'))[0]!.event).toEqual(large);
    });

    it('ends the consumers of other processes when a stream or group is dropped, and finds the new one', async () => {
      const own = options();
      const [here, there] = [await open(own), await open(own)];
      await here.append('s', [makeEvent('a')]);
      const reader = consume(there);
      await (await reader.one()).ack();
      const ended = reader.iterator.next();
      await here.dropStream('s');
      expect((await ended).done).toBe(true);
      const [position] = await there.append('s', [makeEvent('b')]);
      expect(position!.offset).toBe(0n);
      expect(await here.lag('s', 'g')).toBe(1);
      const again = consume(here);
      expect((await again.one()).event.key).toBe('b');
      await again.end();
    });

    it('writes dead letters that other tools can read: key, place, fence and reason', async () => {
      const own = options();
      const log = await open(own);
      const [position] = await log.append('s', [makeEvent('a', { fence: 7 })]);
      const reader = consume(log);
      await (await reader.one()).reject(new FootnoteError('corrupt_document', 'It is broken.'));
      await reader.end();
      const consumer = kafka.consumer({ groupId: `${own.prefix}-look` });
      await consumer.connect();
      await consumer.subscribe({ topic: `${own.prefix}.dead-letters`, fromBeginning: true });
      const message = await new Promise<KafkaMessage>((resolve, reject) => {
        consumer.run({ eachMessage: async (each) => resolve(each.message) }).catch(reject);
      });
      await consumer.disconnect();
      const headers = Object.fromEntries(
        Object.entries(message.headers!).map(([name, value]) => [name, String(value)]),
      );
      expect(headers).toMatchObject({
        'footnote-log': (await log.identity()).id,
        'footnote-key': idOf('a'),
        'footnote-stream': 's',
        'footnote-group': 'g',
        'footnote-partition': String(position!.partition),
        'footnote-offset': '0',
        'footnote-fence': '7',
        'footnote-code': 'corrupt_document',
      });
      expect(JSON.parse(message.value!.toString())).toMatchObject({ message: 'It is broken.', attempts: 1 });
    });
  });
});

it('says that Kafka is not there', async () => {
  await expect(
    openKafkaLog({ brokers: ['127.0.0.1:1'], prefix: 'nowhere', requestTimeoutMs: 1000 }),
  ).rejects.toMatchObject({ code: 'unavailable' });
});
