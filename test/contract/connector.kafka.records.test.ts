import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Message } from 'kafkajs';
import type { KafkaConfig } from '../../connectors/kafka/config.js';
import { connectors } from '../../connectors/registry.js';
import type { JsonObject } from '../../src/core/json.js';
import type { Connector } from '../../src/core/ports/connector.js';
import { TestCluster } from '../support/kafka.js';
import { describeWith } from '../support/needs.js';
import { openWorld, type RunOptions, type World } from './connector/world.js';

const DAY_MS = 86_400_000;

describeWith('KAFKA_BROKERS', 'Kafka connector on records', (address) => {
  let cluster: TestCluster;
  let world: World | undefined;
  beforeAll(async () => {
    cluster = await TestCluster.open(address);
  });
  afterEach(() => world?.close());
  afterAll(() => cluster.close());

  /** A world whose options can be changed between two runs. */
  async function open(topic: string, options: JsonObject = {}) {
    const changed: { options: Partial<KafkaConfig> } = { options: {} };
    const connector: Connector<unknown> = {
      ...connectors.kafka,
      read: (config, context) => connectors.kafka.read({ ...(config as KafkaConfig), ...changed.options }, context),
    };
    world = await openWorld({
      connector,
      options: { brokers: address.split(','), topic, ...options },
      put: async () => undefined,
      rename: async () => undefined,
      remove: async () => undefined,
      keyOf: (name) => name,
      breakOff: async () => async () => undefined,
      close: async () => undefined,
    });
    const opened = world;
    return {
      world: opened,
      change: (options: Partial<KafkaConfig>) => (changed.options = { ...changed.options, ...options }),
      run: async (options: RunOptions = {}) =>
        Object.fromEntries([...(await opened.run(options))].map(([key, { code, outcome }]) => [key, code ?? outcome])),
      texts: async () => Object.fromEntries([...(await opened.told()).documents].map(([key, { text }]) => [key, text])),
    };
  }

  /** Everything in a topic, oldest first. */
  async function recordsOf(topic: string) {
    const ends = await cluster.admin.fetchTopicOffsets(topic);
    let left = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
    const found: { key: string; value: string; headers: Record<string, string> }[] = [];
    if (left === 0) return found;
    const consumer = cluster.kafka.consumer({ groupId: `read-${topic}-${Math.random()}` });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          eachMessage: async ({ message: { key, value, headers } }) => {
            const text = Object.entries(headers ?? {}).map(([name, each]) => [name, String(each)] as const);
            found.push({ key: String(key), value: String(value), headers: Object.fromEntries(text) });
            left -= 1;
            if (left === 0) resolve();
          },
        })
        .catch(reject);
    });
    await consumer.disconnect();
    return found;
  }
  const end = async (topic: string) => Number((await cluster.admin.fetchTopicOffsets(topic))[0]!.high);
  const json = (key: string, body: object): Message => ({ key, value: JSON.stringify(body) });

  describe('bad records', () => {
    const fields = { text: '/body' };

    it('go to the dead letters as they were, before the cursor passes them, and the others come through', async () => {
      const topic = await cluster.topic();
      const letters = `${topic}.footnote-dead-letters`;
      const { world, run, texts } = await open(topic, { fields });
      const bad = { key: 'bad', value: '{"body":', headers: { trace: 'x' }, timestamp: '1700000000000' };
      await cluster.send(topic, json('a', { body: 'A' }), bad, json('b', { title: 'B' }), json('c', { body: 'C' }));
      const { summary } = await world.preview();
      expect(summary).toMatchObject({ read: 2, problem: 2 });
      expect(await cluster.admin.listTopics()).not.toContain(letters);
      let before: number | undefined;
      const told = await run({
        through: async function* (changes) {
          for await (const change of changes) {
            if (change.kind === 'checkpoint') before ??= await end(letters);
            yield change;
          }
        },
      });
      expect(told).toEqual({ a: 'sent', bad: 'corrupt_document', b: 'invalid_request', c: 'sent' });
      expect(before).toBe(2);
      expect(await texts()).toEqual({ a: 'A', c: 'C' });
      const [first, second] = await recordsOf(letters);
      expect(first).toMatchObject({
        key: 'bad',
        value: '{"body":',
        headers: {
          trace: 'x',
          'footnote-topic': topic,
          'footnote-partition': '0',
          'footnote-offset': '1',
          'footnote-timestamp': '1700000000000',
          'footnote-code': 'corrupt_document',
          'footnote-message': 'The value is not valid JSON.',
        },
      });
      expect(second?.headers['footnote-code']).toBe('invalid_request');
      expect(await run()).toEqual({});
      expect(await end(letters)).toBe(2);
    });

    it('are read again when that is asked for, but for those that something newer has overtaken', async () => {
      const topic = await cluster.topic();
      const { world, run, texts, change } = await open(topic, { fields, maxRecordBytes: 1024 });
      const large = 'x'.repeat(2000);
      const long = (key: string): Message => json(key, { body: `${key} ${large}` });
      await cluster.send(
        topic,
        long('kept'),
        long('replaced'),
        long('deleted'),
        long('later'),
        json('a', { body: 'A' }),
      );
      expect(await run()).toMatchObject({ kept: 'document_too_large', a: 'sent' });
      await cluster.send(topic, json('replaced', { body: 'new' }), { key: 'deleted', value: null });
      await run();
      change({ maxRecordBytes: 4096 });
      expect(await run()).toEqual({});
      change({ replay: 1 });
      await cluster.send(topic, json('later', { body: 'new' }));
      expect(await run()).toEqual({ kept: 'sent', later: 'sent' });
      expect(await texts()).toEqual({ kept: `kept ${large}`, replaced: 'new', later: 'new', a: 'A' });
      expect((await world.told()).deleted).toEqual(new Set());
      // Once.
      expect(await run()).toEqual({});
    });

    it('that stay bad when they are read again stay where they are', async () => {
      const topic = await cluster.topic();
      const { run, change } = await open(topic, { fields });
      await cluster.send(topic, { key: 'bad', value: '{' });
      await run();
      for (const replay of [1, 2]) {
        change({ replay });
        expect(await run()).toEqual({ bad: 'corrupt_document' });
      }
      expect(await end(`${topic}.footnote-dead-letters`)).toBe(1);
    });

    it('keep what the topic of dead letters does not take out of it, but never stop', async () => {
      const topic = await cluster.topic({ 'max.message.bytes': '4000000' });
      const deadLetters = await cluster.topic({ 'max.message.bytes': '10000' });
      const { run } = await open(topic, { fields, maxRecordBytes: 1024, deadLetters });
      await cluster.send(topic, json('large', { body: 'x'.repeat(50_000) }), { key: 'small', value: '{' });
      expect(await run()).toEqual({ large: 'document_too_large', small: 'corrupt_document' });
      const [large, small] = await recordsOf(deadLetters);
      expect(large?.headers['footnote-omitted']).toMatch(/^5\d{4} bytes, sha256 [0-9a-f]{64}$/);
      expect(small?.value).toBe('{');
    });
  });

  describe('order', () => {
    it('holds within a key over many checkpoints, tombstones too', async () => {
      const topic = await cluster.topic({ 'cleanup.policy': 'compact' }, 3);
      const { run, texts } = await open(topic, { format: 'text' });
      const messages = Array.from({ length: 12_000 }, (_, i): Message => ({ key: `k${i % 40}`, value: String(i) }));
      await cluster.send(topic, { key: 'gone', value: 'x' }, ...messages, { key: 'gone', value: null });
      const gone = Array.from({ length: 10 }, (_, i): Message => ({ key: `k${i}`, value: null }));
      await cluster.send(topic, ...gone);
      let checkpoints = 0;
      await run({
        through: async function* (changes) {
          for await (const change of changes) {
            if (change.kind === 'checkpoint') checkpoints += 1;
            yield change;
          }
        },
      });
      expect(checkpoints).toBeGreaterThan(2);
      const newest = Array.from({ length: 30 }, (_, i) => [`k${i + 10}`, String(11_960 + i + 10)]);
      expect(await texts()).toEqual(Object.fromEntries(newest));
    });

    it('counts removals of all checkpoints of a read for the brake', async () => {
      const topic = await cluster.topic();
      const { run, texts } = await open(topic, { format: 'text' });
      const keys = Array.from({ length: 10 }, (_, i) => `k${i}`);
      await cluster.send(topic, ...keys.map((key) => ({ key, value: 'x' })));
      await run();
      const noise = Array.from({ length: 6000 }, (): Message => ({ key: 'noise', value: 'x' }));
      for (const some of [keys.slice(0, 2), keys.slice(2, 4)]) {
        await cluster.send(topic, ...some.map((key) => ({ key, value: null })), ...noise);
      }
      await expect(run({ brake: { share: 0.3, least: 1 } })).rejects.toMatchObject({
        code: 'deletion_stopped',
        message: expect.stringContaining('2 more were deleted before') as string,
      });
      expect(Object.keys(await texts()).filter((key) => key !== 'noise')).toEqual(
        expect.arrayContaining(keys.slice(2)),
      );
    });
  });

  describe('transactions', () => {
    it('are read when they are committed, and never when they are aborted', async () => {
      const topic = await cluster.topic();
      const { run, texts } = await open(topic, { format: 'text' });
      const producer = cluster.kafka.producer({
        transactionalId: `tx-${topic}`,
        maxInFlightRequests: 1,
        idempotent: true,
      });
      await producer.connect();
      const send = async (key: string, value: string) => {
        const transaction = await producer.transaction();
        await transaction.send({ topic, messages: [{ key, value }] });
        return transaction;
      };
      await (await send('a', '1')).commit();
      await (await send('a', 'aborted')).abort();
      await (await send('b', '1')).commit();
      await (await send('c', 'aborted')).abort();
      await cluster.send(topic, { key: 'd', value: '1' });
      expect(await run()).toEqual({ a: 'sent', b: 'sent', d: 'sent' });
      const opened = await send('e', '1');
      await cluster.send(topic, { key: 'd', value: '2' });
      // What lies behind an open transaction waits with it.
      expect(await run()).toEqual({});
      await opened.commit();
      expect(await run()).toEqual({ e: 'sent', d: 'sent' });
      expect(await texts()).toEqual({ a: '1', b: '1', d: '2', e: '1' });
      expect(await run()).toEqual({});
      await producer.disconnect();
    });
  });

  describe('another topic', () => {
    const refused = (what: string) => ({ code: 'source_mismatch', message: expect.stringContaining(what) as string });
    const fill = (topic: string, ...keys: string[]) =>
      cluster.send(topic, ...keys.map((key) => ({ key, value: `${key} text` })));

    it('that lost records unread is refused, and read anew when somebody decides so', async () => {
      const topic = await cluster.topic();
      const { run, texts, change } = await open(topic, { format: 'text' });
      await fill(topic, 'a', 'b');
      await run();
      await fill(topic, 'c', 'd');
      await cluster.trim(topic, '3');
      await expect(run()).rejects.toMatchObject(refused('removed unread'));
      change({ epoch: 1 });
      expect(await run()).toEqual({ d: 'sent' });
      // The topic does not hold all its records: what it lacks is not known to be gone.
      expect(Object.keys(await texts()).sort()).toEqual(['a', 'b', 'd']);
      expect(await run()).toEqual({});
    });

    it('of the same name is refused, and replaces the former when somebody decides so', async () => {
      const topic = await cluster.topic();
      const { run, texts, change } = await open(topic, { format: 'text' });
      await fill(topic, 'a', 'b');
      await run();
      await cluster.remove(topic);
      await expect(run()).rejects.toMatchObject({ code: 'not_found' });
      await cluster.topic({}, 1, topic);
      await fill(topic, 'b', 'c', 'd');
      await expect(run()).rejects.toMatchObject(refused('another one of the same name'));
      change({ epoch: 1 });
      expect(await run()).toEqual({ a: 'deleted', b: 'unchanged', c: 'sent', d: 'sent' });
      expect(Object.keys(await texts()).sort()).toEqual(['b', 'c', 'd']);
    });

    it('with other partitions, or of another cluster, is refused', async () => {
      const topic = await cluster.topic();
      const { world, run, change } = await open(topic, { format: 'text' });
      await fill(topic, 'a');
      await run();
      const stored = (await world.cursor()) as JsonObject;
      await world.setCursor({ ...stored, at: { ...(stored['at'] as JsonObject), cluster: 'other' } });
      await expect(run()).rejects.toMatchObject(refused('cluster other'));
      await world.setCursor(stored);
      await cluster.admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] });
      await expect(run()).rejects.toMatchObject(refused('had 1 partitions and has 2'));
      change({ epoch: 1 });
      expect(await run()).toEqual({ a: 'unchanged' });
    });

    it('choice of documents is another listing', async () => {
      const topic = await cluster.topic();
      const { run, texts, change } = await open(topic, { fields: { text: '/body' } });
      await cluster.send(topic, json('a', { id: 1, body: 'A' }), json('b', { id: 2, body: 'B' }));
      await run();
      change({ fields: { key: '/id', text: '/body' } });
      expect(await run()).toEqual({ a: 'deleted', b: 'deleted', 1: 'sent', 2: 'sent' });
      expect(await texts()).toEqual({ 1: 'A', 2: 'B' });
    });

    it('is listed as a whole after an absence in which tombstones may have gone', async () => {
      const topic = await cluster.topic({ 'cleanup.policy': 'compact' });
      const { world, run } = await open(topic, { format: 'text' });
      await fill(topic, 'a', 'b');
      await run();
      world.jump(DAY_MS / 4);
      expect(await run()).toEqual({});
      world.jump(DAY_MS);
      expect(await run()).toEqual({ a: 'unchanged', b: 'unchanged' });
    });

    it('or none is told, and a cluster that is away', async () => {
      const missing = await open('no-such-topic', { format: 'text' });
      await expect(missing.run()).rejects.toMatchObject({ code: 'not_found' });
      await missing.world.close();
      const away = await open('t', { format: 'text', brokers: ['127.0.0.1:1'], requestTimeoutMs: 1000 });
      await expect(away.run()).rejects.toMatchObject({ code: 'unavailable' });
    });
  });

  it('makes the rows that Debezium follows documents', async () => {
    const topic = await cluster.topic({ 'cleanup.policy': 'compact' });
    const { run, texts } = await open(topic, { format: 'debezium', template: '{{/name}}' });
    const event = (id: number, op: string, before: object | null, after: object | null): Message => ({
      key: JSON.stringify({ schema: {}, payload: { id } }),
      value: JSON.stringify({ schema: {}, payload: { op, before, after, source: { ts_ms: 1 } } }),
    });
    await cluster.send(
      topic,
      event(1, 'r', null, { id: 1, name: 'one' }),
      event(2, 'c', null, { id: 2, name: 'two' }),
      event(3, 'c', null, { id: 3, name: 'three' }),
      event(2, 'u', { id: 2, name: 'two' }, { id: 2, name: 'second' }),
      event(3, 'd', { id: 3, name: 'three' }, null),
      { key: event(3, 'd', null, null).key!, value: null },
    );
    await run();
    expect(await texts()).toEqual({ 1: 'one', 2: 'second' });
  });
});
