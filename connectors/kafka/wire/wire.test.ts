import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bytes } from '../../../src/adapters/kafka/bytes.js';
import type { FetchedPartition } from '../../../src/adapters/kafka/raw.js';
import { FootnoteError } from '../../../src/core/errors.js';
import { UnreadableBatch, batchesOf } from './batches.js';
import { crc32c } from './crc32c.js';
import { lz4 } from './lz4.js';
import { snappy } from './snappy.js';
import { zstd } from './zstd.js';

/** Batches as Kafka's own Java client (4.1.1) writes them, by what they are; offsets begin at 100. */
const fixtures = Object.fromEntries(
  Object.entries(
    JSON.parse(readFileSync(new URL('../fixtures/batches.json', import.meta.url), 'utf8')) as Record<string, string>,
  ).map(([name, text]) => [name, Buffer.from(text, 'base64')]),
);
const fetched = (batches: Buffer, aborted: FetchedPartition['aborted'] = []): FetchedPartition => ({
  highWatermark: 0n,
  lastStableOffset: 0n,
  aborted,
  batches,
});
const recordsIn = (batches: Buffer, aborted: FetchedPartition['aborted'] = []) =>
  [...batchesOf(fetched(batches, aborted), 3)].flatMap((batch) => [...batch.records()]);
/** As if it had come over the wire whole. */
const sealed = (batch: Buffer): Buffer => {
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
};
const codecs = [
  ['snappy', snappy],
  ['lz4', lz4],
  ['zstd', zstd],
] as const;
const HEAD = 61;

describe('record batches', () => {
  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('give their records, packed by %s', (name) => {
    const text = Array.from({ length: 400 }, (_, i) => `line ${i % 37} of a text that repeats itself; `).join('');
    const headers = [
      ['h', Buffer.from('1')],
      ['h', null],
    ];
    expect(recordsIn(fixtures[name]!)).toEqual([
      {
        partition: 3,
        offset: 100n,
        timestamp: 1_700_000_000_000,
        key: Buffer.from('a'),
        value: Buffer.from(text),
        headers,
      },
      { partition: 3, offset: 101n, timestamp: 1_700_000_000_005, key: Buffer.from('b'), value: null, headers: [] },
      {
        partition: 3,
        offset: 102n,
        timestamp: 1_699_999_999_999,
        key: null,
        value: Buffer.from('abc'.repeat(10)),
        headers: [],
      },
    ]);
  });

  it('lead beyond markers and what compaction has emptied', () => {
    const { transactional, abort, emptied } = fixtures;
    const batches = [...batchesOf(fetched(Buffer.concat([transactional!, abort!, emptied!])), 0)];
    expect(batches.map(({ first, next }) => [first, next])).toEqual([
      [100n, 101n],
      [101n, 102n],
      [102n, 110n],
    ]);
    expect(batches.map((batch) => [...batch.records()].length)).toEqual([1, 0, 0]);
  });

  it('leave out transactions that were aborted, up to their marker', () => {
    const { transactional, abort } = fixtures;
    const later = Buffer.from(transactional!);
    later.writeBigInt64BE(102n, 0);
    const all = Buffer.concat([transactional!, abort!, later]);
    expect(recordsIn(all, [{ producerId: 77n, firstOffset: 100n }]).map(({ offset }) => offset)).toEqual([102n]);
    expect(recordsIn(all, [{ producerId: 78n, firstOffset: 100n }])).toHaveLength(2);
  });

  it('are read up to one that is cut off', () => {
    const { none, gzip } = fixtures;
    expect(recordsIn(Buffer.concat([none!, gzip!.subarray(0, -1)]))).toHaveLength(3);
    expect(recordsIn(gzip!.subarray(0, 9))).toEqual([]);
  });

  it('that were damaged on their way are asked for again', () => {
    const damaged = Buffer.from(fixtures['none']!);
    damaged[damaged.length - 1]! ^= 1;
    expect(() => recordsIn(damaged)).toThrow(
      expect.objectContaining({ code: 'data_corrupt', permanence: 'transient' }),
    );
  });

  it('that unpack to too much, or not at all, are told as a whole', () => {
    const head = fixtures['gzip']!.subarray(0, HEAD);
    const bomb = Buffer.concat([head, gzipSync(Buffer.alloc(80 << 20))]);
    bomb.writeInt32BE(bomb.length - 12, 8);
    expect(() => recordsIn(sealed(bomb))).toThrow(expect.objectContaining({ first: 100n, last: 102n }));
    const unknown = Buffer.from(fixtures['none']!);
    unknown.writeInt16BE(5, 21);
    expect(() => recordsIn(sealed(unknown))).toThrow(UnreadableBatch);
  });

  it('whatever they hold end with records or a typed error', () => {
    const names = Object.keys(fixtures);
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), fc.nat(255), fc.boolean(), (name, where, byte, seal) => {
        const batch = Buffer.from(fixtures[name]!);
        batch[17 + (where % (batch.length - 17))] = byte;
        try {
          recordsIn(seal ? sealed(batch) : batch);
        } catch (error) {
          expect(error instanceof UnreadableBatch || error instanceof FootnoteError).toBe(true);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describe.each(codecs)('%s', (name, unpack) => {
  const packed = fixtures[name]!.subarray(HEAD);

  it('unpacks no more than it may', () => {
    const { length } = unpack(packed, 1 << 20);
    expect(unpack(packed, length)).toHaveLength(length);
    expect(() => unpack(packed, length - 1)).toThrow();
  });

  it('ends with bytes or an error, whatever it is given', () => {
    const most = 1 << 16;
    const check = (bytes: Buffer) => {
      try {
        expect(unpack(bytes, most).length).toBeLessThanOrEqual(most);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    };
    fc.assert(
      fc.property(fc.nat(packed.length - 1), fc.nat(255), fc.nat(packed.length), (at, byte, length) => {
        const damaged = Buffer.from(packed.subarray(0, length));
        if (at < length) damaged[at] = byte;
        check(damaged);
      }),
      { numRuns: 1000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => check(Buffer.from(bytes))));
  });
});

describe('snappy', () => {
  it('unpacks a block that stands alone', () => {
    // 10 bytes: the literal "abc", then 7 bytes from 3 back.
    const block = Buffer.from([10, 8, 0x61, 0x62, 0x63, ((7 - 4) << 2) | 1, 3]);
    expect(snappy(block, 100).toString()).toBe('abcabcabca');
  });
});

describe('the checksum', () => {
  it('is CRC-32C', () => {
    // RFC 3720, B.4
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  });
});

describe('fields of the protocol', () => {
  it('never come from beyond the end', () => {
    const readers: ((bytes: Bytes) => unknown)[] = [
      (bytes) => bytes.int8(),
      (bytes) => bytes.int16(),
      (bytes) => bytes.int32(),
      (bytes) => bytes.int64(),
      (bytes) => bytes.varint(),
      (bytes) => bytes.varlong(),
      (bytes) => bytes.string(),
      (bytes) => bytes.compactString(),
      (bytes) => bytes.compactArray(() => bytes.int8()),
      (bytes) => bytes.skipTags(),
    ];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(fc.constantFrom(...readers)), (raw, plan) => {
        const bytes = new Bytes(Buffer.from(raw));
        try {
          for (const read of plan) read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
        expect(bytes.at).toBeLessThanOrEqual(raw.length);
      }),
    );
    expect(new Bytes(Buffer.from([0x01])).varint()).toBe(-1);
    expect(new Bytes(Buffer.from('feffffff0f', 'hex')).varint()).toBe(0x7fff_ffff);
    expect(new Bytes(Buffer.from('ffffffffffffffffff01', 'hex')).varlong()).toBe(-(2n ** 63n));
  });
});
