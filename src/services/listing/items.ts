import { asFootnoteError, throwIfAborted } from '../../core/errors.js';
import type { ChangeEvent, ContentRef } from '../../core/event.js';
import { EVENT_VERSION, eventVersion } from '../../core/event.js';
import { streamOf } from '../../core/generation.js';
import { documentId } from '../../core/ids.js';
import type { Policy } from '../../core/policy.js';
import { NAME_BLOB_WITHIN_MS } from '../../core/ports/blobs.js';
import type { InventoryItem, SourceName } from '../../core/ports/catalog.js';
import type { SourceChange } from '../../core/ports/connector.js';
import type { VersionKey } from '../../core/version.js';
import { versionKey } from '../../core/version.js';
import { forEachConcurrent } from '../../runtime/concurrency.js';
import { takenOver, type OwnedSource } from './lease.js';
import type { LISTING_FAULT_POINTS, ListedItem, ListingPorts, SourceOptions } from './ports.js';
import type { Item } from './state.js';
import { UNSETTLED, aboutOf, looksOf, looksUnchanged, policyHash, settledState } from './state.js';

/** Codes of files that nothing here can read: they are skipped unless the document is known already. */
const NOT_READABLE = new Set(['unknown_type', 'unsupported_media_type']);

const MAX_PASSED_OVER = 100_000;

/** Brings single items of one source to the log, the inventory a step behind each append. */
export class Listing {
  readonly #stream: string;
  #unread = 0;
  private readonly name: SourceName;
  private readonly fence: number;
  private readonly signal: AbortSignal;

  constructor(
    private readonly ports: ListingPorts,
    private readonly options: SourceOptions,
    { name, fence, signal }: OwnedSource,
    private readonly onItem: (item: ListedItem) => void,
  ) {
    this.name = name;
    this.fence = fence;
    this.signal = signal;
    this.#stream = streamOf(name.tenant, name.collection);
  }

  /** Items that could not be read: as long as there are any, the source must not go on from behind them. */
  get unread(): number {
    return this.#unread;
  }

  async flush(changes: readonly SourceChange[]): Promise<void> {
    await forEachConcurrent(changes, this.options.concurrency ?? 4, async (change) => {
      throwIfAborted(this.signal);
      if (change.kind === 'item') await this.#item(change);
      else if (change.kind === 'problem')
        this.#report(change.key, 'failed', { code: change.code, message: change.message });
    });
  }

  async #item(item: Item): Promise<void> {
    const known = await this.ports.catalog.cursors.item(this.name, item.key);
    const before = settledState(known);
    const policy = item.policy ?? this.options.policy;
    const about = aboutOf(item, policy);
    const sameAbout = before?.about === about;
    if (looksUnchanged(item, known, about)) {
      this.#report(item.key, 'unchanged');
      return;
    }
    const passed = known ? undefined : this.options.passedOver?.get(item.key);
    if (passed?.looks === looksOf(item)) {
      this.#report(item.key, 'skipped', { code: passed.code, message: passed.message });
      return;
    }
    const withheld = before !== undefined && before.policy !== policyHash(policy) ? known : undefined;
    if (item.bytes !== undefined && item.bytes > this.options.maxBytes) {
      const message = `${item.bytes} bytes are more than the limit of ${this.options.maxBytes} (parsing.maxBytes).`;
      const reason = { code: 'document_too_large', message };
      if (withheld) return this.#withhold(withheld, reason);
      // What is searchable is out of date then, which is more than a file passed over.
      const stale = known ? ' What was indexed of it before stays.' : '';
      this.#report(item.key, known ? 'failed' : 'skipped', { ...reason, message: message + stale });
      return;
    }
    let stored = await this.#store(item, withheld);
    if (!stored) return;
    const own = policyHash(policy);
    const state = {
      quick: item.quick,
      about,
      fresh: item.fresh ?? false,
      ...(own === undefined ? {} : { policy: own }),
    };
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
      stored = await this.#store(item, withheld);
      if (!stored) return;
    }
    const { content } = stored;
    const version = await this.#append({
      ...this.#event(item.key, policy),
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

  /**
   * Reads the item into a blob of its own. @returns undefined when it can't be read: reported
   * @param withheld what is indexed of it under another policy: taken away then
   */
  async #store(
    item: Item,
    withheld: InventoryItem | undefined,
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
      // Too large stays too large until it changes; anything else may go well the next time.
      if (reason.code !== 'document_too_large') this.#unread += 1;
      if (withheld) await this.#withhold(withheld, reason);
      else this.#report(item.key, 'failed', { code: reason.code, message: reason.message });
      return undefined;
    }
    const at = this.ports.clock.now();
    await this.#reach('listing:content-stored', item.key);
    return { content, at };
  }

  #passOver(item: Item, reason: { readonly code: string; readonly message: string }): void {
    this.#report(item.key, 'skipped', reason);
    const { passedOver } = this.options;
    if (!passedOver || item.fresh) return;
    if (passedOver.size >= MAX_PASSED_OVER) passedOver.clear();
    passedOver.set(item.key, { looks: looksOf(item), ...reason });
  }

  /** Files that no parser takes never reach the log, unless the document is known: then its state has to change. */
  async #readable(item: Item, content: ContentRef): Promise<boolean> {
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
      this.#passOver(item, { code: reason.code, message: reason.message });
      return false;
    }
  }

  /**
   * An item whose permissions changed and that can't be read: no event can carry the new ones without its content, and
   * under the old ones nobody may see it any more.
   */
  async #withhold(known: InventoryItem, { code, message }: { code: string; message: string }): Promise<void> {
    await this.delete(known, { code, message: `${message} Its permissions changed, so it was taken away.` });
  }

  async deleteItem(key: string): Promise<void> {
    const known = await this.ports.catalog.cursors.item(this.name, key);
    await this.delete(known ?? { key, scope: '' });
  }

  async delete(
    { key, scope }: Pick<InventoryItem, 'key' | 'scope'>,
    reason: Pick<ListedItem, 'code' | 'message'> = {},
  ): Promise<void> {
    throwIfAborted(this.signal);
    await this.#remember({ key, scope, state: UNSETTLED });
    await this.#reach('listing:announced', key);
    const observedAt = new Date(this.ports.clock.now()).toISOString();
    const version = await this.#append({ ...this.#event(key, this.options.policy), op: 'delete', observedAt });
    this.#fenced(await this.ports.catalog.cursors.updateInventory(this.name, this.fence, [], [key]));
    await this.#reach('listing:forgotten', key);
    this.#report(key, 'deleted', { ...reason, version });
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
    if (!written) throw takenOver(this.name);
  }

  #event(key: string, own: Policy | undefined): Omit<ChangeEvent, 'op' | 'observedAt'> {
    const policy = own ?? this.options.collection.defaultPolicy;
    return { v: EVENT_VERSION, ...this.name, key, fence: this.fence, policy };
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
