import { DocumentKeySchema } from '../../../src/core/schemas/common.js';
import type { JsonObject } from '../../../src/core/json.js';
import { PolicySchema, type Policy } from '../../../src/core/policy.js';
import type { KafkaConfig } from '../config.js';
import { BadRecord, wrong } from './bad-record.js';
import { base64 } from './decode.js';
import { at, pointer } from './pointer.js';
import { fill, requiredAt, textAt } from './values.js';

/** What a record does to a document. */
export type Mapped =
  | {
      readonly kind: 'upsert';
      readonly key: string;
      readonly content: Buffer;
      readonly title?: string;
      readonly uri?: string;
      readonly mime?: string;
      readonly metadata?: JsonObject;
      readonly policy?: Policy;
      /** ISO 8601; absent: the record's own time. */
      readonly observedAt?: string;
    }
  | { readonly kind: 'gone'; readonly key: string };

export type Upsert = Extract<Mapped, { kind: 'upsert' }>;

const MAX_TITLE = 2000;
const MAX_URI = 4096;
const MAX_MIME = 256;
const MAX_METADATA_BYTES = 65_536;
const MAX_METADATA_DEPTH = 32;

/** @throws BadRecord for a key that no document may have */
export function checkedKey(key: string): string {
  const { error } = DocumentKeySchema.safeParse(key);
  if (!error) return key;
  const reason = error.issues[0]?.message ?? 'not allowed';
  throw new BadRecord(
    key.isWellFormed() ? 'invalid_request' : 'invalid_encoding',
    `The document's key can't be used: ${reason}.`,
  );
}

/** One value as it is; several between slashes, escaped as in a URL, so that no two lists meet. */
export function composedKey(parts: readonly string[]): string {
  if (parts.length === 1) return checkedKey(parts[0]!);
  return checkedKey(parts.map((part) => encodeURIComponent(part.toWellFormed())).join('/'));
}

/** The key that `fields.key` names; undefined when it names none. @throws BadRecord when there is nothing */
export function keyAt({ fields }: Pick<KafkaConfig, 'fields'>, value: unknown): string | undefined {
  if (fields.key === undefined) return undefined;
  const paths = typeof fields.key === 'string' ? [fields.key] : fields.key;
  return composedKey(paths.map((path) => requiredAt(value, path)));
}

/** Whether the value says that its document is deleted. */
export function saysDeleted({ fields }: Pick<KafkaConfig, 'fields'>, value: unknown): boolean {
  if (fields.deleted === undefined) return false;
  const found = at(value, pointer(fields.deleted));
  return found === true || found === 'true';
}

/** The document that stands in a value or a row. @throws BadRecord */
export function documentOf({ fields, template, mime }: KafkaConfig, key: string, value: unknown): Upsert {
  const short = (path: string | undefined, most: number): string | undefined => {
    const text = path === undefined ? undefined : textAt(value, path);
    if (text !== undefined && text.length > most) wrong(`${path} is longer than ${most} characters.`);
    // Events hold none that are empty.
    return text === '' ? undefined : text;
  };
  const said = {
    title: short(fields.title, MAX_TITLE),
    uri: short(fields.uri, MAX_URI),
    mime: short(fields.mime, MAX_MIME) ?? mime,
    metadata: metadataAt(fields.metadata, value),
    policy: policyAt(fields, value),
    observedAt: timeAt(fields.observedAt, value),
  };
  const there = Object.fromEntries(Object.entries(said).filter(([, each]) => each !== undefined));
  return { kind: 'upsert', key, content: contentOf({ fields, template }, value), ...there };
}

function contentOf({ fields, template }: Pick<KafkaConfig, 'fields' | 'template'>, value: unknown): Buffer {
  if (template !== undefined) return Buffer.from(fill(template, value));
  if (fields.content !== undefined) return base64(requiredAt(value, fields.content), fields.content);
  return Buffer.from(requiredAt(value, fields.text!));
}

function metadataAt(where: KafkaConfig['fields']['metadata'], value: unknown): JsonObject | undefined {
  if (where === undefined) return undefined;
  let found: unknown;
  if (typeof where === 'string') {
    found = at(value, pointer(where));
    if (found === undefined || found === null) return undefined;
    if (typeof found !== 'object' || Array.isArray(found)) wrong(`${where} is not an object.`);
  } else {
    const named = Object.entries(where).map(([name, path]) => [name, at(value, pointer(path))] as const);
    found = Object.fromEntries(named.filter(([, each]) => each !== undefined));
  }
  if (!nestsAtMost(found, MAX_METADATA_DEPTH)) wrong(`The metadata nest deeper than ${MAX_METADATA_DEPTH}.`);
  if (Buffer.byteLength(JSON.stringify(found)) > MAX_METADATA_BYTES) {
    wrong(`The metadata take more than ${MAX_METADATA_BYTES} bytes.`);
  }
  if (Object.keys(found as object).some((name) => name === '' || name.length > 256)) {
    wrong('A name in the metadata is empty or longer than 256 characters.');
  }
  return found as JsonObject;
}

function nestsAtMost(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((each) => nestsAtMost(each, depth - 1));
}

/** Where permissions come with records, one without them must not get the collection's. */
function policyAt({ principals, policy }: KafkaConfig['fields'], value: unknown): Policy | undefined {
  const path = principals ?? policy;
  if (path === undefined) return undefined;
  const found = at(value, pointer(path));
  if (found === undefined || found === null) wrong(`There are no permissions at ${path}.`);
  const { data, error } = PolicySchema.safeParse(
    principals === undefined ? found : { principals: typeof found === 'string' ? [found] : found },
  );
  if (error) wrong(`The permissions at ${path} are not valid: ${error.issues[0]?.message ?? 'not a policy'}.`);
  return data;
}

function timeAt(path: string | undefined, value: unknown): string | undefined {
  const found = path === undefined ? undefined : at(value, pointer(path));
  if (found === undefined || found === null) return undefined;
  const iso = typeof found === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)$/.test(found);
  const date = new Date(iso ? found : typeof found === 'number' ? found : NaN);
  if (Number.isNaN(date.getTime())) wrong(`${path} is neither an ISO 8601 time nor milliseconds.`);
  return date.toISOString();
}
