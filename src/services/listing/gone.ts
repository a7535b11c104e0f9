import { FootnoteError } from '../../core/errors.js';
import type { Cursors, InventoryItem, SourceName } from '../../core/ports/catalog.js';
import type { SourceChange } from '../../core/ports/connector.js';
import type { Brake } from './ports.js';

const INVENTORY_PAGE = 1000;

type Visit = (item: InventoryItem) => Promise<void> | undefined;

/** Visits every item of the inventory (of one scope), by key. */
export async function eachItem(
  cursors: Pick<Cursors, 'inventory'>,
  name: SourceName,
  within: { readonly scope?: string },
  visit: Visit,
): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const page: InventoryItem[] = await cursors.inventory(name, {
      ...within,
      limit: INVENTORY_PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const item of page) {
      const visited = visit(item);
      if (visited) await visited;
    }
    if (page.length < INVENTORY_PAGE) return;
    after = page.at(-1)!.key;
  }
}

/** How many items the inventory holds. */
export async function countItems(cursors: Pick<Cursors, 'inventory'>, name: SourceName): Promise<number> {
  let count = 0;
  await eachItem(cursors, name, {}, () => {
    count += 1;
    return undefined;
  });
  return count;
}

/** Collects what a read has seen, and tells what of the inventory is gone. */
export class Gone {
  readonly #seen = new Set<string>();
  readonly #complete = new Set<string>();
  readonly #gone = new Set<string>();
  readonly #unlisted = new Set<string>();
  #scopes: ReadonlySet<string> | undefined;
  /** Items that this read has deleted at earlier checkpoints. */
  went = 0;
  /** Items that there were when the brake first looked, the ones that went before among them. */
  total: number | undefined;

  /** @param whole whether the scopes that the read names are all there are */
  constructor(private readonly whole: boolean) {}

  note(change: SourceChange): void {
    if (change.kind === 'complete') this.#complete.add(change.scope);
    else if (change.kind === 'gone') {
      // The order counts: what a source reports and then takes back is gone.
      this.#gone.add(change.key);
      this.#seen.delete(change.key);
    } else if (change.kind === 'scopes') this.#scopes = new Set(change.scopes);
    else if (change.kind !== 'checkpoint') {
      this.#seen.add(change.key);
      this.#gone.delete(change.key);
      if (change.kind === 'problem' && change.prefix !== undefined) this.#unlisted.add(change.prefix);
    }
  }

  #stays(key: string): boolean {
    if (this.#seen.has(key)) return true;
    for (const prefix of this.#unlisted) if (key.startsWith(prefix)) return true;
    return false;
  }

  /** Visits what stands in the inventory and is gone: by scope, by key. One may be visited twice. */
  async each(cursors: Pick<Cursors, 'inventory' | 'item'>, name: SourceName, visit: Visit): Promise<void> {
    for (const scope of this.#complete) {
      await eachItem(cursors, name, { scope }, (item) => (this.#stays(item.key) ? undefined : visit(item)));
    }
    const scopes = this.whole ? this.#scopes : undefined;
    if (scopes) {
      await eachItem(cursors, name, {}, (item) =>
        scopes.has(item.scope) || this.#stays(item.key) ? undefined : visit(item),
      );
    }
    for (const key of this.#gone) {
      const item = await cursors.item(name, key);
      if (item && !this.#complete.has(item.scope)) await visit(item);
    }
  }

  /** The keys of what is gone. */
  async keys(cursors: Pick<Cursors, 'inventory' | 'item'>, name: SourceName): Promise<ReadonlySet<string>> {
    const gone = new Set<string>();
    await this.each(cursors, name, ({ key }) => {
      gone.add(key);
      return undefined;
    });
    return gone;
  }

  /** What was settled is not to be settled again; what was seen stays seen. */
  settled(): void {
    this.#complete.clear();
    this.#gone.clear();
    this.#scopes = undefined;
  }
}

/**
 * @param went what this read has deleted at earlier checkpoints: a read's deletions count together
 * @throws FootnoteError deletion_stopped when more of a source would go than the brake allows
 */
export function checkBrake(brake: Brake, gone: number, total: number, name: SourceName, went = 0): void {
  const all = went + gone;
  if (gone === 0 || all < brake.least || all <= brake.share * total || all <= (brake.confirmed ?? 0)) return;
  const before = went === 0 ? 'Nothing was deleted.' : `${went} more were deleted before, and none of these.`;
  throw new FootnoteError(
    'deletion_stopped',
    `${gone} of ${total} documents of source ${name.source} would be deleted, more than its brake allows ` +
      `(${brake.share} of them). ${before} Look at the source; if they are meant to go: ` +
      `footnote connect confirm ${name.collection} ${name.source}`,
    { details: { gone, total, share: brake.share } },
  );
}
