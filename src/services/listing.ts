import { randomUUID } from 'node:crypto';
import { FootnoteError, asFootnoteError, throwIfAborted } from '../core/errors.js';
import type { ChangeEvent, ContentRef } from '../core/event.js';
import { EVENT_VERSION, eventVersion } from '../core/event.js';
import { streamOf } from '../core/generation.js';
import { documentId, sha256 } from '../core/ids.js';
import { canonicalJson } from '../core/json.js';
import { type BlobStore, NAME_BLOB_WITHIN_MS } from '../core/ports/blobs.js';
import type { Catalog, Collection, InventoryItem, Lease, SourceName } from '../core/ports/catalog.js';
import type { Clock } from '../core/ports/clock.js';
import type { SourceChange } from '../core/ports/connector.js';
import type { EventLog } from '../core/ports/log.js';
import type { Parsing } from '../core/ports/processing.js';
import type { VersionKey } from '../core/version.js';
import { versionKey } from '../core/version.js';
import { forEachConcurrent } from '../runtime/concurrency.js';
import type { FaultPoints } from '../runtime/faults.js';

export interface ListingPorts {
  readonly catalog: Pick<Catalog, 'cursors' | 'sources' | 'leases'>;
  readonly log: EventLog;
  readonly blobs: BlobStore;
  readonly parsing: Pick<Parsing, 'identify'>;
  readonly clock: Clock;
  readonly faults: FaultPoints;
}

export interface ListingOptions {
  readonly collection: Collection;
  readonly source: string;
  readonly connector: string;
  readonly changes: AsyncIterable<SourceChange>;
  /** Larger items are reported and not read. */
  readonly maxBytes: number;
  /** False keeps documents whose items have gone. */
  readonly deletes: boolean;
  readonly concurrency?: number;
  readonly signal: AbortSignal;
}

/** What became of one item. `sent` and `deleted` have gone to the log and will be applied at `version`. */
export interface ListedItem {
  readonly key: string;
  readonly documentId: string;
  readonly outcome: 'sent' | 'deleted' | 'unchanged' | 'skipped' | 'failed';
  readonly version?: VersionKey;
  readonly code?: string;
  readonly message?: string;
}

/** Where a listing can be interrupted between two effects. */
export const LISTING_FAULT_POINTS = [
  'listing:content-stored',
  'listing:announced',
  'listing:appended',
  'listing:remembered',
  'listing:forgotten',
] as const;

const LEASE_MS = 30_000;
const INVENTORY_PAGE = 1000;
const BATCH = 64;
const BATCH_BYTES = 64 * 1024 * 1024;
/** Codes of files that nothing here can read: they are skipped unless the document is known already. */
const NOT_READABLE = new Set(['unknown_type', 'unsupported_media_type']);

/**
 * Brings one listing of a source to the log: new and changed items as upserts; items of the inventory that a completed
 * scope no longer has as tombstones. The inventory follows each append, so a crash between the two only repeats an event.
 *
 * @throws FootnoteError source_owned, conflict (another process lists this source), and what reading the source throws
 */
export async function runListing(
  ports: ListingPorts,
  options: ListingOptions,
  onItem: (item: ListedItem) => void,
): Promise<void> {
  await withSource(
    ports,
    options,
    async (run) => {
      const seen = new Map<string, Set<string>>();
      const batch: SourceChange[] = [];
      let waiting = 0;
      for await (const change of options.changes) {
        if (change.kind === 'complete') {
          await run.flush(batch);
          const keys = seen.get(change.scope) ?? new Set();
          if (options.deletes) await run.deleteItems({ scope: change.scope }, (key) => !keys.has(key));
          seen.delete(change.scope);
          continue;
        }
        let keys = seen.get(change.scope);
        if (!keys) seen.set(change.scope, (keys = new Set()));
        keys.add(change.key);
        batch.push(change);
        // Contents may wait in memory.
        waiting += change.kind === 'item' ? change.bytes : 0;
        if (batch.length < BATCH && waiting < BATCH_BYTES) continue;
        await run.flush(batch);
        waiting = 0;
      }
      await run.flush(batch);
    },
    onItem,
  );
}

/**
 * Deletes documents of a connector's source by hand: all, or the one with this key. What its connector still finds comes
 * back with the next listing.
 */
export async function deleteListed(
  ports: ListingPorts,
  options: Omit<ListingOptions, 'changes' | 'maxBytes' | 'deletes'> & { readonly key?: string },
  onItem: (item: ListedItem) => void,
): Promise<void> {
  const { key } = options;
  const full = { ...options, maxBytes: 0 };
  await withSource(
    ports,
    full,
    (run) => (key === undefined ? run.deleteItems({}, () => true) : run.deleteItem(key)),
    onItem,
  );
}

type SourceOptions = Omit<ListingOptions, 'changes' | 'deletes'>;

/** Runs under the source's lease with a fence of its own. */
async function withSource(
  ports: ListingPorts,
  options: SourceOptions,
  work: (run: Listing) => Promise<void>,
  onItem: (item: ListedItem) => void,
): Promise<void> {
  const { collection, signal } = options;
  const name: SourceName = { tenant: collection.tenant, collection: collection.name, source: options.source };
  await ports.catalog.sources.claim(name, `connector:${options.connector}`);
  const lease = await acquire(ports, name);
  const lost = new AbortController();
  const renewal = keepLease(ports, lease, lost, signal);
  try {
    // Closes the inventory to former owners before anything in it is believed.
    if (!(await ports.catalog.cursors.updateInventory(name, lease.fence, [], []))) {
      throw new FootnoteError('conflict', `Source ${name.source} was taken over by a newer run.`);
    }
    await work(new Listing(ports, options, name, lease.fence, AbortSignal.any([signal, lost.signal]), onItem));
  } finally {
    lost.abort();
    await renewal;
    await ports.catalog.leases.release(lease);
  }
}

async function acquire(ports: ListingPorts, name: SourceName): Promise<Lease> {
  const lease = await ports.catalog.leases.acquire(
    `source:${name.tenant}/${name.collection}/${name.source}`,
    randomUUID(),
    LEASE_MS,
    ports.clock.now(),
    name,
  );
  if (!lease) {
    throw new FootnoteError(
      'conflict',
      `Another run is reading source ${name.source} of ${name.collection}: wait until it ends (its lease lasts ${LEASE_MS / 1000} s).`,
    );
  }
  return lease;
}

/** Renews until told to stop; losing the lease aborts the listing (the fence keeps it harmless anyway). */
async function keepLease(ports: ListingPorts, lease: Lease, lost: AbortController, signal: AbortSignal): Promise<void> {
  const stop = AbortSignal.any([signal, lost.signal]);
  while (!stop.aborted) {
    try {
      await ports.clock.sleep(LEASE_MS / 3, stop);
    } catch (error) {
      if (stop.aborted) return;
      throw error;
    }
    if (!(await ports.catalog.leases.renew(lease, LEASE_MS, ports.clock.now()))) {
      lost.abort(new FootnoteError('conflict', 'The lease on the source was taken over.'));
    }
  }
}

/**
 * Written before an event is appended and replaced after it: a run that dies in between must not leave an inventory that
 * says less than the log. The next listing sends an item in this state again, or deletes it when it is gone.
 */
const UNSETTLED = { unsettled: true };

interface ItemState {
  readonly quick?: unknown;
  readonly sha256?: string;
  /** Hash of what the event says besides the content: title, URI, type and metadata. */
  readonly about?: string;
  readonly fresh?: boolean;
}

function settledState(known: InventoryItem | undefined): ItemState | undefined {
  return known && known.state.unsettled !== true ? known.state : undefined;
}

function aboutOf({ title, uri, mime, name, metadata }: Extract<SourceChange, { kind: 'item' }>): string {
  return sha256(canonicalJson([title, uri, mime, name, metadata].map((field) => field ?? null)));
}

class Listing {
  readonly #stream: string;

  constructor(
    private readonly ports: ListingPorts,
    private readonly options: SourceOptions,
    private readonly name: SourceName,
    private readonly fence: number,
    private readonly signal: AbortSignal,
    private readonly onItem: (item: ListedItem) => void,
  ) {
    this.#stream = streamOf(name.tenant, name.collection);
  }

  async flush(batch: SourceChange[]): Promise<void> {
    const changes = batch.splice(0);
    await forEachConcurrent(changes, this.options.concurrency ?? 4, async (change) => {
      throwIfAborted(this.signal);
      if (change.kind === 'item') await this.#item(change);
      else if (change.kind === 'problem')
        this.#report(change.key, 'failed', { code: change.code, message: change.message });
    });
  }

  async #item(item: Extract<SourceChange, { kind: 'item' }>): Promise<void> {
    const known = await this.ports.catalog.cursors.item(this.name, item.key);
    const before = settledState(known);
    const sameScope = known?.scope === item.scope;
    const about = aboutOf(item);
    const sameAbout = before?.about === about;
    const sameQuick = before?.fresh === false && canonicalJson(before.quick) === canonicalJson(item.quick);
    if (sameScope && sameAbout && sameQuick) {
      this.#report(item.key, 'unchanged');
      return;
    }
    if (item.bytes > this.options.maxBytes) {
      const message = `${item.bytes} bytes are more than the limit of ${this.options.maxBytes} (parsing.maxBytes).`;
      // What is searchable is out of date then, which is more than a file passed over.
      const stale = known ? ' What was indexed of it before stays.' : '';
      this.#report(item.key, known ? 'failed' : 'skipped', { code: 'document_too_large', message: message + stale });
      return;
    }
    let stored = await this.#store(item);
    if (!stored) return;
    const state = { quick: item.quick, about, fresh: item.fresh ?? false };
    const { sha256 } = stored.content;
    if (sameAbout && before.sha256 === sha256) {
      await this.ports.blobs.delete(stored.content);
      await this.#remember({ key: item.key, scope: item.scope, state: { ...state, sha256 } });
      this.#report(item.key, 'unchanged');
      return;
    }
    if (!known && !(await this.#readable(item, stored.content))) return;
    await this.#remember({ key: item.key, scope: item.scope, state: UNSETTLED });
    await this.#reach('listing:announced', item.key);
    while (this.ports.clock.now() - stored.at > NAME_BLOB_WITHIN_MS) {
      await this.ports.blobs.delete(stored.content);
      stored = await this.#store(item);
      if (!stored) return;
    }
    const { content } = stored;
    const version = await this.#append({
      ...this.#event(item.key),
      op: 'upsert',
      content,
      ...(item.title === undefined ? {} : { title: item.title }),
      ...(item.uri === undefined ? {} : { uri: item.uri }),
      ...(item.mime === undefined ? {} : { mime: item.mime }),
      ...(item.name === undefined ? {} : { name: item.name }),
      ...(item.metadata === undefined ? {} : { metadata: item.metadata }),
      observedAt: item.observedAt,
    });
    await this.#remember({ key: item.key, scope: item.scope, state: { ...state, sha256: content.sha256 } });
    await this.#reach('listing:remembered', item.key);
    this.#report(item.key, 'sent', { version });
  }

  /** Reads the item into a blob of its own. @returns undefined when it can't be read: reported */
  async #store(
    item: Extract<SourceChange, { kind: 'item' }>,
  ): Promise<{ readonly content: ContentRef; readonly at: number } | undefined> {
    const { tenant, collection } = this.name;
    let content: ContentRef;
    try {
      content = await this.ports.blobs.put(
        { tenant, collection, documentId: this.#id(item.key), kind: 'original' },
        item.open(),
        { maxBytes: this.options.maxBytes, signal: this.signal },
      );
    } catch (error) {
      const reason = asFootnoteError(error);
      if (reason.code === 'cancelled' || reason.code === 'disk_full' || reason.code === 'read_only') throw reason;
      this.#report(item.key, 'failed', { code: reason.code, message: reason.message });
      return undefined;
    }
    const at = this.ports.clock.now();
    await this.#reach('listing:content-stored', item.key);
    return { content, at };
  }

  /** Files that no parser takes never reach the log, unless the document is known: then its state has to change. */
  async #readable(item: Extract<SourceChange, { kind: 'item' }>, content: ContentRef): Promise<boolean> {
    const path = this.ports.blobs.path(content);
    const input = path === undefined ? { bytes: await this.ports.blobs.read(content) } : { path };
    try {
      await this.ports.parsing.identify(input, {
        ...(item.mime === undefined ? {} : { mime: item.mime }),
        ...(item.name === undefined ? {} : { name: item.name }),
      });
      return true;
    } catch (error) {
      const reason = asFootnoteError(error);
      if (!NOT_READABLE.has(reason.code)) throw reason;
      await this.ports.blobs.delete(content);
      this.#report(item.key, 'skipped', { code: reason.code, message: reason.message });
      return false;
    }
  }

  /** Tombstones for the inventory's items (of one scope) that are gone. */
  async deleteItems(within: { scope?: string }, gone: (key: string) => boolean): Promise<void> {
    let after: string | undefined;
    for (;;) {
      const page: InventoryItem[] = await this.ports.catalog.cursors.inventory(this.name, {
        ...within,
        limit: INVENTORY_PAGE,
        ...(after === undefined ? {} : { after }),
      });
      for (const item of page) {
        if (gone(item.key)) await this.#delete(item);
      }
      if (page.length < INVENTORY_PAGE) return;
      after = page.at(-1)!.key;
    }
  }

  async deleteItem(key: string): Promise<void> {
    const known = await this.ports.catalog.cursors.item(this.name, key);
    await this.#delete(known ?? { key, scope: '' });
  }

  async #delete({ key, scope }: Pick<InventoryItem, 'key' | 'scope'>): Promise<void> {
    throwIfAborted(this.signal);
    await this.#remember({ key, scope, state: UNSETTLED });
    await this.#reach('listing:announced', key);
    const observedAt = new Date(this.ports.clock.now()).toISOString();
    const version = await this.#append({ ...this.#event(key), op: 'delete', observedAt });
    this.#fenced(await this.ports.catalog.cursors.updateInventory(this.name, this.fence, [], [key]));
    await this.#reach('listing:forgotten', key);
    this.#report(key, 'deleted', { version });
  }

  async #append(event: ChangeEvent): Promise<VersionKey> {
    const [position] = await this.ports.log.append(this.#stream, [event]);
    await this.#reach('listing:appended', event.key);
    return versionKey(eventVersion(event, position!));
  }

  async #remember(item: InventoryItem): Promise<void> {
    this.#fenced(await this.ports.catalog.cursors.updateInventory(this.name, this.fence, [item], []));
  }

  #reach(point: (typeof LISTING_FAULT_POINTS)[number], key: string): Promise<void> {
    return this.ports.faults.reach(point, this.#id(key));
  }

  #fenced(written: boolean): void {
    if (!written) throw new FootnoteError('conflict', `Source ${this.name.source} was taken over by a newer run.`);
  }

  #event(key: string): Omit<ChangeEvent, 'op' | 'observedAt'> {
    return { v: EVENT_VERSION, ...this.name, key, fence: this.fence, policy: this.options.collection.defaultPolicy };
  }

  #id(key: string): string {
    return documentId({ ...this.name, key });
  }

  #report(
    key: string,
    outcome: ListedItem['outcome'],
    more: Pick<ListedItem, 'version' | 'code' | 'message'> = {},
  ): void {
    this.onItem({ key, documentId: this.#id(key), outcome, ...more });
  }
}
