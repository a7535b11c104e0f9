import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeWith } from '../../../../test/support/needs.js';
import { point, unitVector, versionAt } from '../../../../test/support/points.js';
import { qdrantUnderTest, type QdrantUnderTest } from '../../../../test/support/qdrant.js';
import type { Json, JsonObject } from '../../../core/json.js';
import type { Point, VectorStore } from '../../../core/ports/vectors.js';
import { openQdrantVectors } from './index.js';
import { FIELD_INDEXES } from './schema.js';

const SPEC = { generation: 'g-1', vectors: { text: 8 } };
const LOCAL = { principals: ['local'] };

describeWith('QDRANT_URL', 'collections of Qdrant', (url) => {
  describe('collections of Qdrant', () => {
    let under: QdrantUnderTest;
    let store: VectorStore;
    beforeEach(async () => {
      under = qdrantUnderTest(url);
      store = under.open();
      await store.create(SPEC);
    });
    afterEach(async () => {
      await store.close();
      await under.dispose();
    });

    const all = async () => {
      const points: Point[] = [];
      for await (const one of store.scroll('g-1')) points.push(one);
      return points;
    };
    const found = async (terms: string[], k = 50) =>
      (await store.search('g-1', [{ kind: 'lexical', terms }], LOCAL, k))[0]!;
    const collection = () => `/collections/${under.prefix}g-1`;

    it('score by BM25 with k1 1.2, b 0.75 and a reference length of 48 terms', async () => {
      const bags = Array.from({ length: 200 }, (_, i) => [
        ...(i % 10 === 0 ? ['some', 'some'] : []),
        ...(i === 30 ? ['rare'] : []),
        ...Array.from({ length: 3 + (i % 7) }, (_, j) => `w${j}`),
      ]);
      await store.write(
        'g-1',
        bags.map((terms, i) => point({ doc: `d${i}`, terms })),
      );
      const query = ['some', 'rare'];
      const expected = (terms: readonly string[]) =>
        query.reduce((sum, term) => {
          const n = bags.filter((bag) => bag.includes(term)).length;
          const tf = terms.filter((one) => one === term).length;
          const norm = 1.2 * (0.25 + (0.75 * terms.length) / 48);
          return sum + (Math.log(1 + (200 - n + 0.5) / (n + 0.5)) * 2.2 * tf) / (tf + norm);
        }, 0);
      const hits = await found(query);
      expect(hits).toHaveLength(20);
      expect(hits[0]!.point.key).toBe('d30');
      for (const { point: hit, score } of hits) expect(score / expected(hit.terms)).toBeCloseTo(1, 4);
    });

    it('give back exactly what the server itself would not keep', async () => {
      const nested = (depth: number): Json => (depth === 0 ? 'end' : { a: nested(depth - 1) });
      const metadata: JsonObject = {
        deep: nested(300),
        numbers: [0.1 + 0.2, 5e-324, Number.MAX_VALUE, 1.7976931348623155e308, 2 ** 53 + 2, 1e21, 6.02214076e23 / 7],
        lone: '\ud83d',
        '\udc00': ['\\ud83d', '\\\ud83d'],
      };
      const odd = point({ doc: 'odd', text: 'a \ud83d \\ud83d \\\udc00', title: '\udfff"\\', metadata });
      const plain = point({ doc: 'plain', text: '\\ud83d', metadata: { a: '\\ud83d' } });
      await store.write('g-1', [odd, plain]);
      expect((await all()).sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual([odd, plain]);
      expect((await store.document('g-1', odd.documentId, odd.version))[0]).toEqual(odd);
    });

    it('are made whole when their creation was interrupted', async () => {
      await under.ask('DELETE', `${collection()}/index/labels?wait=true`);
      await under.ask('DELETE', `${collection()}/index/principals?wait=true`);
      await store.create(SPEC);
      const { payload_schema } = (await under.ask('GET', collection())) as { payload_schema: object };
      expect(Object.keys(payload_schema).sort()).toEqual(Object.keys(FIELD_INDEXES).sort());
    });

    it('of newer software or of others are refused', async () => {
      await under.ask('PATCH', collection(), { metadata: { footnote: { format: 99, vectors: { text: 8 } } } });
      const other = under.open();
      await expect(other.create(SPEC)).rejects.toMatchObject({ code: 'data_newer' });
      await expect(other.count('g-1')).rejects.toMatchObject({ code: 'data_newer' });
      await under.ask('PUT', `/collections/${under.prefix}g-2`, { vectors: { size: 3, distance: 'Dot' } });
      await expect(other.count('g-2')).rejects.toMatchObject({ code: 'data_corrupt' });
      await other.close();
    });

    it('may be dropped and made anew by another process', async () => {
      await store.write('g-1', [point()]);
      const other = under.open();
      await other.drop('g-1');
      await expect(store.count('g-1')).rejects.toMatchObject({ code: 'not_found' });
      await other.create({ generation: 'g-1', vectors: { text: 3 } });
      await other.close();
      const wrong = point({ vectors: { text: unitVector(1, 8) } });
      await expect(store.write('g-1', [wrong])).rejects.toMatchObject({ code: 'dimension_mismatch' });
      await store.write('g-1', [point({ vectors: { text: unitVector(1, 3) } })]);
      expect(await store.count('g-1')).toBe(1);
    });

    it('are seen by other processes as soon as a write returns', async () => {
      const other = under.open();
      for (let i = 0; i < 20; i++) {
        const mine = point({ doc: `d${i}`, terms: [`only${i}`] });
        await store.write('g-1', [mine]);
        const [hits] = await other.search('g-1', [{ kind: 'lexical', terms: [`only${i}`] }], LOCAL, 5);
        expect(hits!.map((hit) => hit.point.id)).toEqual([mine.id]);
        await store.prune('g-1', mine.documentId, versionAt(2));
        expect(await other.document('g-1', mine.documentId, mine.version)).toEqual([]);
      }
      await other.close();
    });

    it('in shards, on the disk and quantized answer alike', async () => {
      const wide = under.open({
        shardNumber: 3,
        replicationFactor: 1,
        writeConsistencyFactor: 1,
        onDisk: { vectors: true, graph: true, terms: true, payload: true, filters: true },
        quantization: 'scalar',
        maxBatchBytes: 40_000,
      });
      await wide.create({ generation: 'g-3', vectors: { text: 32 } });
      const points = Array.from({ length: 300 }, (_, i) =>
        point({ doc: `d${i}`, terms: ['common', `t${i}`], vectors: { text: unitVector(i, 32) } }),
      );
      await wide.write('g-3', points);
      await wide.optimize('g-3');
      expect(await wide.count('g-3')).toBe(300);
      const ids = new Set<string>();
      for await (const one of wide.scroll('g-3')) ids.add(one.id);
      expect(ids.size).toBe(300);
      for (const i of [0, 150, 299]) {
        const [dense, lexical] = await wide.search(
          'g-3',
          [
            { kind: 'dense', vector: 'text', query: unitVector(i, 32) },
            { kind: 'lexical', terms: [`t${i}`, 'common'] },
          ],
          LOCAL,
          5,
        );
        expect(dense![0]!.point).toEqual(points[i]);
        expect(dense![0]!.score).toBeCloseTo(1, 5);
        expect(lexical![0]!.point.key).toBe(`d${i}`);
      }
      const { config } = (await under.ask('GET', `/collections/${under.prefix}g-3`)) as {
        config: { params: object; quantization_config: object };
      };
      expect(config.params).toMatchObject({
        shard_number: 3,
        vectors: { text: { distance: 'Dot', on_disk: true } },
        sparse_vectors: { 'terms-bm25': { modifier: 'idf', index: { on_disk: true } } },
      });
      expect(config.quantization_config).toMatchObject({ scalar: { type: 'int8' } });
      await wide.close();
    });

    it('need the right key', async () => {
      const stranger = openQdrantVectors({ url, prefix: under.prefix, apiKey: 'wrong' });
      await expect(stranger.count('g-1')).rejects.toMatchObject({ code: 'invalid_config' });
      await stranger.close();
    });

    it('of a server that is not there are unavailable', async () => {
      const nowhere = openQdrantVectors({ url: 'http://127.0.0.1:1', prefix: '', retry: { attempts: 2 } });
      await expect(nowhere.count('g-1')).rejects.toMatchObject({ code: 'unavailable' });
      await nowhere.close();
    });
  });
});
