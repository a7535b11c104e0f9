import type { Readable } from 'node:stream';
import type { ZodType } from 'zod';
import type { Json, JsonObject } from '../json.js';
import type { Policy } from '../policy.js';
import type { Clock } from './clock.js';

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
      /** Absent: not known before it is read. */
      readonly bytes?: number;
      /** Called only when the item has to be read; at most a few are open at once. */
      readonly open: () => Readable;
      readonly name?: string;
      readonly mime?: string;
      readonly title?: string;
      readonly uri?: string;
      readonly metadata?: JsonObject;
      /** Who may see it, where the source says so; absent: the policy of the source's configuration, or the collection's. */
      readonly policy?: Policy;
      /** ISO 8601: the source's own time of change. */
      readonly observedAt: string;
    }
  /** Seen but not readable or not wanted: reported, and what is indexed of it stays. */
  | {
      readonly kind: 'problem';
      readonly key: string;
      readonly scope: string;
      /** Keys that begin with this were not listed either (a folder that can't be read): they stay, too. */
      readonly prefix?: string;
      readonly code: string;
      readonly message: string;
    }
  /** The source itself says that the item went, until it reports it again. Takes effect at the next checkpoint, or when the read ends well. */
  | { readonly kind: 'gone'; readonly key: string; readonly scope: string }
  /** This read reported the scope from its beginning to its end: what its inventory still has is gone. */
  | { readonly kind: 'complete'; readonly scope: string }
  /** All scopes that the configuration names: where a source is kept by its configuration, items of others are gone. */
  | { readonly kind: 'scopes'; readonly scopes: readonly string[] }
  /** Everything before this may count as done: the next read goes on from this cursor. */
  | { readonly kind: 'checkpoint'; readonly cursor: Json };

/** What a read may use. */
export interface ReadContext {
  /** The newest checkpoint's cursor. Undefined, or nothing that this connector understands: read everything. */
  readonly from: Json | undefined;
  readonly signal: AbortSignal;
  /** An item's quick signs as of its last event, for conditional requests; undefined: has to be read. */
  readonly known: (key: string) => Promise<JsonObject | undefined>;
  /** A folder of this source's own. It may be missing, and be emptied between two reads. */
  readonly folder: string;
  /** What relative paths in the options are relative to. */
  readonly base: string;
  /** The variables that connectors may use: PATH, proxies, certificates. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Only told what would happen: nothing may be written anywhere, also not at the source. */
  readonly preview?: true;
}

/** One source's reader. It reports what is there; comparing, deleting and appending is the runner's work. */
export interface Connector<C> {
  readonly name: string;
  /** One sentence for the reference. */
  readonly summary: string;
  /** The options, strict, each field described. */
  readonly config: ZodType<C>;
  /** Options as they stand in the configuration. */
  readonly example: JsonObject;
  /** @throws FootnoteError when the source can't be read: the read counts as aborted, and deletes nothing */
  read(config: C, context: ReadContext): AsyncIterable<SourceChange>;
  /**
   * Yields once it watches, and then whenever the source may have changed; each is a reason to read, never the truth. Absent: only a schedule.
   * It ends when the signal aborts, and throws when watching is not possible (any more).
   */
  watch?(config: C, context: Pick<ReadContext, 'signal' | 'base'>): AsyncIterable<void>;
}
