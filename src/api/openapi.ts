import { OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import type { ErrorCode } from '../core/errors.js';
import { DOCUMENT_JSON, DocumentFieldsSchema, DocumentJsonSchema } from '../core/schemas/documents.js';
import { FILTER_JSON_SCHEMA } from '../core/schemas/filter.js';
import { ProblemSchema } from '../core/schemas/problem.js';
import { PROBLEM_JSON, STATUS_OF } from './problems.js';
import type { Answer, Endpoint, RouteSpec } from './route.js';
import { endpoints } from './routes.js';

type Registry = OpenAPIHono['openAPIRegistry'];
type RouteConfig = Parameters<Registry['registerPath']>[0];
type Responses = RouteConfig['responses'];
export type OpenApiDocument = ReturnType<OpenAPIHono['getOpenAPI31Document']>;

/** What any route may refuse. */
const ALWAYS: readonly ErrorCode[] = [
  'invalid_request',
  'unauthorized',
  'forbidden',
  'rate_limited',
  'overloaded',
  'unavailable',
  'internal',
];
const WITH_BODY: readonly ErrorCode[] = ['request_too_large', 'request_timeout', 'unsupported_media_type'];

const BINARY = { type: 'string', format: 'binary' } as const;

/** The OpenAPI 3.1 document, made from the schemas that check the requests. Needs no engine. */
export function openApiDocument(version = '0.1.0'): OpenApiDocument {
  const app = new OpenAPIHono();
  for (const { spec } of endpoints) app.openAPIRegistry.registerPath(configOf(spec));
  registerPages(app.openAPIRegistry);
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Footnote',
      version,
      description:
        'Ingest documents, search them, pack a context to an exact token budget, and check every citation. ' +
        'Errors are RFC 9457 problems with a stable `code`.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{}, { key: [] }, { token: [] }],
    tags: [
      'Query',
      'Documents',
      'Collections',
      'Jobs',
      'Dead letters',
      'Releases',
      'Operations',
      'Connectors',
      'Keys',
      'Service',
    ].map((name) => ({ name })),
  });
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Filter: structuredClone(FILTER_JSON_SCHEMA) as never },
    securitySchemes: {
      key: {
        type: 'http',
        scheme: 'bearer',
        description: 'An API key, `fn_…`. Needed as soon as there is one; without any, this machine alone is served.',
      },
      token: {
        type: 'http',
        scheme: 'bearer',
        description: 'The token in server.json, for what only the operator may do.',
      },
    },
  };
  return document;
}

/** Pages that the app itself makes. */
function registerPages(registry: Registry): void {
  const base = { method: 'get', path: '', tag: 'Service', scope: 'public', vital: true } as const;
  registry.registerPath(
    configOf({
      ...base,
      path: '/openapi.json',
      operationId: 'openapi',
      summary: 'This document',
      answers: {
        200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } },
      },
    }),
  );
  registry.registerPath(
    configOf({
      ...base,
      path: '/docs',
      operationId: 'docs',
      summary: 'This document, to read',
      answers: { 200: { description: 'A page.', content: { 'text/html': { schema: { type: 'string' } } } } },
    }),
  );
}

function configOf(spec: RouteSpec): RouteConfig {
  const request: NonNullable<RouteConfig['request']> = {
    ...(spec.params ? { params: spec.params } : {}),
    ...(spec.query ? { query: spec.query } : {}),
    ...bodyOf(spec),
  };
  return {
    method: spec.method,
    path: spec.path,
    operationId: spec.operationId,
    tags: [spec.tag],
    summary: spec.summary,
    ...describe(spec),
    ...(spec.scope === 'public' ? { security: [] } : {}),
    ...(spec.scope === 'machine' ? { security: [{ token: [] }] } : {}),
    ...(spec.headers
      ? {
          parameters: spec.headers.map(({ name, description, example }) => ({
            name,
            in: 'header' as const,
            description,
            schema: { type: 'string' as const },
            ...(example === undefined ? {} : { example }),
          })),
        }
      : {}),
    request,
    responses: { ...answersOf(spec.answers), ...problemsOf(spec) },
  };
}

const NEEDS: Readonly<Record<RouteSpec['scope'], string | undefined>> = {
  public: undefined,
  any: undefined,
  read: 'Needs the scope `read`.',
  write: 'Needs the scope `write`.',
  admin: 'Needs the scope `admin`.',
  machine: undefined,
};

function describe({ description, scope }: RouteSpec): { description?: string } {
  const text = [description, NEEDS[scope]].filter((part) => part !== undefined).join(' ');
  return text === '' ? {} : { description: text };
}

function bodyOf(spec: RouteSpec): Pick<NonNullable<RouteConfig['request']>, 'body'> {
  if (spec.body) {
    const { schema, types = ['application/json'], optional = false } = spec.body;
    return {
      body: { required: !optional, content: Object.fromEntries(types.map((type) => [type, { schema }])) },
    };
  }
  if (!spec.upload) return {};
  return {
    body: {
      required: true,
      content: {
        [DOCUMENT_JSON]: { schema: DocumentJsonSchema },
        'multipart/form-data': {
          schema: z.object({ file: z.string().meta({ ...BINARY }), document: DocumentFieldsSchema.optional() }),
          encoding: { document: { contentType: 'application/json' } },
        },
        '*/*': { schema: { ...BINARY } },
      },
    },
  };
}

function answersOf(answers: RouteSpec['answers']): Responses {
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => [
      status,
      {
        description: answer.description,
        ...headersOf(answer),
        ...(answer.schema ? { content: { 'application/json': { schema: answer.schema } } } : {}),
        ...(answer.content ? { content: answer.content as never } : {}),
      },
    ]),
  );
}

function headersOf(answer: Answer): { headers?: never } {
  if (!answer.headers) return {};
  const headers = Object.entries(answer.headers).map(([name, description]) => [
    name,
    { description, schema: { type: 'string' } },
  ]);
  return { headers: Object.fromEntries(headers) as never };
}

/** Problems by status, with the codes that may come. */
function problemsOf(spec: RouteSpec): Responses {
  const byStatus = new Map<number, Set<ErrorCode>>();
  const add = (code: ErrorCode, status: number = STATUS_OF[code]) => {
    const codes = byStatus.get(status) ?? new Set();
    byStatus.set(status, codes.add(code));
  };
  const codes = [...ALWAYS, ...(spec.body || spec.upload ? WITH_BODY : []), ...(spec.errors ?? [])];
  for (const code of codes) add(code);
  return Object.fromEntries(
    [...byStatus]
      .filter(([status]) => !(status in spec.answers))
      .sort(([a], [b]) => a - b)
      .map(([status, codes]) => [
        status,
        { description: `Codes: ${[...codes].join(', ')}.`, content: { [PROBLEM_JSON]: { schema: ProblemSchema } } },
      ]),
  );
}

/** Every path with its methods, for 405 and for the test that walks them. */
export function methodsByPath(all: readonly Endpoint[] = endpoints): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { spec } of all) methods.set(spec.path, [...(methods.get(spec.path) ?? []), spec.method.toUpperCase()]);
  methods.set('/openapi.json', ['GET']);
  methods.set('/docs', ['GET']);
  return methods;
}
