import { z } from 'zod';
import { JobSchema } from '../../core/schemas/jobs.js';
import { BackupSchema, HealthSchema, ReadinessSchema, StatusSchema } from '../../core/schemas/operations.js';
import type { Endpoint } from '../route.js';
import { endpoint, json } from '../route.js';

/** The service itself. `/openapi.json` and `/docs` are mounted by the app, which has the document. */
export const serviceRoutes: readonly Endpoint[] = [
  endpoint(
    {
      method: 'get',
      path: '/healthz',
      operationId: 'health',
      scope: 'public',
      tag: 'Service',
      summary: 'Is the process alive?',
      answers: { 200: { description: 'Yes.', schema: HealthSchema } },
      vital: true,
    },
    () => json({ status: 'ok' }),
  ),
  endpoint(
    {
      method: 'get',
      path: '/readyz',
      operationId: 'ready',
      scope: 'public',
      tag: 'Service',
      summary: 'Can it serve?',
      answers: {
        200: { description: 'Yes.', schema: ReadinessSchema },
        503: { description: 'Not now; the checks say why.', schema: ReadinessSchema },
      },
      vital: true,
    },
    async (surface, { signal }) => {
      const readiness = await surface.ready(signal);
      return json(readiness, readiness.ready ? 200 : 503, readiness.ready ? {} : { 'retry-after': '1' });
    },
  ),
  endpoint(
    {
      method: 'get',
      path: '/metrics',
      operationId: 'metrics',
      scope: 'admin',
      tag: 'Service',
      summary: 'Metrics in the Prometheus text format',
      answers: { 200: { description: 'Metrics.', content: { 'text/plain': { schema: z.string() } } } },
      vital: true,
    },
    async (surface) => {
      const { contentType, body } = await surface.metrics();
      return new Response(body, { headers: { 'content-type': contentType } });
    },
  ),
  endpoint(
    {
      method: 'get',
      path: '/v1/status',
      operationId: 'status',
      scope: 'any',
      tag: 'Service',
      summary: 'Collections with their counts, generations and lag',
      answers: { 200: { description: 'The status.', schema: StatusSchema } },
    },
    async (surface, { caller, signal }) => json(await surface.status(caller, signal)),
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/backup',
      operationId: 'backup',
      scope: 'machine',
      tag: 'Service',
      summary: 'Back everything up, while serving',
      description: 'Into a folder of the server. `footnote restore` makes a data directory of it.',
      body: { schema: BackupSchema },
      answers: { 202: { description: 'The job; its result names the backup.', schema: JobSchema } },
      errors: ['conflict'],
    },
    async (surface, { caller, body, signal }) => json(await surface.backup(caller, body, signal), 202),
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/maintain',
      operationId: 'maintain',
      scope: 'machine',
      tag: 'Service',
      summary: 'Remove what is past its time now, in every collection',
      description:
        'What the server does every so often: expired texts, log, dead letters, tombstones and jobs go, leftovers are repaired, tables are made compact.',
      answers: { 202: { description: 'The job; its result counts what went.', schema: JobSchema } },
      errors: ['conflict'],
    },
    async (surface, { caller, signal }) => json(await surface.maintain(caller, signal), 202),
  ),
];
