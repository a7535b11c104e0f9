import { CitationChecksSchema, VerifyCitationsSchema } from '../../core/schemas/citations.js';
import {
  ContextManyResultSchema,
  ContextManySchema,
  ContextResultSchema,
  ContextSchema,
  SearchManyResultSchema,
  SearchManySchema,
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

/** It is as much work as so many requests. */
function asksOf({ collections, queries }: { collections: readonly string[]; queries: readonly string[] }): number {
  return collections.length * queries.length;
}

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
      path: '/v1/search',
      operationId: 'searchMany',
      scope: 'read',
      tag: 'Query',
      summary: 'Find passages in several collections, for several queries',
      description: 'Each query is asked of all of the collections, and their passages are ranked together.',
      body: { schema: SearchManySchema },
      cost: asksOf,
      answers: { 200: { description: 'A result a query, in the order asked.', schema: SearchManyResultSchema } },
      errors: REFUSALS,
    },
    async (surface, { caller, body, signal }) => json(await surface.searchMany(caller, body, signal)),
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/context',
      operationId: 'contextMany',
      scope: 'read',
      tag: 'Query',
      summary: 'Pack a cited context a query, from several collections',
      description: 'Each context has the whole budget. A citation is verified in its collection.',
      body: { schema: ContextManySchema },
      cost: asksOf,
      answers: { 200: { description: 'A context a query, in the order asked.', schema: ContextManyResultSchema } },
      errors: [...REFUSALS, 'tokenizer_unknown'],
    },
    async (surface, { caller, body, signal }) => json(await surface.contextMany(caller, body, signal)),
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
