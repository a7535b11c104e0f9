import type { KafkaConfig } from '../config.js';
import { BadRecord, wrong } from './bad-record.js';
import { json, utf8 } from './decode.js';
import type { Mapped } from './document.js';
import { checkedKey, composedKey, documentOf, keyAt, saysDeleted } from './document.js';
import { scalar } from './values.js';

type Row = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);

/** JsonConverter puts `schema` beside `payload` unless it is told not to. */
function unwrapped(value: unknown): unknown {
  const wrapped = isObject(value) && Object.keys(value).length === 2 && 'schema' in value && 'payload' in value;
  return wrapped ? value['payload'] : value;
}

/** The key of a row from the record's key, which holds the key columns. @throws BadRecord */
export function debeziumKey(config: KafkaConfig, key: Buffer | null): string {
  if (key === null) {
    throw new BadRecord('invalid_request', 'The record has no key: the table has none. Name columns with fields.key.');
  }
  let columns: unknown;
  try {
    columns = unwrapped(json(key, 'The key'));
  } catch {
    // Not JsonConverter's: the key as it is.
    return checkedKey(utf8(key, 'The key'));
  }
  if (!isObject(columns)) return checkedKey(scalar(columns, 'The key'));
  const named = keyAt(config, columns);
  if (named !== undefined) return named;
  const parts = Object.entries(columns).map(([name, part]) => scalar(part, `/${name}`));
  return parts.length > 0 ? composedKey(parts) : wrong('The key has no columns.');
}

/** What a change event does, in order. @throws BadRecord */
export function debeziumChanges(config: KafkaConfig, record: { key: Buffer | null; value: Buffer }): Mapped[] {
  const event = unwrapped(json(record.value, 'The value'));
  if (!isObject(event) || typeof event['op'] !== 'string') wrong('This is not a change event: it has no `op`.');
  const { op, before, after, source } = event;
  if (op === 'd') return [{ kind: 'gone', key: keyOf(config, record.key, before) }];
  if (op !== 'c' && op !== 'u' && op !== 'r') {
    wrong(`A change event of op ${JSON.stringify(String(op).slice(0, 20))} (c, u, d and r are known) changes no row.`);
  }
  if (!isObject(after)) wrong('The change event has no `after`.');
  const key = keyOf(config, record.key, after);
  const changes: Mapped[] = [];
  const former = isObject(before) && config.fields.key !== undefined ? formerKey(config, before) : undefined;
  if (former !== undefined && former !== key) changes.push({ kind: 'gone', key: former });
  if (saysDeleted(config, after)) return [...changes, { kind: 'gone', key }];
  const ms = isObject(source) && typeof source['ts_ms'] === 'number' ? source['ts_ms'] : 0;
  const time = ms > 0 && ms < 8.64e15 ? { observedAt: new Date(ms).toISOString() } : {};
  return [...changes, { ...time, ...documentOf(config, key, after) }];
}

function keyOf(config: KafkaConfig, recordKey: Buffer | null, row: unknown): string {
  // A delete's `before` may hold the key columns alone, or nothing (REPLICA IDENTITY NOTHING).
  if (config.fields.key === undefined || !isObject(row)) return debeziumKey(config, recordKey);
  return keyAt(config, row)!;
}

/** `before` may be incomplete; then the key is taken as unchanged. */
function formerKey(config: KafkaConfig, before: Row): string | undefined {
  try {
    return keyAt(config, before);
  } catch (error) {
    if (error instanceof BadRecord) return undefined;
    throw error;
  }
}
