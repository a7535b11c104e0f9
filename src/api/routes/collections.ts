import { CollectionListSchema, CollectionPutSchema, CollectionSchema } from '../../core/schemas/collections.js';
import {
  CanonicalChunkSchema,
  IngestEventSchema,
  IngestSchema,
  ReleasePutSchema,
  ReleaseSchema,
  VerifyEventSchema,
  VerifySchema,
} from '../../core/schemas/operations.js';
import type { Endpoint } from '../route.js';
import { endpoint, json, noContent } from '../route.js';
import { ndjson } from '../streaming.js';
import { InCollection } from './shared.js';

const NDJSON = 'application/x-ndjson';
const errorLine = ({ code, message }: { code: string; message: string }) => ({
  type: 'error',
  error: { code, message: code === 'internal' ? "Something went wrong here; the server's log has it." : message },
});

export const collectionRoutes: readonly Endpoint[] = [
  endpoint(
    {
      method: 'get',
      path: '/v1/collections',
      operationId: 'listCollections',
      scope: 'any',
      tag: 'Collections',
      summary: 'List collections',
      answers: { 200: { description: 'All of the tenant, by name.', schema: CollectionListSchema } },
    },
    async (surface, { caller, signal }) => json(await surface.collections.list(caller, signal)),
  ),
  endpoint(
    {
      method: 'put',
      path: '/v1/collections/{c}',
      operationId: 'putCollection',
      scope: 'admin',
      tag: 'Collections',
      summary: 'Create or change a collection',
      description: 'Given fields replace, absent ones stay.',
      params: InCollection,
      body: { schema: CollectionPutSchema, optional: true },
      answers: {
        200: { description: 'Changed, or as it was.', schema: CollectionSchema },
        201: { description: 'Created.', schema: CollectionSchema },
      },
    },
    async (surface, { caller, params, body, signal }) => {
      const { created, collection } = await surface.collections.put(caller, params.c, body, signal);
      return json(collection, created ? 201 : 200);
    },
  ),
  endpoint(
    {
      method: 'get',
      path: '/v1/collections/{c}',
      operationId: 'getCollection',
      scope: 'any',
      tag: 'Collections',
      summary: 'Read a collection',
      params: InCollection,
      answers: { 200: { description: 'The collection.', schema: CollectionSchema } },
      errors: ['collection_not_found'],
    },
    async (surface, { caller, params, signal }) => json(await surface.collections.get(caller, params.c, signal)),
  ),
  endpoint(
    {
      method: 'delete',
      path: '/v1/collections/{c}',
      operationId: 'deleteCollection',
      scope: 'admin',
      tag: 'Collections',
      summary: 'Delete a collection with everything in it',
      params: InCollection,
      answers: { 204: { description: 'Gone.' } },
      errors: ['collection_not_found', 'conflict'],
      deadline: 'upload',
    },
    async (surface, { caller, params, signal }) => {
      await surface.collections.delete(caller, params.c, signal);
      return noContent();
    },
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/collections/{c}/ingest',
      operationId: 'ingest',
      scope: 'machine',
      tag: 'Operations',
      summary: "Ingest files and folders of the server's own machine",
      description:
        'Needs the token in server.json, as it reads files with the rights of the server. Streams a line a file, progress in ' +
        'between and a summary at the end; a stream without summary is not complete. Stops when the client goes away.',
      params: InCollection,
      body: { schema: IngestSchema },
      answers: { 200: { description: 'Lines.', content: { [NDJSON]: { schema: IngestEventSchema } } } },
      errors: ['collection_not_found', 'source_owned', 'unauthorized'],
      deadline: 'stream',
    },
    (surface, asked) =>
      ndjson(asked, surface.ingest(asked.caller, asked.params.c, asked.body, asked.signal), errorLine),
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/collections/{c}/verify',
      operationId: 'verify',
      scope: 'admin',
      tag: 'Operations',
      summary: 'Check the laws on the stored data, and repair what may be repaired',
      description: 'Streams problems, progress, and a summary at the end.',
      params: InCollection,
      body: { schema: VerifySchema, optional: true },
      answers: { 200: { description: 'Lines.', content: { [NDJSON]: { schema: VerifyEventSchema } } } },
      errors: ['collection_not_found'],
      deadline: 'stream',
    },
    (surface, asked) =>
      ndjson(asked, surface.verify(asked.caller, asked.params.c, asked.body, asked.signal), errorLine),
  ),
  endpoint(
    {
      method: 'get',
      path: '/v1/collections/{c}/export',
      operationId: 'export',
      scope: 'admin',
      tag: 'Operations',
      summary: 'The canonical dump: a line a chunk, sorted by id',
      description: 'Equal dumps mean equal indexes. An error after the first line breaks the connection.',
      params: InCollection,
      answers: { 200: { description: 'Lines.', content: { [NDJSON]: { schema: CanonicalChunkSchema } } } },
      errors: ['collection_not_found'],
      deadline: 'stream',
    },
    (surface, asked) => ndjson(asked, surface.export(asked.caller, asked.params.c, asked.signal)),
  ),
  endpoint(
    {
      method: 'get',
      path: '/v1/collections/{c}/release',
      operationId: 'getRelease',
      scope: 'any',
      tag: 'Releases',
      summary: 'What queries run against',
      params: InCollection,
      answers: { 200: { description: 'The release.', schema: ReleaseSchema } },
      errors: ['collection_not_found', 'not_found'],
    },
    async (surface, { caller, params, signal }) => json(await surface.release.get(caller, params.c, signal)),
  ),
  endpoint(
    {
      method: 'put',
      path: '/v1/collections/{c}/release',
      operationId: 'setRelease',
      scope: 'admin',
      tag: 'Releases',
      summary: 'Switch to another generation, or back',
      description: 'Waits until the target has caught up with the live one, 30 s at most.',
      params: InCollection,
      body: { schema: ReleasePutSchema },
      answers: { 200: { description: 'The new release.', schema: ReleaseSchema } },
      errors: ['collection_not_found', 'not_found', 'behind', 'conflict', 'build_mismatch', 'space_mismatch'],
    },
    async (surface, { caller, params, body, signal }) =>
      json(await surface.release.set(caller, params.c, body, signal)),
  ),
];
