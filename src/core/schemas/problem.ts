import { z } from 'zod';
import { JsonSchema } from './common.js';

/** An error answer, RFC 9457. */
export const ProblemSchema = z
  .object({
    type: z.string().meta({ description: 'URI of the kind of problem.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What is wrong, and what to do.' }),
    code: z.string().meta({ description: 'Stable; see the list in the documentation.' }),
    instance: z.string().optional(),
    requestId: z.string().optional(),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'Which fields are wrong; a path such as `filter.and[0]`.' }),
    details: z.record(z.string(), JsonSchema).optional(),
  })
  .meta({
    id: 'Problem',
    description: 'RFC 9457 problem details.',
    example: {
      type: 'urn:footnote:problem:collection_not_found',
      title: 'Collection not found',
      status: 404,
      detail: 'There is no collection "handbook". Create it with PUT /v1/collections/handbook.',
      code: 'collection_not_found',
      requestId: 'b1946ac9-2492-4d23-9c1c-8f3b9b1f0d52',
    },
  });

export type Problem = z.output<typeof ProblemSchema>;
