import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KafkaConfig } from '../config.js';
import { BadRecord, keyOfBad, mapRecord } from './index.js';

const config = (options: object): KafkaConfig => KafkaConfig.parse({ brokers: ['kafka:9092'], topic: 't', ...options });
const bytes = (value: unknown): Buffer | null =>
  value === null
    ? null
    : Buffer.isBuffer(value)
      ? value
      : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const map = (of: KafkaConfig, key: unknown, value: unknown, headers: [string, Buffer][] = []) =>
  mapRecord(of, { key: bytes(key), value: bytes(value), headers }).map((change) =>
    change.kind === 'gone' ? { gone: change.key } : { ...change, content: change.content.toString() },
  );
/** The code and the message of why it is bad. */
const bad = (of: KafkaConfig, key: unknown, value: unknown): string => {
  try {
    map(of, key, value);
  } catch (error) {
    if (error instanceof BadRecord) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'taken';
};

describe('json', () => {
  const articles = config({
    fields: {
      key: '/id',
      text: '/body',
      title: '/title',
      uri: '/url',
      mime: '/type',
      metadata: '/meta',
      principals: '/readers',
      observedAt: '/at',
      deleted: '/gone',
    },
    mime: 'text/plain',
  });
  const article = { id: 7, body: 'Text', readers: ['staff'] };

  it('maps each field from where it stands', () => {
    const full = { ...article, title: 'T', url: 'https://e.org/7', type: 'text/markdown', meta: { a: [1] }, at: 0 };
    expect(map(articles, 'k', full)).toEqual([
      {
        kind: 'upsert',
        key: '7',
        content: 'Text',
        title: 'T',
        uri: 'https://e.org/7',
        mime: 'text/markdown',
        metadata: { a: [1] },
        policy: { principals: ['staff'] },
        observedAt: '1970-01-01T00:00:00.000Z',
      },
    ]);
    expect(map(articles, 'k', { ...article, title: null, title2: '' })).toEqual([
      { kind: 'upsert', key: '7', content: 'Text', mime: 'text/plain', policy: { principals: ['staff'] } },
    ]);
  });

  it('takes the record key where no path is given, base64, templates, named metadata and keys of several values', () => {
    const coded = config({ fields: { content: '/data', metadata: { year: '/y', none: '/none' } } });
    expect(map(coded, 'k', { data: 'VGV4dA', y: 2024 })).toEqual([
      { kind: 'upsert', key: 'k', content: 'Text', metadata: { year: 2024 } },
    ]);
    const filled = config({ fields: { key: ['/a', '/b~1c'] }, template: '# {{/t}}\n{{ /l }}{{/n}}' });
    expect(map(filled, null, { a: 'x/y', 'b/c': 2, t: '$&', l: [1], n: null })).toEqual([
      { kind: 'upsert', key: 'x%2Fy/2', content: '# $&\n[1]' },
    ]);
  });

  it('deletes by a tombstone, or where the value says so', () => {
    expect(map(articles, '7', null)).toEqual([{ gone: '7' }]);
    expect(map(articles, { id: 'a b' }, null)).toEqual([{ gone: 'a b' }]);
    expect(map(articles, 'k', { ...article, gone: true })).toEqual([{ gone: '7' }]);
  });

  it.each<[string, unknown, unknown]>([
    ['corrupt_document: The value is not valid JSON.', 'k', '{"id":'],
    ['invalid_encoding: The value is not valid UTF-8.', 'k', Buffer.from([0x22, 0xff, 0x22])],
    ['invalid_request: There is nothing at /id.', 'k', { body: 'x', readers: [] }],
    ['invalid_request: There is nothing at /body.', 'k', { id: 1, readers: [] }],
    ['invalid_request: There are no permissions at /readers.', 'k', { id: 1, body: 'x' }],
    ['invalid_request: The permissions at /readers are not valid', 'k', { id: 1, body: 'x', readers: [1] }],
    ['invalid_request: /id is a number of more than 53 bits', 'k', '{"id":9007199254740993,"body":"x","readers":[]}'],
    ['invalid_encoding: /body holds half of a surrogate pair.', 'k', '{"id":1,"body":"\\ud800","readers":[]}'],
    ['invalid_request: /title is not a text.', 'k', { ...article, title: {} }],
    ['invalid_request: /meta is not an object.', 'k', { ...article, meta: [] }],
    ['invalid_request: The metadata take more than', 'k', { ...article, meta: { a: 'x'.repeat(70_000) } }],
    ['invalid_request: /at is neither', 'k', { ...article, at: 'yesterday' }],
    ["invalid_request: The document's key can't be used", 'k', { ...article, id: 'x'.repeat(1025) }],
    ['document_too_large', 'k', 'x'.repeat(9 << 20)],
  ])('refuses with %s', (reason, key, value) => {
    expect(bad(articles, key, value)).toContain(reason);
  });

  it('keeps to the stack whatever nests', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const filled = config({ template: '{{/a}}' });
    expect(bad(filled, 'k', `{"a":${deep}}`)).toMatch(/^corrupt_document/);
    expect(
      bad(articles, 'k', { ...article, meta: { a: JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`) as unknown } }),
    ).toContain('nest');
  });

  it('reads own properties alone', () => {
    const proto = config({ fields: { text: '/constructor/name' } });
    expect(bad(proto, 'k', {})).toContain('nothing at');
  });

  it('tells the key of a bad record where it can', () => {
    expect(keyOfBad(articles, { key: bytes('k'), value: bytes({ id: 5 }) })).toBe('5');
    expect(keyOfBad(articles, { key: bytes('k'), value: bytes('{') })).toBeUndefined();
    expect(keyOfBad(config({ fields: { text: '/b' } }), { key: bytes('k'), value: bytes('{') })).toBe('k');
  });
});

describe('text and bytes', () => {
  it('come with the media type of their header', () => {
    const binary = config({ format: 'bytes', mimeHeader: 'Type' });
    const headers: [string, Buffer][] = [['type', Buffer.from('application/pdf')]];
    expect(map(binary, 'k', '%PDF', headers)).toEqual([
      { kind: 'upsert', key: 'k', content: '%PDF', mime: 'application/pdf' },
    ]);
    expect(map(binary, 'k', Buffer.from([0xff]))).toHaveLength(1);
    expect(bad(config({ format: 'text' }), 'k', Buffer.from([0xff]))).toContain('invalid_encoding');
    expect(bad(binary, null, 'x')).toContain('no key');
  });
});

describe('debezium', () => {
  const table = config({ format: 'debezium', template: '{{/name}}' });
  const event = (op: string, before: unknown, after: unknown) => ({
    before,
    after,
    op,
    source: { ts_ms: 1000 },
    ts_ms: 2,
  });
  const wrap = (payload: unknown) => ({ schema: { type: 'struct' }, payload });
  const row = { id: 1, name: 'A' };
  const item = { kind: 'upsert', key: '1', content: 'A', observedAt: '1970-01-01T00:00:01.000Z' };

  it.each(['c', 'u', 'r'])('makes a row of op %s a document, with and without a schema', (op) => {
    expect(map(table, { id: 1 }, event(op, null, row))).toEqual([item]);
    expect(map(table, wrap({ id: 1 }), wrap(event(op, null, row)))).toEqual([item]);
  });

  it('deletes by op d and by the tombstone that follows', () => {
    expect(map(table, { id: 1 }, event('d', row, null))).toEqual([{ gone: '1' }]);
    expect(map(table, wrap({ id: 1 }), null)).toEqual([{ gone: '1' }]);
    expect(map(table, { id: 1 }, event('d', null, null))).toEqual([{ gone: '1' }]);
  });

  it('keeps keys of several columns apart, and takes keys that are no struct', () => {
    expect(map(table, { a: 'x/y', b: 'z' }, event('c', null, row))[0]).toMatchObject({ key: 'x%2Fy/z' });
    expect(map(table, { a: 'x', b: 'y/z' }, event('c', null, row))[0]).toMatchObject({ key: 'x/y%2Fz' });
    expect(map(table, '"k"', event('c', null, row))[0]).toMatchObject({ key: 'k' });
    expect(map(table, 'plain', event('c', null, row))[0]).toMatchObject({ key: 'plain' });
  });

  it('removes the former document when an update changes the column of its key', () => {
    const named = config({ format: 'debezium', fields: { key: '/name' }, template: '{{/id}}' });
    expect(map(named, { id: 1 }, event('u', row, { ...row, name: 'B' }))).toEqual([
      { gone: 'A' },
      expect.objectContaining({ key: 'B' }),
    ]);
    expect(map(named, { id: 1 }, event('d', row, null))).toEqual([{ gone: 'A' }]);
    // The columns of the key must tell it: nothing else comes with a tombstone.
    expect(bad(named, { id: 1 }, null)).toContain('nothing at /name');
  });

  it('refuses what is no change of a row, and values that the database left out', () => {
    expect(bad(table, { id: 1 }, { id: 1 })).toContain('no `op`');
    expect(bad(table, { id: 1 }, event('t', null, null))).toContain('op "t"');
    expect(bad(table, { id: 1 }, event('c', null, null))).toContain('no `after`');
    expect(bad(table, null, event('c', null, row))).toContain('no key');
    expect(bad(table, { id: 1 }, event('u', null, { ...row, name: '__debezium_unavailable_value' }))).toContain(
      'REPLICA IDENTITY FULL',
    );
  });
});

describe('whatever a record holds', () => {
  const configs = [
    config({ fields: { key: '/a', text: '/b', metadata: '/c', policy: '/d', observedAt: '/e' } }),
    config({ fields: { content: '/b', principals: '/c' } }),
    config({ format: 'debezium', template: '{{/a}}{{/b/0}}' }),
    config({ format: 'text' }),
    config({ format: 'bytes' }),
  ];
  const value = fc.oneof(
    fc.uint8Array({ maxLength: 50 }).map((raw) => Buffer.from(raw)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record({
        a: fc.jsonValue(),
        b: fc.jsonValue(),
        c: fc.jsonValue(),
        op: fc.constantFrom('c', 'd', 'u'),
        after: fc.jsonValue(),
      })
      .map((each) => Buffer.from(JSON.stringify(each))),
    fc.constant(null),
  );

  it('it is mapped or refused by a code', () => {
    fc.assert(
      fc.property(fc.constantFrom(...configs), value, value, (of, key, body) => {
        try {
          for (const change of mapRecord(of, { key, value: body, headers: [] })) expect(change.key).not.toBe('');
        } catch (error) {
          expect(error).toBeInstanceOf(BadRecord);
        }
        keyOfBad(of, { key, value: body });
      }),
      { numRuns: 2000 },
    );
  });
});
