import {
  decodeEvent,
  decodePosition,
  encodeEvent,
  encodePosition,
  type StoredPosition,
} from '../../../core/event-codec.js';
import { FootnoteError } from '../../../core/errors.js';
import { readFormat } from '../../../core/format.js';
import type { DeadLetter } from '../../../core/ports/log.js';

const FORMAT = 1;

interface Stored {
  readonly format: number;
  readonly stream: string;
  readonly group: string;
  readonly documentId: string;
  readonly position: StoredPosition;
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
  readonly at: string;
  /** As the original record's value. */
  readonly event: string;
}

export function encodeLetter(letter: DeadLetter): string {
  const { stream, group, documentId, code, message, attempts, at } = letter;
  const stored: Stored = {
    format: FORMAT,
    stream,
    group,
    documentId,
    position: encodePosition(letter.position),
    code,
    message,
    attempts,
    at,
    event: encodeEvent(letter.event),
  };
  return JSON.stringify(stored);
}

/** @throws data_newer, data_corrupt */
export function decodeLetter(id: string, value: string): DeadLetter {
  let stored: Stored;
  try {
    stored = JSON.parse(value) as Stored;
  } catch (cause) {
    throw new FootnoteError('data_corrupt', `The topic of dead letters holds under ${id} what no log wrote.`, {
      cause,
    });
  }
  readFormat(stored.format, { what: `The dead letter ${id}`, newest: FORMAT });
  const { stream, group, documentId, code, message, attempts, at } = stored;
  return {
    id,
    stream,
    group,
    documentId,
    position: decodePosition(stored.position),
    event: decodeEvent(stored.event),
    code,
    message,
    attempts,
    at,
  };
}

/** For whoever reads the topic with other tools: where the event came from and why it is here. */
export function letterHeaders(letter: DeadLetter, logId: string): Record<string, string> {
  return {
    'footnote-log': logId,
    'footnote-key': letter.documentId,
    'footnote-stream': letter.stream,
    'footnote-group': letter.group,
    'footnote-epoch': String(letter.position.epoch),
    'footnote-partition': String(letter.position.partition),
    'footnote-offset': letter.position.offset.toString(),
    'footnote-fence': String(letter.event.fence),
    'footnote-code': letter.code,
  };
}
