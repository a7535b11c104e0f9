import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/core/json.js';
import { allOf } from '../../test/support/connector.js';
import { KafkaConfig, deadLetterTopic } from './config.js';
import { checkTopic, fromTheBeginning, parsedCursor, storedCursor } from './cursor.js';
import { MAX_OPEN, OpenLetters } from './letters/open.js';
import { letterMessage, recordOfLetter, withoutValue } from './letters/letter.js';
import { PendingChanges } from './pending.js';
import type { KafkaRecord } from './wire/batches.js';

const base = { brokers: ['kafka:9092'], topic: 'articles' };
const mapped = { ...base, fields: { text: '/body' } };
const errorsOf = (options: object) =>
  (KafkaConfig.safeParse(options).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

const record = (change: Partial<KafkaRecord> = {}): KafkaRecord => ({
  partition: 0,
  offset: 7n,
  timestamp: 1_700_000_000_000,
  key: Buffer.from('k'),
  value: Buffer.from('v'),
  headers: [],
  ...change,
});

describe('the options', () => {
  it('name the field that is wrong', () => {
    expect(errorsOf(mapped)).toEqual([]);
    expect(errorsOf(base)).toEqual(['fields: needs exactly one of text and content, or `template` beside it']);
    expect(errorsOf({ ...mapped, template: 'x' })[0]).toContain('exactly one');
    expect(errorsOf({ ...base, format: 'text', fields: { title: '/t' } })).toEqual([
      'fields: does not go with format text',
    ]);
    expect(errorsOf({ ...base, fields: { text: 'body' } })[0]).toContain('fields.text: must be a JSON Pointer');
    expect(errorsOf({ ...mapped, topic: '..' })[0]).toContain('topic:');
    expect(errorsOf({ ...mapped, deadLetters: 'articles' })).toEqual([
      'deadLetters: must be another topic than the one that is read',
    ]);
    expect(errorsOf({ ...base, template: '{{/a~2}}' })).toEqual(['template: /a~2 is not a JSON Pointer']);
    expect(errorsOf({ ...mapped, brokers: ['http://kafka'] })[0]).toContain('brokers.0');
  });

  it('give the topic of dead letters a name', () => {
    expect(deadLetterTopic(KafkaConfig.parse(mapped))).toBe('articles.footnote-dead-letters');
    expect(errorsOf({ ...mapped, topic: 'x'.repeat(240) })[0]).toContain('deadLetters: must be given');
  });
});

describe('the cursor', () => {
  const config = KafkaConfig.parse(mapped);
  const state = { cluster: 'c', id: 'i', low: [0n, 0n], end: [5n, 9n] };

  it('comes back as it was, and nothing else is taken for one', () => {
    const progress = fromTheBeginning(config, state, 1, undefined);
    progress.next[1] = 2n ** 62n;
    progress.letters.add(0, 3n, Buffer.from('k'));
    const stored = storedCursor(progress);
    expect(storedCursor(parsedCursor(JSON.parse(JSON.stringify(stored)) as Json)!)).toEqual(stored);
    fc.assert(fc.property(fc.jsonValue(), (value) => parsedCursor(value as Json) === undefined));
    expect(parsedCursor({ ...(stored as object), next: ['-1'] })).toBeUndefined();
  });

  it.each([
    [{ cluster: 'other' }, 'cluster'],
    [{ id: 'other' }, 'same name'],
    [{ low: [0n] }, 'partitions'],
    [{ low: [6n, 0n] }, 'removed unread'],
  ])('is of another topic when %o', (change, message) => {
    const cursor = { cluster: 'c', topic: 'i', next: [5n, 9n] };
    expect(() => checkTopic(config, cursor, state, [5n, 9n])).not.toThrow();
    expect(() => checkTopic(config, cursor, { ...state, ...change }, [5n, 9n])).toThrow(
      expect.objectContaining({ code: 'source_mismatch', message: expect.stringContaining(message) as string }),
    );
    expect(() => checkTopic(config, cursor, state, [5n, 8n])).toThrow('records were lost');
  });
});

describe('open dead letters', () => {
  const key = Buffer.from('k');

  it('end with a record of the same key at or behind them in the partition', () => {
    const letters = new OpenLetters();
    letters.add(0, 5n, key);
    letters.passed(0, 4n, key);
    letters.passed(1, 9n, key);
    letters.passed(0, 9n, Buffer.from('other'));
    letters.passed(0, 9n, null);
    expect(letters.has(0, 5n)).toBe(true);
    letters.passed(0, 6n, key);
    expect(letters.size).toBe(0);
  });

  it('keep only the newest of a key', () => {
    const letters = new OpenLetters();
    letters.add(0, 5n, key);
    letters.add(0, 8n, key);
    expect(letters.list().map(([, offset]) => offset)).toEqual(['8']);
  });

  it('without a key end with what is deleted without one', () => {
    const letters = new OpenLetters();
    letters.add(0, 5n, null);
    letters.add(0, 9n, null);
    letters.deletedWithoutKey(0, 7n);
    expect(letters.list().map(([, offset]) => offset)).toEqual(['9']);
  });

  it('are bounded, and count what is no longer followed', () => {
    const letters = new OpenLetters();
    for (let i = 0; i < MAX_OPEN + 3; i += 1) letters.add(0, BigInt(i), Buffer.from(`k${i}`));
    expect([letters.size, letters.forgotten]).toEqual([MAX_OPEN, 3]);
    expect(letters.has(0, 0n)).toBe(false);
  });
});

describe('a dead letter', () => {
  const origin = { cluster: 'c', topic: 't', topicId: 'i' };
  const letter = {
    record: record({
      headers: [
        ['h', Buffer.from([0xff])],
        ['h', null],
        ['footnote-code', Buffer.from('x')],
      ],
    }),
    code: 'corrupt_document',
    message: 'no JSON',
  };
  const stored = (message: ReturnType<typeof letterMessage>): KafkaRecord => ({
    ...record({ partition: 0, offset: 99n }),
    key: message.key,
    value: message.value,
    headers: Object.entries(message.headers).flatMap(([name, values]) =>
      [values].flat().map((value) => [name, value === null ? null : Buffer.from(value as string)] as const),
    ),
  });

  it('holds the record with its headers, and gives it back', () => {
    expect(recordOfLetter(stored(letterMessage(letter, origin)), origin)).toEqual(letter.record);
  });

  it('is not taken for one of another topic, of a batch, or without its value', () => {
    const message = letterMessage(letter, origin);
    expect(recordOfLetter(stored(message), { ...origin, topicId: 'j' })).toBeUndefined();
    expect(recordOfLetter(stored(withoutValue(message)), origin)).toBeUndefined();
    expect(recordOfLetter(stored(letterMessage({ ...letter, lastOffset: 9n }, origin)), origin)).toBeUndefined();
    expect(recordOfLetter(record(), origin)).toBeUndefined();
  });
});

describe('pending changes', () => {
  const upsert = (key: string, text: string) => ({ kind: 'upsert', key, content: Buffer.from(text) }) as const;
  const told = async (pending: PendingChanges, known: Readonly<Record<string, object>> = {}) => {
    const changes = await allOf(pending.told(async (key) => known[key] as never, 0));
    return changes.map((change) => `${change.kind} ${'key' in change ? change.key : ''}`);
  };

  it('hold the newest change of each document, in the order of these', async () => {
    const pending = new PendingChanges('s', 'i');
    pending.put(upsert('a', '1'), record({ offset: 1n }));
    pending.put(upsert('b', '1'), record({ offset: 2n }));
    pending.put({ kind: 'gone', key: 'a' }, record({ offset: 3n }));
    pending.put(upsert('b', '0'), record({ offset: 1n }));
    expect(await told(pending)).toEqual(['item b', 'gone a']);
  });

  it('leave out what the inventory knows newer, by offset or, from another partition, by time', async () => {
    const pending = new PendingChanges('s', 'i');
    for (const key of ['a', 'b', 'c', 'd', 'e']) pending.put(upsert(key, '1'), record({ offset: 5n, timestamp: 100 }));
    const known = {
      a: { of: 'i', partition: 0, offset: '6', timestamp: 0 },
      b: { of: 'i', partition: 0, offset: '4', timestamp: 900 },
      c: { of: 'i', partition: 1, offset: '1', timestamp: 101 },
      d: { of: 'before', partition: 0, offset: '6', timestamp: 900 },
      e: { of: 'i', partition: 0, offset: '5', timestamp: 100 },
    };
    expect(await told(pending, known)).toEqual(['item b', 'item d', 'item e']);
  });

  it('are full after so many records or bytes', () => {
    const pending = new PendingChanges('s', 'i');
    for (let i = 0; i < 4999; i += 1) pending.count(record());
    expect(pending.isFull).toBe(false);
    pending.count(record());
    expect(pending.isFull).toBe(true);
    const large = new PendingChanges('s', 'i');
    large.count(record({ value: Buffer.alloc(17 << 20) }));
    expect(large.isFull).toBe(true);
  });
});
