import { z } from 'zod';
import type { FootnoteError } from '../../core/errors.js';
import { CollectionNameSchema, SourceNameSchema } from '../../core/schemas/common.js';
import type { SourceAction } from '../../core/schemas/connectors.js';
import { SourceListSchema, SourcePreviewSchema, SourceViewSchema } from '../../core/schemas/connectors.js';
import type { Endpoint } from '../route.js';
import { endpoint, json } from '../route.js';
import { ndjson } from '../streaming.js';

const BySource = z.object({ collection: CollectionNameSchema, source: SourceNameSchema });

function control(action: SourceAction, summary: string, description: string): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: `/v1/connectors/{collection}/{source}/${action}`,
      operationId: `${action}Source`,
      scope: 'admin',
      tag: 'Connectors',
      summary,
      description,
      params: BySource,
      answers: { 200: { description: 'The source as it then is.', schema: SourceViewSchema } },
      errors: ['not_found', 'conflict'],
    },
    async (surface, { caller, params, signal }) =>
      json(await surface.connectors.control(caller, params, action, signal)),
  );
}

export const connectorRoutes: readonly Endpoint[] = [
  endpoint(
    {
      method: 'get',
      path: '/v1/connectors',
      operationId: 'listSources',
      scope: 'admin',
      tag: 'Connectors',
      summary: 'The configured sources and how they stand',
      answers: { 200: { description: 'All of them.', schema: SourceListSchema } },
    },
    async (surface, { caller, signal }) => json(await surface.connectors.list(caller, signal)),
  ),
  control('pause', 'Pause a source', 'Ends a run that is under way: nothing is deleted then.'),
  control('resume', 'Go on with a paused source', 'It is read as its schedule says.'),
  control('run', 'Read a source now', 'Answers at once; GET /v1/connectors tells how it goes.'),
  control(
    'confirm',
    'Let go what the brake stopped',
    'As many documents as the stopped run told may be deleted, and no more. The source is read again at once.',
  ),
  endpoint(
    {
      method: 'post',
      path: '/v1/connectors/{collection}/{source}/preview',
      operationId: 'previewSource',
      scope: 'admin',
      tag: 'Connectors',
      summary: 'What a run would read and delete',
      description: 'Appends and deletes nothing. Streams a line an item that would not stay as it is, and a summary.',
      params: BySource,
      answers: {
        200: { description: 'Lines.', content: { 'application/x-ndjson': { schema: SourcePreviewSchema } } },
      },
      errors: ['not_found'],
      deadline: 'stream',
    },
    (surface, asked) => ndjson(asked, surface.connectors.preview(asked.caller, asked.params, asked.signal), errorLine),
  ),
];

function errorLine({ code, message }: FootnoteError): unknown {
  return { type: 'error', error: { code, message } };
}
