import { FootnoteError } from '../../../core/errors.js';
import type { Position } from '../../../core/event.js';
import type { LogIdentity } from '../../../core/ports/log.js';

/** One position a partition, all partitions. */
export function allPositions(identity: LogIdentity, offset: (partition: number) => bigint): Position[] {
  const { epoch, partitions } = identity;
  return Array.from({ length: partitions }, (_, partition) => ({ epoch, partition, offset: offset(partition) }));
}

/** Offsets by partition. @throws log_mismatch for a position of another epoch, invalid_request for a place that can't be */
export function offsetsOf(identity: LogIdentity, positions: readonly Position[]): Map<number, bigint> {
  const { epoch, partitions } = identity;
  return new Map(
    positions.map((position) => {
      if (position.epoch !== epoch) {
        throw new FootnoteError(
          'log_mismatch',
          `A position of epoch ${position.epoch} means nothing in epoch ${epoch} of this log.`,
        );
      }
      if (position.partition < 0 || position.partition >= partitions || position.offset < 0n) {
        throw new FootnoteError('invalid_request', `There is no place ${position.partition}/${position.offset} here.`);
      }
      return [position.partition, position.offset];
    }),
  );
}
