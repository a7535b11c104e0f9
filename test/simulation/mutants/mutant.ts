import type { ChangeEvent, Position } from '../../../src/core/event.js';
import type { Visibility } from '../../../src/core/ports/catalog.js';
import type { Point } from '../../../src/core/ports/vectors.js';
import type { Version } from '../../../src/core/version.js';
import type { LogMutants } from '../models/log.js';
import type { CatalogMutants } from '../models/catalog.js';
import type { SimPorts } from '../ports.js';

export interface Mutant {
  /** The guard that is gone. */
  readonly removes: string;
  /** What is expected to break. */
  readonly law: string;
  readonly versionOf?: (event: ChangeEvent, position: Position) => Version;
  readonly log?: LogMutants;
  readonly catalog?: CatalogMutants;
  /** Wraps the ports of every process, or of those of these kinds. */
  readonly ports?: (ports: SimPorts) => SimPorts;
  readonly only?: readonly string[];
  /** What a reader believes of a document instead of the truth. */
  readonly visibility?: (truth: Visibility, point: Point) => Visibility;
  /** Repair does not ask what is in flight. */
  readonly repairAnyTime?: boolean;
  /** Tombstones are forgotten whatever is in flight. */
  readonly forgetAnyTime?: boolean;
  /** Consumes a generation before its backfill is complete. */
  readonly consumeEarly?: boolean;
  /** Switches at once, without waiting. */
  readonly switchAtOnce?: boolean;
  /** Removes its own points when something newer was there. */
  readonly undo?: boolean;
  /** Replays a dead letter as a new event. */
  readonly replayAtNewPosition?: boolean;
  /** Recreates the log without closing inventories to former owners. */
  readonly migrateWithoutFence?: boolean;
  /** Retired generations consume nothing. */
  readonly retiredDeaf?: boolean;
  /** Owners that outlive a move of the log go on with the new one. */
  readonly connectsAgain?: boolean;
  /** Takes a listing that broke off for a complete one. */
  readonly brokenIsComplete?: boolean;
  /** Says nothing of items that can't be read. */
  readonly problemIsGone?: boolean;
  /** Sweeps unnamed blobs however young. */
  readonly sweepAtOnce?: boolean;
  /** Readers take a document's visibility from an earlier query while the row stands. */
  readonly visibilityCached?: boolean;
  /** Met too seldom here to be caught at a seed: the test that catches it. */
  readonly testedBy?: string;
  /** Economy or caution, not safety, for this reason: not expected to be caught. */
  readonly harmless?: string;
}
