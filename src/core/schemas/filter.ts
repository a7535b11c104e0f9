import { FILTER_FIELDS, FILTER_LIMITS, FilterSchema } from '../filter.js';

/** A filter as a request brings it, with its name in the OpenAPI document (whose schema is `FILTER_JSON_SCHEMA`). */
export const RequestFilterSchema = FilterSchema.meta({ id: 'Filter', type: 'object' });

const value = { type: ['string', 'number', 'boolean'] };
const path = {
  type: 'string',
  maxLength: FILTER_LIMITS.pathLength,
  description: `One of ${FILTER_FIELDS.join(', ')}, or metadata.<name>[.<name>…].`,
};
const self = { $ref: '#/components/schemas/Filter' };

function tuple(...items: readonly object[]): object {
  return { type: 'array', prefixItems: items, minItems: items.length, maxItems: items.length, items: false };
}

/** The language as JSON Schema (2020-12), recursive. Depth and size have bounds besides: see `FILTER_LIMITS`. */
export const FILTER_JSON_SCHEMA = {
  type: 'object',
  description:
    'One operator an object. A comparison with a missing field is false, so its `not` is true; types are never coerced.',
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
  properties: {
    and: { type: 'array', items: self },
    or: { type: 'array', items: self },
    not: self,
    ...Object.fromEntries(['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'contains'].map((name) => [name, tuple(path, value)])),
    in: tuple(path, { type: 'array', items: value, maxItems: FILTER_LIMITS.inValues }),
    exists: tuple(path),
  },
  example: { and: [{ eq: ['metadata.year', 2024] }, { not: { contains: ['metadata.tags', 'draft'] } }] },
} as const;
