import { z } from 'zod';
import type { Filter } from '../filter.js';

/** A filter as a request brings it. The engine checks its shape and bounds: `invalid_filter`. */
export const RequestFilterSchema = z
  .custom<Filter>((value) => typeof value === 'object' && value !== null)
  .meta({
    id: 'Filter',
    description: 'One operator an object: and, or, not, eq, ne, in, gt, gte, lt, lte, contains, exists.',
    example: { and: [{ eq: ['metadata.year', 2024] }, { not: { contains: ['metadata.tags', 'draft'] } }] },
  });
