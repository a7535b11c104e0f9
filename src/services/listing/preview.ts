import { FootnoteError, throwIfAborted } from '../../core/errors.js';
import type { SourceName } from '../../core/ports/catalog.js';
import { Gone, checkBrake, countItems } from './gone.js';
import type { ListingOptions, ListingPorts } from './ports.js';
import { aboutOf, looksUnchanged, settledState, usableCursor } from './state.js';

/** What a listing would do with an item. `read`: it is new or looks changed; its content may turn out to be the same. */
export interface PreviewItem {
  readonly key: string;
  readonly action: 'read' | 'delete' | 'unchanged' | 'skip' | 'problem';
  readonly code?: string;
  readonly message?: string;
}

export interface PreviewSummary {
  readonly read: number;
  readonly delete: number;
  readonly unchanged: number;
  readonly skip: number;
  readonly problem: number;
  /** The brake would stop it before any deletion. */
  readonly stopped?: { readonly code: string; readonly message: string };
}

/** Reads a source as a listing would and tells what that would do. Writes nothing, takes no lease, opens no item. */
export async function previewListing(
  { catalog }: Pick<ListingPorts, 'catalog'>,
  options: Omit<ListingOptions, 'collection' | 'onFence'> & {
    readonly collection: Pick<ListingOptions['collection'], 'tenant' | 'name'>;
  },
  onItem: (item: PreviewItem) => Promise<void>,
): Promise<PreviewSummary> {
  const { collection, source, changes, signal } = options;
  const name: SourceName = { tenant: collection.tenant, collection: collection.name, source };
  const { cursors } = catalog;
  const counts = { read: 0, delete: 0, unchanged: 0, skip: 0, problem: 0 };
  const tell = async (item: PreviewItem): Promise<void> => {
    counts[item.action] += 1;
    await onItem(item);
  };
  const gone = new Gone(options.whole ?? false);
  const start = {
    from: usableCursor((await cursors.load(name))?.cursor, options),
    known: async (key: string) => settledState(await cursors.item(name, key))?.quick,
    signal,
    preview: true as const,
  };
  for await (const change of typeof changes === 'function' ? changes(start) : changes) {
    throwIfAborted(signal);
    gone.note(change);
    if (change.kind === 'problem') {
      await tell({ key: change.key, action: 'problem', code: change.code, message: change.message });
    } else if (change.kind === 'item') {
      const known = await cursors.item(name, change.key);
      const about = aboutOf(change, change.policy ?? options.policy);
      const tooLarge = change.bytes !== undefined && change.bytes > options.maxBytes;
      if (looksUnchanged(change, known, about)) await tell({ key: change.key, action: 'unchanged' });
      else if (tooLarge) await tell({ key: change.key, action: 'skip', code: 'document_too_large' });
      else await tell({ key: change.key, action: 'read' });
    }
  }
  if (!options.deletes) return counts;
  const going = await gone.keys(cursors, name);
  for (const key of going) await tell({ key, action: 'delete' });
  const { brake } = options;
  if (!brake) return counts;
  try {
    checkBrake(brake, going.size, await countItems(cursors, name), name);
    return counts;
  } catch (error) {
    if (!(error instanceof FootnoteError)) throw error;
    return { ...counts, stopped: { code: error.code, message: error.message } };
  }
}
