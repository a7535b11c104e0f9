import { describe, expect, it } from 'vitest';
import { FootnoteError } from '../core/errors.js';
import type { Generation, Release } from '../core/generation.js';
import type { Collection } from '../core/ports/catalog.js';
import { CollectionsService, type CollectionPorts } from './collections.js';

/** A catalog whose answer to the switch is lost after it was made, as often as told. */
function service(lost: number) {
  let collection: Collection | undefined;
  let release: Release | undefined;
  const generations = new Map<string, Generation>();
  const started: string[] = [];
  const catalog = {
    collections: {
      aside: async () => undefined,
      create: async (made: Collection) => (collection ? false : ((collection = made), true)),
      get: async () => collection,
    },
    generations: {
      list: async () => [...generations.values()],
      get: async (id: string) => generations.get(id),
      create: async (made: Generation) => void generations.set(made.id, made),
    },
    releases: {
      current: async () => release,
      switch: async (next: Release) => {
        release = next;
        if ((lost -= 1) >= 0) throw new FootnoteError('unavailable', 'The answer was lost.');
        return true;
      },
    },
  };
  const collections = new CollectionsService({
    catalog,
    vectors: { create: async () => undefined },
    clock: { now: () => 0 },
    newSpec: async () => ({ models: {} }),
    start: async ({ id }: Generation) => void started.push(id),
  } as unknown as CollectionPorts);
  return { collections, started, generations };
}

describe('CollectionsService', () => {
  it('starts a collection whose making was not heard of, when it is asked for again', async () => {
    const { collections, started, generations } = service(1);
    await expect(collections.put('t', 'c')).rejects.toMatchObject({ code: 'unavailable' });
    expect(started).toEqual([]);
    await collections.put('t', 'c');
    expect(started).toEqual([...generations.keys()]);
    expect(started).toHaveLength(1);
  });
});
