import { documentId, sha256 } from '../../../core/ids.js';
import type { FootnoteError } from '../../../core/errors.js';
import type { DeadLetter } from '../../../core/ports/log.js';
import type { Candidate } from './source.js';

/** Stable, and sorted by offset within a stream: offset (16 hex), partition (4), then what else makes the place. */
export function deadLetterId(
  stream: string,
  group: string,
  place: { readonly epoch: number; readonly partition: number; readonly offset: bigint },
): string {
  const rest = sha256(JSON.stringify([stream, group, place.epoch])).slice(0, 12);
  return `${place.offset.toString(16).padStart(16, '0')}${place.partition.toString(16).padStart(4, '0')}${rest}`;
}

/** The letter of a delivery that was rejected. */
export function letterOf(
  candidate: Candidate,
  place: { readonly stream: string; readonly group: string; readonly epoch: number; readonly partition: number },
  error: FootnoteError,
  at: string,
): DeadLetter {
  const { stream, group, epoch, partition } = place;
  const position = { epoch, partition, offset: candidate.offset };
  return {
    id: deadLetterId(stream, group, position),
    stream,
    group,
    documentId: documentId(candidate.event),
    position,
    event: candidate.event,
    code: error.code,
    message: error.message,
    attempts: candidate.attempt,
    at,
  };
}
