import type { KafkaConfig } from '../config.js';
import type { KafkaRecord } from '../wire/batches.js';
import { BadRecord } from './bad-record.js';
import { debeziumChanges, debeziumKey } from './debezium.js';
import { json, utf8 } from './decode.js';
import type { Mapped } from './document.js';
import { checkedKey, documentOf, keyAt, saysDeleted } from './document.js';

export type { Mapped } from './document.js';
export { BadRecord } from './bad-record.js';

type Source = Pick<KafkaRecord, 'key' | 'value' | 'headers'>;

/** What a record does to documents, in order. @throws BadRecord */
export function mapRecord(config: KafkaConfig, record: Source): Mapped[] {
  try {
    return mapped(config, record);
  } catch (error) {
    // The stack's end: of what nests too deeply.
    if (error instanceof RangeError) throw new BadRecord('corrupt_document', 'The value nests too deeply.');
    throw error;
  }
}

function mapped(config: KafkaConfig, { key, value, headers }: Source): Mapped[] {
  if (value === null) return [{ kind: 'gone', key: tombstoneKey(config, key) }];
  if (value.length > config.maxRecordBytes) {
    const message = `${value.length} bytes are more than the limit of ${config.maxRecordBytes} (maxRecordBytes).`;
    throw new BadRecord('document_too_large', message);
  }
  if (config.format === 'debezium') return debeziumChanges(config, { key, value });
  if (config.format === 'json') {
    const found = json(value, 'The value');
    const own = keyAt(config, found) ?? plainKey(key);
    if (saysDeleted(config, found)) return [{ kind: 'gone', key: own }];
    return [documentOf(config, own, found)];
  }
  if (config.format === 'text') utf8(value, 'The value');
  const mime = mimeOf(config, headers);
  return [{ kind: 'upsert', key: plainKey(key), content: value, ...(mime === undefined ? {} : { mime }) }];
}

/** The document's key, as far as it can be told of a bad record. */
export function keyOfBad(config: KafkaConfig, { key, value }: Pick<Source, 'key' | 'value'>): string | undefined {
  try {
    if (config.format === 'debezium') return debeziumKey(config, key);
    if (config.format !== 'json' || config.fields.key === undefined) return plainKey(key);
    const readable = value !== null && value.length <= config.maxRecordBytes;
    return readable ? keyAt(config, json(value, 'The value')) : undefined;
  } catch {
    return undefined;
  }
}

/** A tombstone has a key alone: what `fields.key` names is looked for in it, where it is JSON. */
function tombstoneKey(config: KafkaConfig, key: Buffer | null): string {
  if (config.format === 'debezium') return debeziumKey(config, key);
  if (config.format === 'json' && config.fields.key !== undefined && key !== null) {
    let columns: unknown;
    try {
      columns = json(key, 'The key');
    } catch {
      return plainKey(key);
    }
    if (typeof columns === 'object' && columns !== null) return keyAt(config, columns)!;
  }
  return plainKey(key);
}

function plainKey(key: Buffer | null): string {
  if (key === null) throw new BadRecord('invalid_request', 'The record has no key, and fields.key names none.');
  return checkedKey(utf8(key, 'The key'));
}

function mimeOf({ mimeHeader, mime }: KafkaConfig, headers: Source['headers']): string | undefined {
  const named = headers.findLast(([name]) => name.toLowerCase() === mimeHeader.toLowerCase())?.[1];
  if (!named) return mime;
  const text = utf8(named, `The header ${mimeHeader}`);
  if (!/^[\x20-\x7e]{1,256}$/.test(text)) throw new BadRecord('invalid_request', `${mimeHeader} is no media type.`);
  return text;
}
