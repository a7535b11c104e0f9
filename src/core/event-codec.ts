import { FootnoteError } from './errors.js';
import { EVENT_VERSION, type ChangeEvent, type Position } from './event.js';
import { readFormat } from './format.js';

/** The oldest envelope this software still reads: the current one and the one before. */
const OLDEST_READABLE = Math.max(1, EVENT_VERSION - 1);

const MEND = 'restore from a backup';

/** The stored form of an event: JSON; `sequence` is decimal text, since JSON numbers end at 2^53. */
export function encodeEvent(event: ChangeEvent): string {
  const { sequence, ...rest } = event;
  return JSON.stringify(sequence === undefined ? rest : { ...rest, sequence: sequence.toString() });
}

/** @throws data_newer for an envelope of newer software, data_corrupt for anything that is no event */
export function decodeEvent(text: string): ChangeEvent {
  let stored: { v?: unknown; sequence?: string } | null;
  try {
    stored = JSON.parse(text) as typeof stored;
  } catch (cause) {
    throw new FootnoteError('data_corrupt', `A stored event is not readable: ${MEND}.`, { cause });
  }
  readFormat(stored?.v, { what: 'A stored event', newest: EVENT_VERSION, oldest: OLDEST_READABLE, mend: MEND });
  const { sequence, ...rest } = stored!;
  const event = rest as unknown as ChangeEvent;
  return sequence === undefined ? event : { ...event, sequence: BigInt(sequence) };
}

/** A position with its offset as decimal text. */
export interface StoredPosition {
  readonly epoch: number;
  readonly partition: number;
  readonly offset: string;
}

export function encodePosition(position: Position): StoredPosition {
  return { epoch: position.epoch, partition: position.partition, offset: position.offset.toString() };
}

export function decodePosition(stored: StoredPosition): Position {
  return { epoch: stored.epoch, partition: stored.partition, offset: BigInt(stored.offset) };
}
