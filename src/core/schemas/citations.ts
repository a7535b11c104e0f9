import { z } from 'zod';
import { AsSchema, DocumentIdSchema, RevisionIdSchema, SpanSchema } from './common.js';

/** W3C Web Annotation Data Model (2017); offsets count Unicode code points. */
const SelectorSchema = z
  .union([
    z.object({ type: z.literal('TextPositionSelector'), start: z.int(), end: z.int() }),
    z.object({ type: z.literal('TextQuoteSelector'), exact: z.string(), prefix: z.string(), suffix: z.string() }),
    z.object({ type: z.literal('FragmentSelector'), conformsTo: z.string(), value: z.string() }),
  ])
  .meta({ id: 'Selector', description: 'W3C Web Annotation selector; offsets count Unicode code points.' });

const PageBoxSchema = z
  .object({ page: z.int(), x0: z.number(), y0: z.number(), x1: z.number(), y1: z.number() })
  .meta({ id: 'PageBox', description: 'Points, origin at the top left of the page as displayed.' });

const citation = {
  id: z.string().meta({ description: 'Encodes document, revision and span.' }),
  documentId: DocumentIdSchema,
  revision: RevisionIdSchema,
  source: z.string(),
  key: z.string(),
  uri: z.string().optional(),
  title: z.string().optional(),
  quote: z.string(),
  span: SpanSchema,
  selectors: z.array(SelectorSchema),
  page: z.int().optional(),
  boxes: z.array(PageBoxSchema).optional(),
};

/** `text.slice(span.start, span.end) === quote` over the stored text of that revision (law 1). */
export const CitationSchema = z.object(citation).meta({ id: 'Citation' });

export const MarkedCitationSchema = z
  .object({ ...citation, marker: z.string().meta({ description: 'As it stands in the context.', example: '[1]' }) })
  .meta({ id: 'MarkedCitation' });

/** A citation as it was given out, or as much of it as the caller kept. Other fields are allowed and not looked at. */
const CitationClaimSchema = z
  .looseObject({
    id: z.string().max(100).optional(),
    documentId: DocumentIdSchema.optional(),
    revision: RevisionIdSchema.optional(),
    span: z.strictObject({ start: z.int().min(0), end: z.int().min(0) }).optional(),
    quote: z.string().optional(),
  })
  .refine(
    (claim) =>
      claim.id !== undefined || (claim.documentId !== undefined && claim.revision !== undefined && !!claim.span),
    { message: 'give id, or documentId with revision and span', path: ['id'] },
  )
  .meta({
    id: 'CitationClaim',
    description: '`id`, or `documentId` with `revision` and `span`; `quote` is compared when given.',
  });

export const VerifyCitationsSchema = z
  .strictObject({
    citations: z
      .array(z.union([z.string().min(1).max(100), CitationClaimSchema]))
      .min(1)
      .max(1000),
    as: AsSchema.optional(),
  })
  .meta({ id: 'VerifyCitations', example: { citations: ['c1PwwvbkpAXRyOnwobLD1OXwEjRWeJq83vASNFZ4mrze8ADA'] } });

export const CitationCheckSchema = z
  .object({
    id: z.string().optional(),
    valid: z.boolean().meta({ description: 'The quote stands at this place of this revision.' }),
    current: z.boolean().meta({ description: 'The revision is the one that is searchable now.' }),
    reason: z.enum(['superseded', 'expired', 'deleted', 'mismatch', 'not_found']).optional(),
  })
  .meta({ id: 'CitationCheck' });

export const CitationChecksSchema = z.object({ results: z.array(CitationCheckSchema) }).meta({
  id: 'CitationChecks',
  description: 'In the order asked.',
  example: { results: [{ valid: true, current: false, reason: 'superseded' }] },
});

export type MarkedCitation = z.output<typeof MarkedCitationSchema>;
export type CitationClaim = z.output<typeof CitationClaimSchema>;
export type VerifyCitations = z.output<typeof VerifyCitationsSchema>;
export type CitationCheck = z.output<typeof CitationCheckSchema>;
export type CitationChecks = z.output<typeof CitationChecksSchema>;
