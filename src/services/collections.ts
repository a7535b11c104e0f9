import { randomBytes } from 'node:crypto';
import { collectionMoved } from '../core/errors.js';
import type { Generation, GenerationSpec, Release } from '../core/generation.js';
import { streamOf } from '../core/generation.js';
import type { JsonObject } from '../core/json.js';
import type { Policy } from '../core/policy.js';
import type { BlobStore } from '../core/ports/blobs.js';
import type { VectorCache } from '../core/ports/cache.js';
import type { Catalog, Collection } from '../core/ports/catalog.js';
import type { Clock } from '../core/ports/clock.js';
import type { EventLog } from '../core/ports/log.js';
import type { VectorStore } from '../core/ports/vectors.js';
import { requireCollection } from './require-collection.js';

interface RemovalPorts {
  readonly catalog: Pick<Catalog, 'collections' | 'generations' | 'heads'>;
  readonly log: Pick<EventLog, 'dropStream'>;
  readonly vectors: Pick<VectorStore, 'drop'>;
  readonly blobs: Pick<BlobStore, 'deleteCollection'>;
  readonly cache: Pick<VectorCache, 'forget'>;
}

export interface CollectionPorts extends RemovalPorts {
  readonly catalog: Pick<Catalog, 'collections' | 'generations' | 'releases' | 'heads' | 'documents'>;
  readonly vectors: Pick<VectorStore, 'create' | 'drop'>;
  readonly clock: Pick<Clock, 'now'>;
  /** What a new generation is built with: the configured model, the default chunker. */
  readonly newSpec: () => Promise<GenerationSpec>;
  /** A generation is there and is to be consumed for. */
  readonly start: (generation: Generation) => Promise<void>;
  /** Stops consuming for all generations of a collection. */
  readonly stop: (tenant: string, collection: string) => Promise<void>;
}

/** Without keys everything belongs to the local user. */
const LOCAL_POLICY: Policy = { principals: ['local'] };
const PAGE = 500;

/**
 * Takes everything away that belongs to a collection on which nobody works any more: texts and vectors first, its name last.
 * Repeatable after a crash.
 */
export async function removeCollection(ports: RemovalPorts, tenant: string, name: string): Promise<void> {
  const { catalog, log, vectors, blobs, cache } = ports;
  await log.dropStream(streamOf(tenant, name));
  for (const { id } of await catalog.generations.list(tenant, name)) await vectors.drop(id);
  let after: string | undefined;
  for (;;) {
    const heads = await catalog.heads.list(tenant, name, {
      includeDeleted: true,
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { documentId } of heads) await cache.forget(documentId);
    if (heads.length < PAGE) break;
    after = heads.at(-1)!.documentId;
  }
  await blobs.deleteCollection({ tenant, collection: name });
  await catalog.collections.delete(tenant, name);
}

/** Collections with their first generation and release. Every step may be repeated after a crash. */
export class CollectionsService {
  constructor(private readonly ports: CollectionPorts) {}

  /** Creates the collection or changes what is given; the rest stays. Ready for documents on return. */
  async put(
    tenant: string,
    name: string,
    change: { defaultPolicy?: Policy | undefined; settings?: JsonObject | undefined } = {},
  ): Promise<{ created: boolean; collection: Collection }> {
    const { collections } = this.ports.catalog;
    if (await collections.aside(tenant, name)) throw collectionMoved(name);
    const created = await collections.create({
      tenant,
      name,
      defaultPolicy: change.defaultPolicy ?? LOCAL_POLICY,
      settings: change.settings ?? {},
      createdAt: this.#now(),
    });
    if (!created && (change.defaultPolicy !== undefined || change.settings !== undefined)) {
      await collections.update(tenant, name, {
        ...(change.defaultPolicy === undefined ? {} : { defaultPolicy: change.defaultPolicy }),
        ...(change.settings === undefined ? {} : { settings: change.settings }),
      });
    }
    const collection = await this.get(tenant, name);
    await this.complete(collection);
    return { created, collection };
  }

  async get(tenant: string, name: string): Promise<Collection> {
    return requireCollection(this.ports.catalog.collections, tenant, name);
  }

  /** Makes sure that the collection has a live generation with its store; what a crash left half made is finished. */
  async complete(collection: Collection): Promise<void> {
    const { tenant, name } = collection;
    const { generations, releases } = this.ports.catalog;
    const current = await releases.current(tenant, name);
    if (current) {
      // Perhaps made by a request whose last answer was lost: it did not come to start it.
      const served = await generations.get(current.generation);
      if (served) await this.ports.start(served);
      return;
    }
    const left = (await generations.list(tenant, name)).find(({ state }) => state === 'draft');
    const generation = left ?? (await this.#draft(tenant, name));
    const { id, spec } = generation;
    const models = Object.entries(spec.models);
    await this.ports.vectors.create({
      generation: id,
      vectors: Object.fromEntries(models.map(([vector, model]) => [vector, model.dims])),
    });
    const release: Release = {
      tenant,
      collection: name,
      number: 1,
      generation: id,
      spaces: Object.fromEntries(models.map(([vector, model]) => [vector, model.space])),
      retrieval: {},
      at: this.#now(),
    };
    if (!(await releases.switch(release, 0))) {
      // Another process was faster: its release stands, and a draft of our own is nobody's.
      const served = (await releases.current(tenant, name))?.generation;
      if (served === id || !(await generations.move(id, 'draft', 'dropped', this.#now(), 'another was faster'))) return;
      await this.ports.vectors.drop(id);
      return;
    }
    await this.ports.start((await generations.get(id)) ?? generation);
  }

  /** Takes everything away that belongs to the collection, texts and vectors first, its name last. */
  async delete(tenant: string, name: string): Promise<void> {
    await this.get(tenant, name);
    await this.ports.stop(tenant, name);
    await removeCollection(this.ports, tenant, name);
  }

  async #draft(tenant: string, collection: string): Promise<Generation> {
    const generation = {
      id: `g-${randomBytes(6).toString('hex')}`,
      tenant,
      collection,
      state: 'draft' as const,
      spec: await this.ports.newSpec(),
      createdAt: this.#now(),
    };
    await this.ports.catalog.generations.create(generation, 'made with the collection');
    return { ...generation, history: [] };
  }

  #now(): string {
    return new Date(this.ports.clock.now()).toISOString();
  }
}
