import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

type Json = Record<string, unknown>;

export interface Call {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | readonly string[]>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** A JSON body. */
  readonly json?: unknown;
  /** Any other body; its Content-Type is to be in `headers`, except for forms. */
  readonly body?: RequestInit['body'];
  /** The request is meant to be wrong: it is sent without being checked. */
  readonly wrong?: boolean;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON, a list of lines for NDJSON, otherwise text. */
  readonly body: unknown;
  readonly bytes: Uint8Array;
}

export interface ApiClient {
  /** `call('GET', '/v1/collections/{c}', { params: { c: 'x' } })`; throws when request or answer breaks the document. */
  call(method: string, path: string, call?: Call): Promise<Answer>;
  /** `GET /v1/collections/{c}` and so on: what was called with success. */
  readonly called: ReadonlySet<string>;
}

/**
 * A client that holds every request and every answer against the OpenAPI document: parameters, bodies, statuses, media
 * types, headers. Answers may carry no field that the document does not have.
 */
export function openApiClient(address: string, document: object): ApiClient {
  const api = closed(structuredClone(document)) as Json;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addFormat('binary', true);
  ajv.addSchema({ ...api, $id: 'api' });
  const compiled = new Map<string, ValidateFunction>();
  const called = new Set<string>();

  const check = (pointer: readonly string[], value: unknown, what: string) => {
    const ref = `api#/${pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
    let validate = compiled.get(ref);
    if (!validate) compiled.set(ref, (validate = ajv.compile({ $ref: ref })));
    if (!validate(value)) {
      throw new Error(`${what} breaks the OpenAPI document: ${ajv.errorsText(validate.errors)}\n${show(value)}`);
    }
  };

  return {
    called,
    async call(method, path, call = {}) {
      const verb = method.toLowerCase();
      const name = `${method} ${path}`;
      const operation = (api.paths as Record<string, Json>)[path]?.[verb] as Json | undefined;
      if (!operation) throw new Error(`${name} is not in the OpenAPI document`);
      const at = ['paths', path, verb];
      if (!call.wrong) checkRequest(name, operation, at, call, check);

      const response = await fetch(address + urlOf(path, call), {
        method,
        headers: { ...(call.json === undefined ? {} : { 'content-type': 'application/json' }), ...call.headers },
        ...(call.json === undefined ? {} : { body: JSON.stringify(call.json) }),
        ...(call.body === undefined ? {} : { body: call.body, duplex: 'half' }),
        ...(call.signal ? { signal: call.signal } : {}),
      });
      const bytes = new Uint8Array(await response.arrayBuffer());
      const body = checkAnswer(name, operation, at, response, bytes, check);
      if (response.ok) called.add(name);
      return { status: response.status, headers: response.headers, body, bytes };
    },
  };
}

type Check = (pointer: readonly string[], value: unknown, what: string) => void;

function checkRequest(name: string, operation: Json, at: readonly string[], call: Call, check: Check): void {
  const parameters = (operation.parameters as Json[] | undefined) ?? [];
  const known = new Set<string>();
  parameters.forEach((parameter, index) => {
    const key = parameter.name as string;
    const place = parameter.in as string;
    known.add(`${place}:${key.toLowerCase()}`);
    const schema = parameter.schema as Json;
    let value: unknown =
      place === 'path' ? call.params?.[key] : place === 'query' ? call.query?.[key] : header(call.headers, key);
    if (value === undefined) {
      if (parameter.required) throw new Error(`${name} lacks the ${place} parameter ${key}`);
      return;
    }
    if (schema.type === 'array' && typeof value === 'string') value = [value];
    check([...at, 'parameters', String(index), 'schema'], value, `${name}: ${place} parameter ${key}`);
  });
  for (const key of Object.keys(call.query ?? {})) {
    if (!known.has(`query:${key.toLowerCase()}`)) throw new Error(`${name} has no query parameter ${key}`);
  }
  const request = operation.requestBody as { required?: boolean; content: Record<string, Json> } | undefined;
  if (!request) {
    if (call.json !== undefined || call.body !== undefined) throw new Error(`${name} takes no body`);
    return;
  }
  if (call.json === undefined && call.body === undefined) {
    if (request.required) throw new Error(`${name} needs a body`);
    return;
  }
  const form = call.body instanceof FormData;
  const sent = form ? 'multipart/form-data' : (header(call.headers, 'content-type') ?? 'application/json');
  const type = [essence(sent), '*/*'].find((candidate) => candidate in request.content);
  if (!type) throw new Error(`${name} does not take ${sent}`);
  if (call.json !== undefined && type !== '*/*') {
    check([...at, 'requestBody', 'content', type, 'schema'], call.json, `${name}: the request`);
  }
}

function checkAnswer(
  name: string,
  operation: Json,
  at: readonly string[],
  response: Response,
  bytes: Uint8Array,
  check: Check,
): unknown {
  const status = String(response.status);
  const documented = (operation.responses as Record<string, Json>)[status];
  if (!documented) throw new Error(`${name} answered ${status}, which is not in the document\n${show(textOf(bytes))}`);
  for (const wanted of Object.keys((documented.headers as Json | undefined) ?? {})) {
    if (!response.headers.has(wanted)) throw new Error(`${name} answered ${status} without the header ${wanted}`);
  }
  if (!response.headers.has('x-request-id')) throw new Error(`${name} answered without x-request-id`);
  const content = documented.content as Record<string, Json> | undefined;
  if (!content) {
    if (bytes.length > 0) throw new Error(`${name} answered ${status} with a body that is not in the document`);
    return undefined;
  }
  const sent = essence(response.headers.get('content-type') ?? '');
  const type = [sent, '*/*'].find((candidate) => candidate in content);
  if (!type) throw new Error(`${name} answered ${status} as ${sent}, which is not in the document`);
  const pointer = [...at, 'responses', status, 'content', type, 'schema'];
  if (sent === 'application/x-ndjson') {
    const lines = textOf(bytes)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
    lines.forEach((line) => check(pointer, line, `${name}: a line of the answer`));
    return lines;
  }
  if (type === '*/*') return textOf(bytes);
  const value = /\bjson$/.test(sent) ? (JSON.parse(textOf(bytes)) as unknown) : textOf(bytes);
  check(pointer, value, `${name}: the answer ${status}`);
  return value;
}

function urlOf(path: string, call: Call): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(call.params?.[key] ?? ''));
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(call.query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) query.append(key, String(one));
  }
  return query.size > 0 ? `${filled}?${query.toString()}` : filled;
}

/** Objects that list their properties may have no others. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, closed(item)]));
  if (copy.type === 'object' && typeof copy.properties === 'object' && copy.additionalProperties === undefined) {
    copy.additionalProperties = false;
  }
  return copy;
}

function header(headers: Call['headers'], name: string): string | undefined {
  return Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

function essence(type: string): string {
  return type.split(';')[0]!.trim().toLowerCase();
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function show(value: unknown): string {
  return (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 2000);
}
