import type { Point } from '../../../core/ports/vectors.js';
import { GroupedCoalescer } from '../../../runtime/coalescer.js';
import { forEachConcurrent } from '../../../runtime/concurrency.js';
import { checkVectors } from '../spec.js';
import type { Connection } from './connection.js';
import { Gate } from './gate.js';
import { encodePoints, sizeOf } from './points.js';
import type { Collection } from './search.js';
import { completed } from './updates.js';

/** Bytes waiting; more is refused (law 10). */
const QUEUE_BYTES = 256 << 20;
/** What takes no more goes together with others of its kind: most documents are a few points. */
const SMALL_BYTES = 64 << 10;
const MOST_SMALL = 64;
/** Points of one batch, whatever their size. */
const BATCH_POINTS = 1000;

/**
 * All writes to a shard go through one of its replicas, which applies them everywhere in one order; `medium` lets another
 * one take over while that one is away. Why that is enough: docs/decisions/0009-qdrant.md. Without a `timeout` the server
 * answers when it has applied the write or failed, and never that it stopped waiting.
 */
export const APPLIED = { wait: true, ordering: 'medium' } as const;

interface Written {
  readonly collection: Collection;
  readonly points: readonly Point[];
}

/** Writes points, several requests at once, each bounded in bytes. */
export class Writer {
  private readonly gate: Gate;
  private readonly small: GroupedCoalescer<Written, void>;

  constructor(
    private readonly connection: Connection,
    private readonly options: { readonly maxBatchBytes: number; readonly parallelism: number },
  ) {
    this.gate = new Gate(options.parallelism, QUEUE_BYTES);
    this.small = new GroupedCoalescer((all) => this.writeAll(all), { most: MOST_SMALL });
  }

  /** Applied on return. When it fails, any of the points may have been written: writing all again is right. */
  async write(collection: Collection, points: readonly Point[]): Promise<void> {
    // All before any is sent.
    for (const point of points) checkVectors(point, collection.dims);
    const bytes = bytesOf(points);
    await this.gate.admit(bytes, () =>
      bytes <= SMALL_BYTES ? this.small.ask(collection.name, { collection, points }) : this.send(collection, points),
    );
  }

  /** All of one collection. */
  private async writeAll(all: readonly Written[]): Promise<void[]> {
    await this.send(
      all[0]!.collection,
      all.flatMap(({ points }) => points),
    );
    return all.map(() => undefined);
  }

  private async send(collection: Collection, points: readonly Point[]): Promise<void> {
    // The last one of an id counts; in one request their order would be the server's.
    const distinct = [...new Map(points.map((point) => [point.id, point])).values()];
    const { maxBatchBytes, parallelism } = this.options;
    await forEachConcurrent(batchesOf(distinct, maxBatchBytes), parallelism, (batch) =>
      this.gate.run(() => this.upsert(collection, batch)),
    );
  }

  private async upsert(collection: Collection, batch: readonly Point[]): Promise<void> {
    const points = encodePoints(batch);
    await this.connection.call(collection.generation, async (api, init) =>
      completed(await api.upsertPoints({ collection_name: collection.name, ...APPLIED, points }, init)),
    );
  }
}

function bytesOf(points: readonly Point[]): number {
  return points.reduce((sum, point) => sum + sizeOf(point), 0);
}

function* batchesOf(points: readonly Point[], maxBytes: number): Generator<readonly Point[]> {
  let batch: Point[] = [];
  let bytes = 0;
  for (const point of points) {
    const size = sizeOf(point);
    if (batch.length > 0 && (bytes + size > maxBytes || batch.length >= BATCH_POINTS)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(point);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
