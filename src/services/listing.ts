import type { Json } from '../core/json.js';
import type { SourceName } from '../core/ports/catalog.js';
import type { SourceChange } from '../core/ports/connector.js';
import { Gone, checkBrake, countItems, eachItem } from './listing/gone.js';
import { Listing } from './listing/items.js';
import type { OwnedSource } from './listing/lease.js';
import { takenOver, withSource } from './listing/lease.js';
import type { ListedItem, ListingOptions, ListingPorts, ListingStart } from './listing/ports.js';
import { settledState, storedCursor, usableCursor } from './listing/state.js';

export { CONNECT_FAULT_POINTS, LISTING_FAULT_POINTS } from './listing/ports.js';
export type { ListedItem, ListingOptions, ListingPorts, ListingStart } from './listing/ports.js';

/** Items that are compared and sent together. */
const BATCH = 64;

/**
 * Brings one listing of a source to the log: new and changed items as upserts; items of the inventory that a completed
 * scope no longer has as tombstones, once the listing came to a checkpoint or its end. The inventory follows each append,
 * so a crash between the two only repeats an event.
 *
 * @throws FootnoteError source_owned, conflict (another process lists this source), deletion_stopped (the brake), and
 * what reading the source throws: nothing is deleted then
 */
export async function runListing(
  ports: ListingPorts,
  options: ListingOptions,
  onItem: (item: ListedItem) => void,
): Promise<void> {
  await withSource(ports, nameOf(options), options.connector, options.signal, async (source) => {
    options.onFence?.(source.fence);
    const { changes } = options;
    const run = new Listing(ports, options, source, onItem);
    const gone = new Gone(options.whole ?? false);
    let batch = new Map<string, SourceChange>();
    const flush = (): Promise<void> => {
      const items = [...batch.values()];
      batch = new Map();
      return run.flush(items);
    };
    for await (const change of typeof changes === 'function' ? readFrom(ports, options, source, changes) : changes) {
      gone.note(change);
      if (change.kind === 'complete') await flush();
      else if (change.kind === 'checkpoint') {
        await flush();
        await deleteGone(ports, options, source, run, gone);
        await saveCursor(ports, options, source, run, change.cursor);
      } else if (change.kind === 'item' || change.kind === 'problem') {
        // One item told twice: the second time it is compared with what the first one left.
        if (batch.has(change.key) || batch.size >= BATCH) await flush();
        batch.set(change.key, change);
      }
    }
    if (batch.size > 0) await flush();
    await deleteGone(ports, options, source, run, gone);
  });
}

/**
 * Deletes documents of a connector's source by hand: all, or the one with this key. What its connector still finds comes
 * back with the next listing, which `fromTheBeginning` makes a full one.
 */
export async function deleteListed(
  ports: ListingPorts,
  options: Omit<ListingOptions, 'changes' | 'maxBytes' | 'deletes'> & {
    readonly key?: string;
    readonly fromTheBeginning?: boolean;
  },
  onItem: (item: ListedItem) => void,
): Promise<void> {
  const { key } = options;
  await withSource(ports, nameOf(options), options.connector, options.signal, async (source) => {
    const { name, fence } = source;
    if (options.fromTheBeginning && !(await ports.catalog.cursors.save(name, fence, null))) throw takenOver(name);
    const run = new Listing(ports, { ...options, maxBytes: 0 }, source, onItem);
    if (key !== undefined) return run.deleteItem(key);
    await eachItem(ports.catalog.cursors, name, {}, (item) => run.delete(item));
  });
}

function nameOf({ collection, source }: Pick<ListingOptions, 'collection' | 'source'>): SourceName {
  return { tenant: collection.tenant, collection: collection.name, source };
}

async function* readFrom(
  { catalog, faults }: ListingPorts,
  options: ListingOptions,
  { name, signal }: OwnedSource,
  changes: (start: ListingStart) => AsyncIterable<SourceChange>,
): AsyncGenerator<SourceChange> {
  await faults.reach('connect:begun');
  const { cursors } = catalog;
  yield* changes({
    from: usableCursor((await cursors.load(name))?.cursor, options),
    known: async (key) => settledState(await cursors.item(name, key))?.quick,
    signal,
  });
}

/** Looks at everything that would go before the first of it goes. */
async function deleteGone(
  { catalog, faults }: ListingPorts,
  { brake, deletes }: ListingOptions,
  { name }: OwnedSource,
  run: Listing,
  gone: Gone,
): Promise<void> {
  if (deletes && brake) {
    const going = (await gone.keys(catalog.cursors, name)).size;
    // The inventory is long: it is counted only where it matters, at most once a read.
    const total = async () => (gone.total ??= gone.went + (await countItems(catalog.cursors, name)));
    if (going > 0 && gone.went + going >= brake.least) checkBrake(brake, going, await total(), name, gone.went);
    gone.went += going;
    await faults.reach('connect:counted');
  }
  if (deletes) await gone.each(catalog.cursors, name, (item) => run.delete(item));
  gone.settled();
}

/** What could not be read is not behind the cursor: the next read has to come to it again. */
async function saveCursor(
  { catalog, faults }: ListingPorts,
  options: ListingOptions,
  { name, fence }: OwnedSource,
  run: Listing,
  cursor: Json,
): Promise<void> {
  await faults.reach('connect:settled');
  if (run.unread > 0) return;
  if (!(await catalog.cursors.save(name, fence, storedCursor(cursor, options)))) throw takenOver(name);
  await faults.reach('connect:checkpointed');
}
