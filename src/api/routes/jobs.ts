import { z } from 'zod';
import { JobIdSchema } from '../../core/schemas/common.js';
import type { JobAction } from '../../core/schemas/jobs.js';
import { JobListSchema, JobSchema, JobStateSchema } from '../../core/schemas/jobs.js';
import { DeadLetterListSchema, DeadLetterSchema, ReplayResultSchema } from '../../core/schemas/operations.js';
import type { Endpoint } from '../route.js';
import { endpoint, json, noContent } from '../route.js';
import { InCollection, PageQuery, defined, paging } from './shared.js';

const ById = z.object({ id: JobIdSchema });
const Letter = InCollection.extend({ id: z.string().min(1).max(256).meta({ example: 'd-1' }) });

function control(action: JobAction, summary: string): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: `/v1/jobs/{id}/${action}`,
      operationId: `${action}Job`,
      scope: 'admin',
      tag: 'Jobs',
      summary,
      params: ById,
      answers: { 200: { description: 'The job as it then is.', schema: JobSchema } },
      errors: ['job_not_found', 'conflict'],
    },
    async (surface, { caller, params, signal }) => json(await surface.jobs.control(caller, params.id, action, signal)),
  );
}

export const jobRoutes: readonly Endpoint[] = [
  endpoint(
    {
      method: 'get',
      path: '/v1/jobs',
      operationId: 'listJobs',
      scope: 'any',
      tag: 'Jobs',
      summary: 'List jobs, newest first',
      query: PageQuery.extend({ kind: z.string().min(1).max(64).optional(), state: JobStateSchema.optional() }),
      answers: { 200: { description: 'A page.', schema: JobListSchema } },
    },
    async (surface, { caller, query, signal }) => {
      const { kind, state } = query;
      return json(await surface.jobs.list(caller, { ...paging(query), ...defined({ kind, state }) }, signal));
    },
  ),
  endpoint(
    {
      method: 'get',
      path: '/v1/jobs/{id}',
      operationId: 'getJob',
      scope: 'any',
      tag: 'Jobs',
      summary: 'Read a job',
      params: ById,
      answers: { 200: { description: 'The job.', schema: JobSchema } },
      errors: ['job_not_found'],
    },
    async (surface, { caller, params, signal }) => json(await surface.jobs.get(caller, params.id, signal)),
  ),
  control('pause', 'Pause a job'),
  control('resume', 'Go on with a paused job'),
  control('cancel', 'Cancel a job'),
];

export const deadLetterRoutes: readonly Endpoint[] = [
  endpoint(
    {
      method: 'get',
      path: '/v1/collections/{c}/dlq',
      operationId: 'listDeadLetters',
      scope: 'admin',
      tag: 'Dead letters',
      summary: 'Changes that could not be applied',
      params: InCollection,
      query: PageQuery,
      answers: { 200: { description: 'A page.', schema: DeadLetterListSchema } },
      errors: ['collection_not_found'],
    },
    async (surface, { caller, params, query, signal }) =>
      json(await surface.dlq.list(caller, params.c, paging(query), signal)),
  ),
  endpoint(
    {
      method: 'get',
      path: '/v1/collections/{c}/dlq/{id}',
      operationId: 'getDeadLetter',
      scope: 'admin',
      tag: 'Dead letters',
      summary: 'Read a dead letter',
      params: Letter,
      answers: { 200: { description: 'The letter.', schema: DeadLetterSchema } },
      errors: ['collection_not_found', 'not_found'],
    },
    async (surface, { caller, params, signal }) => json(await surface.dlq.get(caller, params.c, params.id, signal)),
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/collections/{c}/dlq/{id}/replay',
      operationId: 'replayDeadLetter',
      scope: 'admin',
      tag: 'Dead letters',
      summary: 'Try it again, at its own version',
      params: Letter,
      answers: { 200: { description: 'How it went.', schema: ReplayResultSchema } },
      errors: ['collection_not_found', 'not_found'],
    },
    async (surface, { caller, params, signal }) => json(await surface.dlq.replay(caller, params.c, params.id, signal)),
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/collections/{c}/dlq/{id}/drop',
      operationId: 'dropDeadLetter',
      scope: 'admin',
      tag: 'Dead letters',
      summary: 'Give it up',
      params: Letter,
      answers: { 204: { description: 'Gone.' } },
      errors: ['collection_not_found', 'not_found'],
    },
    async (surface, { caller, params, signal }) => {
      await surface.dlq.drop(caller, params.c, params.id, signal);
      return noContent();
    },
  ),
];
