import type { Position } from '../src/core/event.js';

/** Whether these commits cover the goal in every partition. */
export function reached(committed: readonly Position[], goal: readonly Position[]): boolean {
  return goal.every((want) =>
    committed.some(
      (have) =>
        have.partition === want.partition &&
        (have.epoch > want.epoch || (have.epoch === want.epoch && have.offset >= want.offset)),
    ),
  );
}

/** Whether a group that begins there will be given the event at this position. */
export function isAhead(position: Position, start: readonly Position[]): boolean {
  return start.some(
    ({ partition, epoch, offset }) =>
      partition === position.partition && epoch === position.epoch && position.offset >= offset,
  );
}
