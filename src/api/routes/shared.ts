import { z } from 'zod';
import { FootnoteError } from '../../core/errors.js';
import type { Caller } from '../../core/policy.js';
import { narrowCaller } from '../../core/policy.js';
import {
  CollectionNameSchema,
  CursorSchema,
  DocumentIdSchema,
  DocumentKeySchema,
  SourceNameSchema,
} from '../../core/schemas/common.js';
import type { Paging } from '../../core/surface.js';
import type { Asked, HeaderSpec } from '../route.js';

export const InCollection = z.object({ c: CollectionNameSchema });
export const ByDocumentId = InCollection.extend({ documentId: DocumentIdSchema });
export const InSource = InCollection.extend({ source: SourceNameSchema });
export const ByKey = InSource.extend({
  key: DocumentKeySchema.meta({
    description: "The caller's name for the document as one percent-encoded segment: `guide/a.md` is `guide%2Fa.md`.",
    example: 'guide/a.md',
  }),
});

/** A query parameter that may come more than once. */
const repeatable = z.preprocess(
  (value) => (value === undefined || Array.isArray(value) ? value : [value]),
  z.array(z.string().min(1).max(256)).max(1000).optional(),
);

export const AsQuery = z.object({
  as: repeatable.meta({
    param: { name: 'as', in: 'query', required: false, style: 'form', explode: true },
    type: 'array',
    items: { type: 'string', minLength: 1, maxLength: 256 },
    description: 'A principal to read as; may be given again. Only narrows what the caller may see.',
  }),
});

export const PageQuery = z.object({
  cursor: CursorSchema.optional(),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .meta({ type: 'integer', minimum: 1, maximum: 1000, default: 100 }),
});

export const WaitQuery = z.object({
  wait: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: 'Answer when it is searchable (200), has failed (422), or after 30 s (202).' }),
});

export const IF_MATCH: HeaderSpec = {
  name: 'If-Match',
  description: 'The ETag that the document must still have (412 otherwise), or `*`: it must exist.',
  example: '"00000000000010000000000000000000000001"',
};

export const IDEMPOTENCY_KEY: HeaderSpec = {
  name: 'Idempotency-Key',
  description: 'The same key with the same request gets the first answer again; with another one 409.',
  example: '4be2c2f3-5c0f-4c7f-8a5b-7d2f6c1a9e10',
};

/** The caller of a document read, narrowed by `as`. */
export function reader(asked: { caller: Caller; query: { as?: string[] | undefined } }): Caller {
  return narrowCaller(asked.caller, asked.query.as ? { principals: asked.query.as } : undefined);
}

export function paging(query: { cursor?: string | undefined; limit: number }): Paging {
  return { limit: query.limit, ...(query.cursor === undefined ? {} : { after: query.cursor }) };
}

/** Leaves out what is undefined. */
export function defined<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** The tag inside `"…"`, or `*`. @throws FootnoteError invalid_request, precondition_failed (a weak tag never matches) */
export function ifMatch(asked: Asked): string | undefined {
  if (asked.incoming.headers['if-none-match'] !== undefined) {
    throw new FootnoteError('invalid_request', 'If-None-Match is not supported for writes; use If-Match.');
  }
  const header = asked.incoming.headers['if-match']?.trim();
  if (header === undefined || header === '*') return header;
  if (header.startsWith('W/')) throw new FootnoteError('precondition_failed', 'A weak ETag never matches a write.');
  const tag = /^"([\x21\x23-\x7e]{1,256})"$/.exec(header)?.[1];
  if (tag === undefined) throw new FootnoteError('invalid_request', 'If-Match takes one ETag in double quotes, or *.');
  return tag;
}

export function idempotencyKey(asked: Asked): string | undefined {
  const key = asked.incoming.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new FootnoteError('invalid_request', 'Idempotency-Key takes 1 to 255 visible ASCII characters.');
}
