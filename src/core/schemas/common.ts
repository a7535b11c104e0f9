import { z } from 'zod';
import type { Json } from '../json.js';

/** How many UTF-16 units a document's key may have. */
const MAX_KEY_LENGTH = 1024;

/** Collections and sources: names that are safe in URLs, files and metrics alike. */
export const CollectionNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    '1 to 64 letters, digits, dots, dashes or underscores; begins with a letter or digit',
  )
  .meta({ description: 'Name of a collection.', example: 'handbook' });

export const SourceNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/,
    '1 to 128 letters, digits or any of . _ : @ -; begins with a letter or digit',
  )
  .meta({ description: 'Name of a source within a collection.', example: 'api' });

/** The caller's name for a document. Never a path: `..` inside it means nothing. */
export const DocumentKeySchema = z
  .string()
  .min(1)
  .max(MAX_KEY_LENGTH)
  .refine((key) => key.isWellFormed(), 'holds half of a surrogate pair')
  .refine((key) => !hasControl(key), 'holds control characters')
  .refine((key) => key !== '.' && key !== '..', 'no URL can name this key')
  .meta({ description: "The caller's name for the document within its source.", example: 'guide/a.md' });

function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || unit === 0x7f) return true;
  }
  return false;
}

export const DocumentIdSchema = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'a lower-case UUID')
  .meta({
    description: 'uuid5 of tenant, collection, source and key.',
    example: '3f0c2f6e-4a3b-5d1c-8e9f-0a1b2c3d4e5f',
  });

export const RevisionIdSchema = z
  .string()
  .regex(/^[0-9a-f]{32}$/, '32 lower-case hex digits')
  .meta({ description: 'Names one normalized text.', example: '0123456789abcdef0123456789abcdef' });

export const JobIdSchema = z.string().min(1).max(128).meta({ example: 'j-7d1c9a52' });

export const TimestampSchema = z.string().meta({ description: 'ISO 8601, UTC.', example: '2026-01-01T00:00:00.000Z' });

/** Any JSON; it came out of a JSON parser, which is the check. */
export const JsonSchema = z.unknown() as unknown as z.ZodType<Json>;

/** A JSON object of the caller's own; its size is bounded by the body limit. */
export const JsonObjectSchema = z
  .record(z.string().min(1).max(256), JsonSchema)
  .meta({ description: 'A JSON object.', example: { year: 2024, tags: ['draft'] } });

/** A half-open range of UTF-16 code units into the normalized text. */
export const SpanSchema = z
  .object({ start: z.int().min(0), end: z.int().min(0) })
  .meta({ id: 'Span', description: '`text.slice(start, end)`, UTF-16 code units.', example: { start: 0, end: 12 } });

/** Narrows what the caller may see; never widens it. */
export const AsSchema = z
  .strictObject({ principals: z.array(z.string().min(1).max(256)).max(1000) })
  .meta({ id: 'As', description: "Intersected with the caller's principals.", example: { principals: ['local'] } });

export const CursorSchema = z
  .string()
  .min(1)
  .max(2048)
  .meta({ description: 'Where to go on: `next` of the page before. Opaque.' });

export const RowErrorSchema = z.object({ code: z.string(), message: z.string() }).meta({
  id: 'StateError',
  description: 'A stable code, and what to do.',
  example: { code: 'corrupt_document', message: 'The file cannot be read.' },
});

/** Which release answered (law 9). */
export const ReleaseRefSchema = z
  .object({ number: z.int(), generation: z.string(), promptVersion: z.string().optional() })
  .meta({ id: 'ReleaseRef', example: { number: 1, generation: 'g-4f7a21' } });

export const TimingsSchema = z
  .record(z.string(), z.number())
  .meta({ id: 'Timings', description: 'Milliseconds by stage.', example: { total: 12.5, embed: 8.1 } });
