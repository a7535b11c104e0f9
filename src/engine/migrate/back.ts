import type { Config, ConfigInput } from '../../core/config.js';
import { parseConfig } from '../../core/config.js';
import { FootnoteError } from '../../core/errors.js';
import { removeCollection } from '../../services/collections.js';
import { createLogger } from '../logger.js';
import type { Storage } from '../storage.js';
import { openStorage } from '../storage.js';
import type { Note } from './note.js';
import { readNote } from './note.js';
import type { CollectionAt } from './index.js';

export interface AsideView extends CollectionAt, Pick<Note, 'state' | 'where' | 'since'> {
  /** Of a copy that is under way: documents that have come. */
  readonly documents: number;
}

/** What is out of sight in this installation: on its way, or left behind. */
export async function listMigrations(input: ConfigInput): Promise<AsideView[]> {
  return using(parseConfig(input), async (storage) => asides(storage));
}

/**
 * Puts collections in service again where they were moved from. One that has come into service elsewhere only with `force`:
 * what was written there is not here. @throws conflict, not_found
 */
export async function undoMigration(
  input: ConfigInput,
  { only, force }: { readonly only: CollectionAt | undefined; readonly force: boolean },
): Promise<AsideView[]> {
  return using(parseConfig(input), async (storage) => {
    const found = chosen(await asides(storage), only).filter(({ state }) => only !== undefined || state === 'leaving');
    for (const { collection, state, where } of found) {
      if (state === 'arriving') {
        throw new FootnoteError(
          'conflict',
          `The collection ${collection} is being moved here from ${where}. Undo it there; the unfinished copy goes with footnote migrate --discard.`,
        );
      }
      if (state === 'left' && !force) {
        throw new FootnoteError(
          'conflict',
          `The collection ${collection} is in service at ${where}, and what was written there since is not here. Move it back from there with footnote migrate; if it is lost there, --force puts the old copy in service.`,
        );
      }
    }
    for (const { tenant, collection } of found) await storage.catalog.collections.bringBack(tenant, collection);
    return found;
  });
}

/** Removes copies that are in service elsewhere, and unfinished ones that came here. @throws not_found */
export async function discardMigrated(
  input: ConfigInput,
  { only }: { readonly only: CollectionAt | undefined },
): Promise<AsideView[]> {
  return using(parseConfig(input), async (storage) => {
    const found = chosen(await asides(storage), only);
    if (only !== undefined && found.some(({ state }) => state === 'leaving')) {
      throw new FootnoteError(
        'conflict',
        `The collection ${only.collection} is in service nowhere else yet: finish its migration, or undo it.`,
      );
    }
    const goes = found.filter(({ state }) => state !== 'leaving');
    for (const { tenant, collection } of goes) await removeCollection(storage, tenant, collection);
    return goes;
  });
}

async function asides({ catalog }: Storage): Promise<AsideView[]> {
  return (await catalog.collections.listAside()).map((aside) => {
    const { state, where, since, done } = readNote(aside);
    const { tenant, name } = aside.collection;
    return { tenant, collection: name, state, where, since, documents: done };
  });
}

function chosen(all: readonly AsideView[], only: CollectionAt | undefined): AsideView[] {
  if (only === undefined) return [...all];
  const found = all.filter(({ tenant, collection }) => tenant === only.tenant && collection === only.collection);
  if (found.length > 0) return found;
  throw new FootnoteError('not_found', `No migration has touched a collection ${only.collection} here.`);
}

async function using<T>(config: Config, use: (storage: Storage) => Promise<T>): Promise<T> {
  const storage = await openStorage(config, createLogger(config));
  try {
    return await use(storage);
  } finally {
    await storage.close();
  }
}
