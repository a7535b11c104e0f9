import { collectionMoved, collectionNotFound } from '../core/errors.js';
import type { Collection, Collections } from '../core/ports/catalog.js';

/** @throws collection_not_found; collection_moved for one that is out of sight */
export async function requireCollection(
  collections: Pick<Collections, 'get' | 'aside'>,
  tenant: string,
  name: string,
): Promise<Collection> {
  const collection = await collections.get(tenant, name);
  if (collection) return collection;
  throw (await collections.aside(tenant, name)) ? collectionMoved(name) : collectionNotFound(name);
}
