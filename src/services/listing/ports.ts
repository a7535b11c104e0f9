import type { BlobStore } from '../../core/ports/blobs.js';
import type { Catalog, Collection } from '../../core/ports/catalog.js';
import type { Clock } from '../../core/ports/clock.js';
import type { ReadContext, SourceChange } from '../../core/ports/connector.js';
import type { EventLog } from '../../core/ports/log.js';
import type { Parsing } from '../../core/ports/processing.js';
import type { Policy } from '../../core/policy.js';
import type { VersionKey } from '../../core/version.js';
import type { FaultPoints } from '../../runtime/faults.js';

export interface ListingPorts {
  readonly catalog: Pick<Catalog, 'cursors' | 'sources' | 'leases'>;
  readonly log: EventLog;
  readonly blobs: BlobStore;
  readonly parsing: Pick<Parsing, 'identify'>;
  readonly clock: Clock;
  readonly faults: FaultPoints;
}

/** What the listing knows when it begins to read, under its lease. */
export type ListingStart = Pick<ReadContext, 'from' | 'known' | 'signal' | 'preview'>;

/** How much of a source may go at once. Beyond both bounds nothing is deleted, and somebody is asked. */
export interface Brake {
  /** Share of the source's inventory, 0 to 1. */
  readonly share: number;
  /** Fewer than this many never stop it. */
  readonly least: number;
  /** Somebody looked at a stop and allowed this many. */
  readonly confirmed?: number;
}

/** Items that no parser takes, by key: how they looked, and why. */
export type PassedOver = Map<string, { readonly looks: string; readonly code: string; readonly message: string }>;

export interface ListingOptions {
  readonly collection: Collection;
  readonly source: string;
  readonly connector: string;
  /** Given as a function: it goes on from the newest cursor. */
  readonly changes: AsyncIterable<SourceChange> | ((start: ListingStart) => AsyncIterable<SourceChange>);
  /** Larger items are reported and not read. */
  readonly maxBytes: number;
  /** False keeps documents whose items have gone. */
  readonly deletes: boolean;
  /** The changes are all that there is of the source: items of scopes that it no longer has are gone, too. */
  readonly whole?: boolean;
  readonly brake?: Brake;
  /** Of items that bring none; absent: the collection's. */
  readonly policy?: Policy;
  readonly concurrency?: number;
  /** What earlier listings of the same process passed over, so that it is not read again as long as it looks the same. */
  readonly passedOver?: PassedOver;
  readonly signal: AbortSignal;
  /** Told the fence under which the source is read. */
  readonly onFence?: (fence: number) => void;
}

export type SourceOptions = Omit<ListingOptions, 'changes' | 'deletes'>;

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

/** Further ones of sources that are kept by their configuration. */
export const CONNECT_FAULT_POINTS = [
  'connect:begun',
  'connect:counted',
  'connect:settled',
  'connect:checkpointed',
  'connect:recorded',
] as const;
