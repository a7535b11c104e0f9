import { CitationChecksSchema, VerifyCitationsSchema } from '../../core/schemas/citations.js';
import {
  ContextResultSchema,
  ContextSchema,
  SearchResultSchema,
  SearchSchema,
  WhyResultSchema,
  WhySchema,
} from '../../core/schemas/query.js';
import type { ErrorCode } from '../../core/errors.js';
import type { Endpoint } from '../route.js';
import { endpoint, json } from '../route.js';
import { InCollection } from './shared.js';

const REFUSALS: readonly ErrorCode[] = [
  'collection_not_found',
  'invalid_filter',
  'principals_required',
  'space_mismatch',
  'model_missing',
  'overloaded',
];

export const queryRoutes: readonly Endpoint[] = [
  endpoint(
    {
      method: 'post',
      path: '/v1/collections/{c}/search',
      operationId: 'search',
      scope: 'read',
      tag: 'Query',
      summary: 'Find passages',
      params: InCollection,
      body: { schema: SearchSchema },
      answers: { 200: { description: 'Hits, best first.', schema: SearchResultSchema } },
      errors: REFUSALS,
    },
    async (surface, { caller, params, body, signal }) => json(await surface.search(caller, params.c, body, signal)),
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/collections/{c}/context',
      operationId: 'context',
      scope: 'read',
      tag: 'Query',
      summary: 'Pack a cited context to an exact token budget',
      params: InCollection,
      body: { schema: ContextSchema },
      answers: { 200: { description: 'The context with its citations.', schema: ContextResultSchema } },
      errors: [...REFUSALS, 'tokenizer_unknown'],
    },
    async (surface, { caller, params, body, signal }) => json(await surface.context(caller, params.c, body, signal)),
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/collections/{c}/why',
      operationId: 'why',
      scope: 'read',
      tag: 'Query',
      summary: 'Which stage lost a document for a query',
      params: InCollection,
      body: { schema: WhySchema },
      answers: { 200: { description: 'Stage by stage.', schema: WhyResultSchema } },
      errors: [...REFUSALS, 'document_not_found'],
    },
    async (surface, { caller, params, body, signal }) => json(await surface.why(caller, params.c, body, signal)),
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/collections/{c}/citations/verify',
      operationId: 'verifyCitations',
      scope: 'read',
      tag: 'Query',
      summary: 'Check citations against the stored texts',
      description: 'Needs no model. What the caller may not read is `not_found`.',
      params: InCollection,
      body: { schema: VerifyCitationsSchema },
      answers: { 200: { description: 'In the order asked.', schema: CitationChecksSchema } },
      errors: ['collection_not_found', 'principals_required'],
    },
    async (surface, { caller, params, body, signal }) =>
      json(await surface.citations.verify(caller, params.c, body, signal)),
  ),
];
