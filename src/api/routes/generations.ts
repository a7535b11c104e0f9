import { z } from 'zod';
import { JobSchema } from '../../core/schemas/jobs.js';
import {
  GenerationListSchema,
  ReindexSchema,
  ReleaseDiffResultSchema,
  ReleaseDiffSchema,
  ReleaseListSchema,
} from '../../core/schemas/reindex.js';
import type { Endpoint } from '../route.js';
import { endpoint, json, noContent } from '../route.js';
import { InCollection } from './shared.js';

const ById = InCollection.extend({ generation: z.string().min(1).max(64).meta({ example: 'g-4f7a21' }) });

export const generationRoutes: readonly Endpoint[] = [
  endpoint(
    {
      method: 'post',
      path: '/v1/collections/{c}/reindex',
      operationId: 'reindex',
      scope: 'admin',
      tag: 'Releases',
      summary: 'Build a new generation beside the live one',
      description:
        'From the stored originals, with the installed parsers. The live generation serves and takes writes meanwhile. ' +
        'The job can be paused, resumed and cancelled; a server that dies goes on with it.',
      params: InCollection,
      body: { schema: ReindexSchema, optional: true },
      answers: { 202: { description: 'The job.', schema: JobSchema } },
      errors: ['collection_not_found', 'conflict'],
    },
    async (surface, { caller, params, body, signal }) =>
      json(await surface.generations.reindex(caller, params.c, body, signal), 202),
  ),
  endpoint(
    {
      method: 'get',
      path: '/v1/collections/{c}/generations',
      operationId: 'listGenerations',
      scope: 'admin',
      tag: 'Releases',
      summary: 'Generations: what they are built with and how they stand',
      params: InCollection,
      answers: { 200: { description: 'All that are not dropped.', schema: GenerationListSchema } },
      errors: ['collection_not_found'],
    },
    async (surface, { caller, params, signal }) => json(await surface.generations.list(caller, params.c, signal)),
  ),
  endpoint(
    {
      method: 'delete',
      path: '/v1/collections/{c}/generations/{generation}',
      operationId: 'dropGeneration',
      scope: 'admin',
      tag: 'Releases',
      summary: 'Drop a generation that is not served',
      params: ById,
      answers: { 204: { description: 'Gone.' } },
      errors: ['collection_not_found', 'not_found', 'conflict'],
      deadline: 'upload',
    },
    async (surface, { caller, params, signal }) => {
      await surface.generations.drop(caller, params.c, params.generation, signal);
      return noContent();
    },
  ),
  endpoint(
    {
      method: 'get',
      path: '/v1/collections/{c}/releases',
      operationId: 'listReleases',
      scope: 'admin',
      tag: 'Releases',
      summary: 'Releases, the last first',
      params: InCollection,
      answers: { 200: { description: 'At most 100.', schema: ReleaseListSchema } },
      errors: ['collection_not_found'],
    },
    async (surface, { caller, params, signal }) =>
      json(await surface.generations.releases(caller, params.c, 100, signal)),
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/collections/{c}/generations/diff',
      operationId: 'diffGenerations',
      scope: 'admin',
      tag: 'Releases',
      summary: 'Compare how two generations answer',
      description: 'On a golden set, or on what was asked of the collection lately. Switches nothing.',
      params: InCollection,
      body: { schema: ReleaseDiffSchema },
      answers: { 200: { description: 'Overlap and rank changes.', schema: ReleaseDiffResultSchema } },
      errors: ['collection_not_found', 'not_found', 'space_mismatch', 'model_missing', 'overloaded'],
      deadline: 'upload',
    },
    async (surface, { caller, params, body, signal }) =>
      json(await surface.generations.diff(caller, params.c, body, signal)),
  ),
];
