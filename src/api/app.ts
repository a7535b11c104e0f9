import { OpenAPIHono } from '@hono/zod-openapi';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Logger } from 'pino';
import { z } from 'zod';
import { FootnoteError, asFootnoteError } from '../core/errors.js';
import type { EngineSurface } from '../core/surface.js';
import type { HttpTelemetry } from '../runtime/telemetry.js';
import type { AccessRules, Session } from './access.js';
import { NOBODY, authenticate, authorize, checkHostAndOrigin } from './access.js';
import { audit } from './audit.js';
import { mediaType, readAll } from './bodies.js';
import { corsHeaders, isPreflight, preflightAnswer } from './cors.js';
import { docsPage } from './docs.js';
import { Exchange } from './exchange.js';
import { methodsByPath, openApiDocument } from './openapi.js';
import type { OpenApiDocument } from './openapi.js';
import { problemResponse } from './problems.js';
import type { RateLimitOptions } from './rate-limits.js';
import { RateLimited, RateLimits } from './rate-limits.js';
import type { Asked, Deadline, RouteSpec } from './route.js';
import { json } from './route.js';
import { endpoints } from './routes.js';
import { check, parseJson } from './validation.js';

export interface ApiOptions extends AccessRules {
  readonly logger: Logger;
  readonly telemetry: HttpTelemetry;
  /** The software's version, for the document. */
  readonly version?: string;
  /** Largest document. */
  readonly documentBytes: number;
  /** Largest JSON body. */
  readonly jsonBytes: number;
  /** Largest JSON body that carries documents. Default 32 MiB. */
  readonly batchBytes?: number;
  /** A request's deadline, ms. */
  readonly requestTimeoutMs: number;
  /** Of each key. Absent: none. */
  readonly rateLimit?: RateLimitOptions;
  /** An upload's deadline beyond its waiting, ms. Default 300,000. */
  readonly uploadTimeoutMs?: number;
  /** How long `wait=true` waits, ms. Default 30,000. */
  readonly waitMs?: number;
  /** Paths that are served; absent: all. */
  readonly only?: ReadonlySet<string>;
  /** Requests at once; more are refused with 503. Default 256. */
  readonly maxInFlight?: number;
  /** A body or a reader that stalls for this long is given up, ms. Default 30,000. */
  readonly stallMs?: number;
}

interface Env {
  Bindings: HttpBindings;
  Variables: { exchange: Exchange };
}

/** The API and what its server needs to end it well. */
export interface Api {
  readonly fetch: (request: Request, env: HttpBindings) => Response | Promise<Response>;
  /** Aborts what is still running. */
  abortAll(error: FootnoteError): void;
  inFlight(): number;
  /** From now on answers ask their connection to close. */
  drain(): void;
  readonly logger: Logger;
  /** What is mounted, for the test that compares it with the document. */
  readonly routes: readonly { readonly method: string; readonly path: string }[];
}

/** What supervisors and monitoring ask of a process that answers no queries. */
export const HEALTH: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

const MiB = 1024 * 1024;
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** Routes over an engine that is handed in as functions. */
export function createApi(surface: EngineSurface, options: ApiOptions): Api {
  const { logger, telemetry } = options;
  const running = new Set<Exchange>();
  const stallMs = options.stallMs ?? 30_000;
  const waitMs = options.waitMs ?? 30_000;
  const maxInFlight = options.maxInFlight ?? 256;
  const batchBytes = options.batchBytes ?? 32 * MiB;
  const settings = {
    uploads: { documentBytes: options.documentBytes, batchBytes, jsonBytes: options.jsonBytes, stallMs },
    waitMs,
    readerStallMs: stallMs,
  };
  const deadlines: Record<Deadline, number | undefined> = {
    request: options.requestTimeoutMs,
    upload: (options.uploadTimeoutMs ?? 300_000) + waitMs,
    stream: undefined,
  };
  const limits = options.rateLimit ? new RateLimits(options.rateLimit) : undefined;
  const sessionFor = (incoming: HttpBindings['incoming'], { scope }: RouteSpec): Promise<Session> =>
    scope === 'public' && incoming.headers.authorization === undefined
      ? Promise.resolve(NOBODY)
      : authenticate(incoming, options);
  let draining = false;

  const { only } = options;
  const methods = [...methodsByPath()]
    .filter(([path]) => only?.has(path) ?? true)
    .map(([path, allowed]) => ({ pattern: pathPattern(path), allowed }));
  const methodsAt = (path: string): readonly string[] | undefined =>
    methods.find(({ pattern }) => pattern.test(path))?.allowed;

  // The raw path: a decoded one would make `%2F` and `%25` of a key ambiguous. Parameters are decoded once, by Hono.
  const app = new OpenAPIHono<Env>({ getPath: (request) => rawPath(request.url) });

  app.use(async (c, next) => {
    const exchange = new Exchange(c.env.incoming, c.env.outgoing, logger, telemetry);
    c.set('exchange', exchange);
    running.add(exchange);
    c.env.outgoing.once('close', () => running.delete(exchange));
    await next();
    const headers = c.res.headers;
    for (const [name, value] of Object.entries(corsHeaders(c.env.incoming, options.origins))) headers.set(name, value);
    headers.set('x-request-id', exchange.requestId);
    for (const [name, value] of Object.entries(exchange.headers)) headers.set(name, value);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!headers.has(name)) headers.set(name, value);
    if (draining) headers.set('connection', 'close');
  });
  app.use(async (c, next) => {
    await checkHostAndOrigin(c.env.incoming, options);
    checkEncoding(rawPath(c.req.url));
    if (isPreflight(c.env.incoming)) {
      const allowed = methodsAt(rawPath(c.req.url));
      if (allowed) return preflightAnswer(allowed);
    }
    await next();
    return undefined;
  });

  for (const { spec, handle } of endpoints) {
    if (only && !only.has(spec.path)) continue;
    app.on(spec.method.toUpperCase(), honoPath(spec.path), async (c) => {
      const exchange = c.get('exchange');
      exchange.route = spec.path;
      if (!spec.vital && running.size > maxInFlight) {
        throw new FootnoteError('overloaded', 'The server has as many requests as it takes at once. Try again soon.', {
          retryAfter: 1,
        });
      }
      const session = await sessionFor(c.env.incoming, spec);
      if (session.key !== undefined && limits) exchange.headers = await limits.take(session.key);
      const params = check(spec.params ?? z.object({}), c.req.param(), 'the path');
      const act = { spec, session, requestId: exchange.requestId, params };
      const answering = exchange.within(deadlines[spec.deadline ?? 'request'], async () => {
        const query = check((spec.query ?? z.object({})).strict(), queryOf(c), 'the query') as Record<string, unknown>;
        const named = params as { c?: string; collection?: string };
        const collection = named.c ?? named.collection;
        const target = collection === undefined ? {} : { collection };
        // Before the body is read: whoever has no rights sends nothing large.
        authorize({ ...session, requireAs: false }, spec.scope, { ...target, as: false });
        const body = await readBody(c, spec, { json: options.jsonBytes, batch: batchBytes }, stallMs);
        const as = (body as { as?: unknown } | undefined)?.as ?? query['as'];
        authorize(session, spec.scope, { ...target, as: as !== undefined });
        const more = (spec.cost?.(body) ?? 1) - 1;
        if (more > 0 && session.key !== undefined && limits) exchange.headers = await limits.take(session.key, more);
        const asked: Asked = {
          params,
          query,
          body,
          caller: session.caller,
          machine: session.machine,
          signal: exchange.signal,
          incoming: c.env.incoming,
          outgoing: c.env.outgoing,
          requestId: exchange.requestId,
          settings,
          report: (error) => logger.warn({ requestId: exchange.requestId, err: error }, 'answer broken off'),
        };
        return handle(surface, asked);
      });
      try {
        const answer = await answering;
        audit(logger, { ...act, outcome: 'ok' });
        return answer;
      } catch (error) {
        audit(logger, { ...act, outcome: asFootnoteError(error).code });
        throw error;
      }
    });
  }

  // Made when first asked for: it takes longer than everything else at the start.
  let made: { document: OpenApiDocument; page: ReturnType<typeof docsPage> } | undefined;
  const pages = () => {
    if (!made) {
      const document = openApiDocument(options.version);
      made = { document, page: docsPage(document) };
    }
    return made;
  };
  app.get('/openapi.json', (c) => {
    c.get('exchange').route = '/openapi.json';
    return json(pages().document);
  });
  app.get('/docs', (c) => {
    c.get('exchange').route = '/docs';
    const { html, policy } = pages().page;
    return new Response(html, {
      headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy },
    });
  });

  app.notFound((c) => {
    const { requestId } = c.get('exchange');
    const path = rawPath(c.req.url);
    const allowed = methodsAt(path);
    if (allowed) {
      const error = new FootnoteError(
        'invalid_request',
        `${c.req.method} is not known here; use ${allowed.join(', ')}.`,
      );
      return problemResponse(error, { requestId, status: 405 }, { allow: allowed.join(', ') });
    }
    return problemResponse(new FootnoteError('not_found', 'There is nothing at this address; see /docs.'), {
      requestId,
    });
  });
  app.onError((thrown, c) => {
    const exchange = c.get('exchange');
    const error = asFootnoteError(thrown);
    exchange.code = error.code;
    if (error.code === 'internal') logger.error({ requestId: exchange.requestId, err: thrown }, 'request failed');
    if (error.code === 'overloaded') telemetry.count('overloads');
    // What is left of the body is not waited for.
    const unread = !c.env.incoming.readableEnded && hasBody(c);
    if (error instanceof RateLimited) exchange.headers = error.headers;
    return problemResponse(error, { requestId: exchange.requestId }, unread ? { connection: 'close' } : {});
  });

  return {
    fetch: (request, env) => app.fetch(request, env),
    logger,
    routes: app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => ({ method, path })),
    abortAll: (error) => running.forEach((exchange) => exchange.abort(error)),
    inFlight: () => running.size,
    drain: () => {
      draining = true;
    },
  };
}

async function readBody(
  c: Context<Env>,
  spec: RouteSpec,
  limits: { json: number; batch: number },
  stallMs: number,
): Promise<unknown> {
  if (!spec.body) return undefined;
  const { schema, types = ['application/json'], optional = false, limit = 'json' } = spec.body;
  const { incoming } = c.env;
  const type = mediaType(incoming.headers['content-type']);
  if (optional && !type && !hasBody(c)) return check(schema, {}, 'the body');
  if (!type || !types.includes(type.essence) || (type.charset && type.charset.toLowerCase() !== 'utf-8')) {
    throw new FootnoteError('unsupported_media_type', `Send the body as ${types.join(' or ')} in UTF-8.`);
  }
  const bytes = await readAll(incoming, limits[limit], stallMs);
  if (optional && bytes.length === 0) return check(schema, {}, 'the body');
  return check(schema, parseJson(bytes, 'the body'), 'the body');
}

function hasBody(c: Context<Env>): boolean {
  const { headers } = c.env.incoming;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Parameters that come once are text, others lists. */
function queryOf(c: Context<Env>): Record<string, string | string[]> {
  const search = new URL(c.req.url).searchParams;
  return Object.fromEntries(
    [...new Set(search.keys())].map((name) => {
      const values = search.getAll(name);
      return [name, values.length === 1 ? values[0]! : values];
    }),
  );
}

function rawPath(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2);
  if (start < 0) return '/';
  const end = url.slice(start).search(/[?#]/);
  return end < 0 ? url.slice(start) : url.slice(start, start + end);
}

/** @throws FootnoteError invalid_request: a segment that is not UTF-8 names nothing */
function checkEncoding(path: string): void {
  try {
    decodeURIComponent(path);
  } catch (cause) {
    throw new FootnoteError('invalid_request', 'The path holds a percent-encoding that is not UTF-8.', { cause });
  }
}

function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}
