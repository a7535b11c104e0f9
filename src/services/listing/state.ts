import { readFormat } from '../../core/format.js';
import { sha256 } from '../../core/ids.js';
import type { Json, JsonObject } from '../../core/json.js';
import { canonicalJson } from '../../core/json.js';
import type { Policy } from '../../core/policy.js';
import type { InventoryItem } from '../../core/ports/catalog.js';
import type { SourceChange } from '../../core/ports/connector.js';

export type Item = Extract<SourceChange, { kind: 'item' }>;

/**
 * Written before an event is appended and replaced after it: a run that dies in between must not leave an inventory that
 * says less than the log. The next listing sends an item in this state again, or deletes it when it is gone.
 */
export const UNSETTLED = { unsettled: true };

export interface ItemState {
  readonly quick?: JsonObject;
  readonly sha256?: string;
  /** Hash of what the event says besides the content: title, URI, type, metadata and its own policy. */
  readonly about?: string;
  /** Hash of the policy, where it is not the collection's. */
  readonly policy?: string;
  readonly fresh?: boolean;
}

export function settledState(known: InventoryItem | undefined): ItemState | undefined {
  return known && known.state.unsettled !== true ? known.state : undefined;
}

export function policyHash(policy: Policy | undefined): string | undefined {
  return policy && sha256(canonicalJson(policy));
}

export function aboutOf({ title, uri, mime, name, metadata }: Item, policy: Policy | undefined): string {
  const said = [title, uri, mime, name, metadata].map((field) => field ?? null);
  return sha256(canonicalJson(policy ? [...said, policy] : said));
}

/** All that decides how an item is read, but its content. */
export function looksOf(item: Item): string {
  return sha256(canonicalJson([item.quick, item.mime ?? null, item.name ?? null]));
}

/** Nothing but a read can tell whether it changed. */
export function looksUnchanged(item: Item, known: InventoryItem | undefined, about: string): boolean {
  const before = settledState(known);
  return (
    known?.scope === item.scope &&
    before?.about === about &&
    before.fresh === false &&
    canonicalJson(before.quick) === canonicalJson(item.quick)
  );
}

/** Of a cursor and of the inventory beside it. */
const CURSOR_FORMAT = 1;

type CursorOwner = { readonly connector: string; readonly policy?: Policy };

/** A cursor beside what it depends on: under another policy, all items have to be sent again. */
export function storedCursor(at: Json, { connector, policy }: CursorOwner): JsonObject {
  return { v: CURSOR_FORMAT, connector, policy: policyHash(policy) ?? null, at };
}

/**
 * Where a read may go on from; undefined when it has to begin again.
 * @throws data_newer: the inventory beside it is of the same format
 */
export function usableCursor(stored: Json | undefined, owner: CursorOwner): Json | undefined {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return undefined;
  const { at, ...about } = stored as JsonObject;
  const what = `The cursor of connector ${JSON.stringify(about['connector'])}`;
  readFormat(about['v'], { what, newest: CURSOR_FORMAT });
  const { at: _, ...wanted } = storedCursor(null, owner);
  return canonicalJson(about) === canonicalJson(wanted) ? at : undefined;
}
