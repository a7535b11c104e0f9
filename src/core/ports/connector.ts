import type { Readable } from 'node:stream';
import type { ZodType } from 'zod';
import type { Json, JsonObject } from '../json.js';

/** What a connector saw. Keys name documents within their source; scopes name the part of the source that was listed. */
export type SourceChange =
  | {
      readonly kind: 'item';
      readonly key: string;
      readonly scope: string;
      /** Cheap signs of a change, e.g. size and modification time; equal to the inventory's: not read again. */
      readonly quick: JsonObject;
      /** The quick signs can't be trusted yet (changed a moment ago): compare the content. */
      readonly fresh?: boolean;
      readonly bytes: number;
      readonly open: () => Readable;
      readonly name?: string;
      readonly mime?: string;
      readonly title?: string;
      readonly uri?: string;
      readonly metadata?: JsonObject;
      /** ISO 8601: the source's own time of change. */
      readonly observedAt: string;
    }
  /** Seen but not readable or not wanted: reported, and what is indexed of it stays. */
  | {
      readonly kind: 'problem';
      readonly key: string;
      readonly scope: string;
      readonly code: string;
      readonly message: string;
    }
  /** The scope was listed to its end: what its inventory still has is gone. */
  | { readonly kind: 'complete'; readonly scope: string };

/** What the inventory keeps as `quick` of an item that is settled. */
export type Known = (key: string) => Promise<JsonObject | undefined>;

/** What a connector may ask of its runner. */
export interface ReadContext {
  readonly known: Known;
}

/** For a listing without an inventory. */
export const NOTHING_KNOWN: ReadContext = { known: async () => undefined };

/** One source's reader. It reports what is there; comparing, deleting and appending is the runner's work. */
export interface Connector<C> {
  readonly name: string;
  readonly config: ZodType<C>;
  readonly example: C;
  read(config: C, from: Json | undefined, signal: AbortSignal, context: ReadContext): AsyncIterable<SourceChange>;
}
