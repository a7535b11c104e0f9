import type { Schemas } from '@qdrant/js-client-rest';
import { FootnoteError } from '../../../core/errors.js';
import type { StoreSpec } from '../../../core/ports/vectors.js';
import { sameDims, type VectorDims } from '../spec.js';
import type { Connection } from './connection.js';
import type { QdrantOptions } from './options.js';
import { collectionConfig, FIELD_INDEXES, readSpec } from './schema.js';
import type { Collection } from './search.js';
import { completed } from './updates.js';

/** The generations' collections: made, found and removed. What one holds never changes, so it is read once. */
export class Collections {
  private readonly known = new Map<string, Promise<Collection>>();

  constructor(
    private readonly connection: Connection,
    private readonly options: QdrantOptions,
  ) {}

  /** @throws dimension_mismatch when it is there and holds other vectors */
  async create({ generation, vectors }: StoreSpec): Promise<void> {
    const name = this.nameOf(generation);
    this.known.delete(generation);
    const info = (await this.find(generation)) ?? (await this.make(generation, vectors));
    sameDims(generation, readSpec(generation, info.config.metadata), vectors);
    // Those that are missing, should an earlier creation have been interrupted.
    const indexes = Object.entries(FIELD_INDEXES).filter(([field]) => info.payload_schema[field] === undefined);
    const onDisk = this.options.onDisk?.filters ?? false;
    await Promise.all(
      indexes.map(([field_name, schema]) =>
        this.connection.call(generation, async (api, init) => {
          const field_schema = { ...schema, on_disk: onDisk };
          const request = { collection_name: name, wait: true, field_name, field_schema };
          return completed(await api.createFieldIndex(request, init));
        }),
      ),
    );
  }

  /** @throws not_found, data_newer, data_corrupt */
  async use<T>(generation: string, work: (collection: Collection) => Promise<T>): Promise<T> {
    const collection = await this.open(generation);
    try {
      return await work(collection);
    } catch (error) {
      this.forgetIfGone(generation, error);
      throw error;
    }
  }

  open(generation: string): Promise<Collection> {
    const known = this.known.get(generation);
    if (known) return known;
    const opening = this.read(generation);
    this.known.set(generation, opening);
    // A failure is not kept.
    opening.catch(() => {
      if (this.known.get(generation) === opening) this.known.delete(generation);
    });
    return opening;
  }

  /** Another process may have dropped it, or made it anew with other vectors. */
  forgetIfGone(generation: string, error: unknown): void {
    if (!(error instanceof FootnoteError)) return;
    if (error.code === 'not_found' || error.code === 'dimension_mismatch') this.known.delete(generation);
  }

  async drop(generation: string): Promise<void> {
    this.known.delete(generation);
    try {
      await this.connection.call(generation, (api, init) =>
        api.deleteCollection({ collection_name: this.nameOf(generation) }, init),
      );
    } catch (error) {
      if (!(error instanceof FootnoteError) || error.code !== 'not_found') throw error;
    }
  }

  /** @throws not_found */
  info(generation: string, signal?: AbortSignal): Promise<Schemas['CollectionInfo']> {
    return this.connection.call(
      generation,
      (api, init) => api.getCollection({ collection_name: this.nameOf(generation) }, init),
      signal,
    );
  }

  nameOf(generation: string): string {
    return `${this.options.prefix}${generation}`;
  }

  private async read(generation: string): Promise<Collection> {
    const { config } = await this.info(generation);
    return { generation, name: this.nameOf(generation), dims: readSpec(generation, config.metadata) };
  }

  private async find(generation: string): Promise<Schemas['CollectionInfo'] | undefined> {
    try {
      return await this.info(generation);
    } catch (error) {
      if (error instanceof FootnoteError && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  private async make(generation: string, vectors: VectorDims): Promise<Schemas['CollectionInfo']> {
    const config = collectionConfig(vectors, this.options);
    try {
      await this.connection.call(generation, (api, init) =>
        api.createCollection({ collection_name: this.nameOf(generation), ...config }, init),
      );
    } catch (error) {
      // By another at the same time, or by us, when the answer was lost.
      if (!(error instanceof FootnoteError) || error.code !== 'already_exists') throw error;
    }
    return this.info(generation);
  }
}
