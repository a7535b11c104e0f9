import type { CollectionsService } from '../services/collections.js';
import type { ReindexParts } from './reindex.js';
import { abandonOrphans } from './reindex.js';
import { finishDrops } from './retiring.js';

/** Finishes what a crash left half done: collections without a release, builds whose job has ended, and drops. */
export async function tidyGenerations({
  reindex,
  collections,
}: {
  readonly reindex: ReindexParts;
  readonly collections: CollectionsService;
}): Promise<void> {
  const { catalog } = reindex.storage;
  for (const collection of await catalog.collections.list()) {
    await collections.complete(collection);
    const all = await catalog.generations.list(collection.tenant, collection.name);
    await abandonOrphans(reindex, all);
    await finishDrops(reindex, all);
  }
}
