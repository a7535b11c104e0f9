import type { Policy } from '../../core/policy.js';
import type { Catalog, Collection, SourceName } from '../../core/ports/catalog.js';
import type { SourceChange } from '../../core/ports/connector.js';
import type { Brake, ListingPorts, ListingStart } from '../listing/ports.js';

/** One source that is kept in step: its connector with its options, and how. */
export interface KeptSource {
  readonly name: SourceName;
  readonly connector: string;
  readonly read: (start: ListingStart) => AsyncIterable<SourceChange>;
  /** Absent: it reads by its schedule only. */
  readonly watch?: (signal: AbortSignal) => AsyncIterable<void>;
  readonly everyMs: number;
  readonly deletes: boolean;
  /** By the configuration. */
  readonly paused: boolean;
  readonly policy?: Policy;
  readonly brake: Omit<Brake, 'confirmed'>;
}

export interface ConnectPorts extends Omit<ListingPorts, 'catalog'> {
  readonly catalog: ListingPorts['catalog'] & Pick<Catalog, 'meta'>;
  /** The collection, made when it is not there. */
  readonly collection: (tenant: string, name: string) => Promise<Collection>;
  /** Changes of the collection that wait to be applied. */
  readonly backlog: (tenant: string, name: string) => Promise<number>;
  readonly maxBytes: number;
  readonly random: () => number;
  readonly onFailure: (source: SourceName, error: unknown) => void;
  /** Set where several processes keep the sources: each its share. */
  readonly sharing?: ConnectSharing;
}

export interface ConnectSharing {
  /** Whether this process keeps the source now. It changes as processes come and go. */
  readonly owns: (source: SourceName) => boolean;
  /** Whether any process keeps sources now. */
  readonly kept: () => boolean;
}
