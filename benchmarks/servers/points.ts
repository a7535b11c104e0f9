import { createHash, randomUUID } from 'node:crypto';
import { loadavg } from 'node:os';
import { QdrantClient, type Schemas } from '@qdrant/js-client-rest';
import { encodePoints, sizeOf } from '../../src/adapters/vectors/qdrant/points.js';
import type { Config, ConfigInput } from '../../src/core/config.js';
import type { Point } from '../../src/core/ports/vectors.js';
import { createLogger } from '../../src/engine/logger.js';
import { openVectors } from '../../src/engine/stores.js';
import { forEachConcurrent } from '../../src/runtime/concurrency.js';
import type { BenchResult } from '../result.js';
import { median } from '../result.js';
import { newPlace } from './place.js';

export interface PointsBenchOptions {
  readonly config: ConfigInput;
  readonly rounds?: number;
  readonly points?: number;
}

const DIMS = 384;
/** As the store's own: what one request takes. */
const BATCH_BYTES = 1 << 20;

/**
 * Writing points through the store, against a loop over the bare client: the same points in the same batches, as many at
 * once, into a collection with the same indexes. What the loop sends was made before its time began. Interleaved.
 */
export async function run({ config, rounds = 7, points: count = 4000 }: PointsBenchOptions): Promise<BenchResult> {
  const place = await newPlace({ ...config, embedding: { model: 'test-hash' } });
  const points = Array.from({ length: count }, (_, n) => pointOf(n));
  const batches = [...batchesOf(points)].map((batch) => encodePoints(batch));
  const { store } = await openVectors(place.config, createLogger(place.config));
  const bare = bareClient(place.config);
  const parallelism = bare.parallelism;
  const through: number[] = [];
  const loop: number[] = [];
  const fresh = async (): Promise<string> => {
    const generation = `g-${randomUUID().slice(0, 8)}`;
    await store.create({ generation, vectors: { text: DIMS } });
    return generation;
  };
  try {
    // The first round warms up.
    for (let round = 0; round <= rounds; round += 1) {
      const legs = [
        async () => {
          const generation = await fresh();
          const ms = await timed(() => store.write(generation, points));
          if (round > 0) through.push(ms);
          await store.drop(generation);
        },
        async () => {
          const generation = await fresh();
          const ms = await timed(() =>
            forEachConcurrent(batches, parallelism, (batch) => bare.upsert(generation, batch)),
          );
          if (round > 0) loop.push(ms);
          await store.drop(generation);
        },
      ];
      for (const leg of round % 2 === 0 ? legs : legs.reverse()) await leg();
    }
  } finally {
    await store.close();
    await place.remove();
  }
  return {
    name: 'servers-points',
    figures: {
      pointsPerSecond: count / (median(through) / 1000),
      pointsPerSecondBareLoop: count / (median(loop) / 1000),
      loadAverage: loadavg()[0]!,
    },
    ratios: { storeToBareLoop: { value: median(through.map((ms, round) => loop[round]! / ms)), target: 0.9 } },
    notes: [
      `${count} points of ${DIMS} dimensions, ${batches.length} batches of 1 MiB, ${parallelism} at once, ${rounds} rounds`,
      "the store makes each point's payload, weights and vectors within its time; what the bare loop sends is made before",
    ],
  };
}

function bareClient({ stores: { vectors } }: Config) {
  if (vectors.kind !== 'qdrant') throw new Error('not a Qdrant store');
  const { url, apiKey, prefix, parallelism } = vectors;
  const client = new QdrantClient({
    url,
    checkCompatibility: false,
    ...(apiKey === undefined ? {} : { headers: { 'api-key': apiKey } }),
  });
  return {
    parallelism,
    upsert: async (generation: string, points: Schemas['PointStruct'][]): Promise<void> => {
      await client.upsert(prefix + generation, { wait: true, ordering: 'medium', points });
    },
  };
}

function* batchesOf(points: readonly Point[]): Generator<readonly Point[]> {
  let batch: Point[] = [];
  let bytes = 0;
  for (const point of points) {
    const size = sizeOf(point);
    if (batch.length > 0 && bytes + size > BATCH_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(point);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** A passage of about a hundred words. */
function pointOf(n: number): Point {
  const words = Array.from({ length: 100 }, (_, i) => `word${(n * 37 + i * i * 11) % 5000}`);
  const vector = Float32Array.from({ length: DIMS }, (_, i) => Math.sin(n * 1.7 + i * (1 + (n % 13))));
  const length = Math.hypot(...vector);
  return {
    ...{ id: randomUUID(), chunkId: randomUUID(), documentId: randomUUID(), version: '1', revision: 'r' },
    ...{ source: 'feed', key: `document-${n}`, ordinal: 0, kind: 'text', span: { start: 0, end: 700 } },
    ...{ text: words.join(' '), context: 'Part\n', anchor: {} as Point['anchor'], headings: ['Part'], tokens: 130 },
    ...{ mime: 'text/markdown', observedAt: '2026-01-01T00:00:00.000Z', principals: ['local'], metadata: {} },
    terms: words,
    inputSha256: createHash('sha256').update(words.join()).digest('hex'),
    vectors: { text: vector.map((value) => value / length) },
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}
