import { throwIfAborted } from '../../../core/errors.js';
import type { Arm, Hit, Point, SearchFilter, StoreSpec, VectorStore } from '../../../core/ports/vectors.js';
import type { VersionKey } from '../../../core/version.js';
import { checkQueries, checkSpec } from '../spec.js';
import { Collections } from './collections.js';
import { compileSearchFilter, ofDocuments } from './compile.js';
import { Connection } from './connection.js';
import { waitForOptimizers } from './optimize.js';
import { DocumentReads } from './document-reads.js';
import type { QdrantOptions } from './options.js';
import { decodePoint, WHOLE_PAYLOAD } from './points.js';
import { Pruner } from './pruner.js';
import { pages } from './scroll.js';
import { searchArms } from './search.js';
import { Writer } from './writer.js';

/**
 * A vector store in collections of one Qdrant server or cluster, shared by any number of processes.
 * @throws invalid_config
 */
export function openQdrantVectors(options: QdrantOptions): VectorStore {
  return new QdrantVectors(options);
}

/** Reads ask one replica of a shard, the default: docs/decisions/0009-qdrant.md says why that finds every write. */
class QdrantVectors implements VectorStore {
  private readonly connection: Connection;
  private readonly collections: Collections;
  private readonly writer: Writer;
  private readonly pruner: Pruner;
  private readonly documents: DocumentReads;
  private readonly optimizeWaitMs: number;

  constructor(options: QdrantOptions) {
    this.connection = new Connection(options);
    this.collections = new Collections(this.connection, options);
    this.writer = new Writer(this.connection, {
      maxBatchBytes: options.maxBatchBytes ?? 1 << 20,
      parallelism: options.parallelism ?? 4,
    });
    this.pruner = new Pruner(this.connection);
    this.documents = new DocumentReads(this.connection);
    this.optimizeWaitMs = options.optimizeWaitMs ?? 30_000;
  }

  async create(spec: StoreSpec): Promise<void> {
    checkSpec(spec);
    await this.collections.create(spec);
  }

  async write(generation: string, points: readonly Point[]): Promise<void> {
    if (points.length === 0) return;
    await this.collections.use(generation, (collection) => this.writer.write(collection, points));
  }

  async prune(generation: string, documentId: string, below: VersionKey, keepRevision?: string): Promise<void> {
    await this.collections.use(generation, (collection) =>
      this.pruner.prune(collection, { documentId, below, keepRevision }),
    );
  }

  async search(
    generation: string,
    arms: readonly Arm[],
    filter: SearchFilter,
    k: number,
    signal?: AbortSignal,
  ): Promise<Hit[][]> {
    throwIfAborted(signal);
    return this.collections.use(generation, (collection) => {
      checkQueries(arms, collection.dims);
      return searchArms(this.connection, collection, arms, compileSearchFilter(filter), k, signal);
    });
  }

  async document(generation: string, documentId: string, version: VersionKey): Promise<Point[]> {
    return this.collections.use(generation, (collection) => this.documents.points(collection, documentId, version));
  }

  async inputs(generation: string, documentId: string, version: VersionKey): Promise<string[]> {
    return this.collections.use(generation, (collection) => this.documents.inputs(collection, documentId, version));
  }

  async *scroll(
    generation: string,
    options: { documentIds?: readonly string[]; signal?: AbortSignal } = {},
  ): AsyncIterable<Point> {
    const { documentIds, signal } = options;
    throwIfAborted(signal);
    if (documentIds?.length === 0) return;
    const collection = await this.collections.open(generation);
    const names = Object.keys(collection.dims);
    const asked = {
      ...(documentIds === undefined ? {} : { filter: ofDocuments(documentIds) }),
      with_payload: WHOLE_PAYLOAD,
      with_vector: names,
    };
    try {
      for await (const page of pages(this.connection, collection, asked, signal)) {
        for (const record of page) {
          throwIfAborted(signal);
          yield decodePoint(record, names);
        }
        throwIfAborted(signal);
      }
    } catch (error) {
      this.collections.forgetIfGone(generation, error);
      throw error;
    }
  }

  async count(generation: string): Promise<number> {
    return this.collections.use(generation, async ({ name }) => {
      const { count } = await this.connection.call(generation, (api, init) =>
        api.countPoints({ collection_name: name, exact: true }, init),
      );
      return count;
    });
  }

  drop(generation: string): Promise<void> {
    return this.collections.drop(generation);
  }

  async optimize(generation: string, signal?: AbortSignal): Promise<void> {
    await this.collections.use(generation, () =>
      waitForOptimizers(this.connection, this.collections, generation, this.optimizeWaitMs, signal),
    );
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}
