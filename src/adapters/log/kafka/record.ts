import { decodeEvent, encodeEvent } from '../../../core/event-codec.js';
import type { ChangeEvent } from '../../../core/event.js';
import { FootnoteError } from '../../../core/errors.js';
import { documentId } from '../../../core/ids.js';
import { partitionOf } from '../../../core/partition.js';
import type { LogIdentity } from '../../../core/ports/log.js';
import { mismatch } from './errors.js';
import type { FetchedRecord } from '../../kafka/vendor.js';

/** Carries the log's id: a record of another log is never taken for one of ours. */
const LOG_HEADER = 'footnote-log';

export interface NewRecord {
  readonly partition: number;
  /** The document's id. */
  readonly key: string;
  /** Null removes the key of a table. */
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
}

/** @throws request_too_large for an event above `maxBytes` with its key and headers */
export function encodeRecord(event: ChangeEvent, identity: LogIdentity, maxBytes: number): NewRecord {
  const key = documentId(event);
  const value = encodeEvent(event);
  const headers = { [LOG_HEADER]: identity.id };
  const bytes = Buffer.byteLength(value) + key.length + LOG_HEADER.length + identity.id.length + 64;
  if (bytes > maxBytes) {
    throw new FootnoteError(
      'request_too_large',
      `The change of ${JSON.stringify(event.key)} takes ${bytes} bytes without its content; at most ${maxBytes} are allowed. Give it less metadata, or raise stores.log.maxMessageBytes and the cluster's message.max.bytes.`,
    );
  }
  return { partition: partitionOf(key, identity.partitions), key, value, headers, bytes };
}

/** @throws log_mismatch for a record of another log or none; data_newer, data_corrupt */
export function decodeRecord(
  record: Pick<FetchedRecord, 'value' | 'headers' | 'offset'>,
  identity: LogIdentity,
  place: { readonly topic: string; readonly partition: number },
): { readonly event: ChangeEvent; readonly bytes: number } {
  const log = record.headers[LOG_HEADER];
  if (log?.toString() !== identity.id) {
    const whose = log === undefined ? 'was not written by this engine' : `belongs to the log ${log.toString()}`;
    throw mismatch(
      `Offset ${record.offset} of ${place.topic}/${place.partition} ${whose}; the catalog's log is ${identity.id}.`,
    );
  }
  const text = record.value?.toString() ?? '';
  return { event: decodeEvent(text), bytes: record.value?.length ?? 0 };
}
