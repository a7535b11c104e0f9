import { z } from 'zod';
import { KeyCreateSchema, KeyCreatedSchema, KeyListSchema } from '../../core/schemas/keys.js';
import type { Endpoint } from '../route.js';
import { endpoint, json, noContent } from '../route.js';

const ById = z.object({ id: z.string().min(1).max(128).meta({ example: '0199b1c4-7f5e-7c3a-9d52-3d1b6e0c8a11' }) });

export const keyRoutes: readonly Endpoint[] = [
  endpoint(
    {
      method: 'get',
      path: '/v1/keys',
      operationId: 'listKeys',
      scope: 'admin',
      tag: 'Keys',
      summary: 'List keys, without their secrets',
      answers: { 200: { description: 'The keys, also revoked ones.', schema: KeyListSchema } },
    },
    async (surface, { caller, machine, signal }) => json(await surface.keys.list(caller, machine, signal)),
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/keys',
      operationId: 'createKey',
      scope: 'admin',
      tag: 'Keys',
      summary: 'Create a key',
      description: 'The secret is shown this once. From the first key on every request needs one.',
      body: { schema: KeyCreateSchema },
      answers: { 201: { description: 'The key with its secret.', schema: KeyCreatedSchema } },
    },
    async (surface, { caller, machine, body, signal }) =>
      json(await surface.keys.create(caller, body, machine, signal), 201),
  ),
  endpoint(
    {
      method: 'delete',
      path: '/v1/keys/{id}',
      operationId: 'revokeKey',
      scope: 'admin',
      tag: 'Keys',
      summary: 'Revoke a key',
      description: 'Holds from the next request on.',
      params: ById,
      answers: { 204: { description: 'Revoked.' } },
      errors: ['not_found'],
    },
    async (surface, { caller, machine, params, signal }) => {
      await surface.keys.revoke(caller, params.id, machine, signal);
      return noContent();
    },
  ),
];
