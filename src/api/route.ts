import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { ErrorCode } from '../core/errors.js';
import type { Caller } from '../core/policy.js';
import type { EngineSurface } from '../core/surface.js';
import type { Scope } from './access.js';
import type { UploadLimits } from './uploads.js';

/** How long a route may take: a request; an upload; or as long as its client stays, for streams. */
export type Deadline = 'request' | 'upload' | 'stream';

/** How a success is documented: JSON of a schema, or other content by media type. */
export interface Answer {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly content?: Readonly<Record<string, { readonly schema: z.ZodType | object; readonly example?: unknown }>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouteSpec<
  P extends z.ZodObject = z.ZodObject,
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
> {
  readonly method: 'get' | 'put' | 'post' | 'patch' | 'delete';
  /** As OpenAPI writes it: `/v1/collections/{c}`. */
  readonly path: string;
  readonly operationId: string;
  /**
   * Who may ask: `public` everyone, `any` whoever has a valid key, `machine` only with the token in server.json (it
   * reaches into the server's own machine), the others keys with that scope.
   */
  readonly scope: Scope;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: P;
  readonly query?: Q;
  /** Request headers that the route reads, as documented. */
  readonly headers?: readonly HeaderSpec[];
  /** A JSON body; `optional` bodies that are absent are checked as `{}`. */
  readonly body?: {
    readonly schema: B;
    readonly types?: readonly string[];
    readonly limit?: 'json' | 'batch';
    readonly optional?: boolean;
  };
  /** A document in one of its three forms; the handler reads it. */
  readonly upload?: boolean;
  readonly answers: Readonly<Record<number, Answer>>;
  /** What it may refuse besides what any route may. */
  readonly errors?: readonly ErrorCode[];
  readonly deadline?: Deadline;
  /** How many requests it counts as, for the key's rate limit. Default 1. */
  readonly cost?: (body: z.output<B>) => number;
  /** Answers even when the server is overloaded. */
  readonly vital?: boolean;
}

export interface HeaderSpec {
  readonly name: string;
  readonly description: string;
  readonly example?: string;
}

/** A checked request. */
export interface Asked<
  P extends z.ZodObject = z.ZodObject,
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
> {
  readonly params: z.output<P>;
  readonly query: z.output<Q>;
  readonly body: z.output<B>;
  readonly caller: Caller;
  /** The operator of the machine asks. */
  readonly machine: boolean;
  /** Aborted at the deadline, when the client goes away, and when the server must stop. */
  readonly signal: AbortSignal;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly requestId: string;
  readonly settings: RouteSettings;
  /** Tells of an error after the answer began. */
  readonly report: (error: unknown) => void;
}

/** What handlers need to know of the configuration. */
export interface RouteSettings {
  readonly uploads: UploadLimits;
  /** How long `wait=true` waits, ms. */
  readonly waitMs: number;
  /** A reader of a stream that takes nothing for this long is cut off, ms. */
  readonly readerStallMs: number;
}

export interface Endpoint {
  readonly spec: RouteSpec;
  readonly handle: (surface: EngineSurface, asked: Asked) => Promise<Response>;
}

/** Declares a route: its document and its handler, with types from the schemas. */
export function endpoint<
  P extends z.ZodObject = z.ZodObject,
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
>(
  spec: RouteSpec<P, Q, B>,
  handle: (surface: EngineSurface, asked: Asked<P, Q, B>) => Promise<Response> | Response,
): Endpoint {
  // The registry holds routes of all types; `handle` is only ever called with what `spec` checked.
  return { spec, handle: async (surface, asked) => handle(surface, asked) };
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  });
}

export function noContent(): Response {
  return new Response(null, { status: 204 });
}
