import { FootnoteError } from '../core/errors.js';
import type { DocumentAccepted, DocumentApplied } from '../core/schemas/documents.js';
import type { EngineSurface, SourceAt, WriteOptions, WriteOutcome } from '../core/surface.js';
import type { Sent, ServerAddress } from './http.js';
import { sendForJson, sendForLines } from './http.js';

/** What commands ask of an engine, in this process or behind HTTP. */
export type CommandSurface = Pick<
  EngineSurface,
  | 'collections'
  | 'search'
  | 'context'
  | 'searchMany'
  | 'contextMany'
  | 'backup'
  | 'maintain'
  | 'why'
  | 'citations'
  | 'jobs'
  | 'connectors'
  | 'status'
  | 'ingest'
  | 'verify'
  | 'export'
  | 'dlq'
  | 'release'
  | 'keys'
  | 'generations'
> & { readonly documents: Pick<EngineSurface['documents'], 'delete' | 'deleteSource' | 'list'> };

/** A running server as a surface. The server decides who the caller is; the argument is not looked at. */
export function remoteSurface(server: ServerAddress): CommandSurface {
  const ask = <T>(method: Sent['method'], path: string, signal: AbortSignal, body?: unknown) =>
    sendForJson<T>(server, { method, path, ...(body === undefined ? {} : { body }) }, signal);
  const lines = <T>(method: Sent['method'], path: string, signal: AbortSignal, body?: unknown) =>
    sendForLines<T>(server, { method, path, ...(body === undefined ? {} : { body }) }, signal);
  const sourcePath = ({ collection, source }: SourceAt) =>
    `/v1/connectors/${encodeURIComponent(collection)}/${encodeURIComponent(source)}`;
  const of = (collection: string) => `/v1/collections/${encodeURIComponent(collection)}`;

  return {
    collections: {
      list: (_, signal) => ask('GET', '/v1/collections', signal),
      async put(_, name, change, signal) {
        const created = await absent(ask('GET', of(name), signal));
        return { created, collection: await ask('PUT', of(name), signal, change) };
      },
      get: (_, name, signal) => ask('GET', of(name), signal),
      delete: (_, name, signal) => ask('DELETE', of(name), signal),
    },
    documents: {
      async delete(_, at, options, signal) {
        const place =
          'documentId' in at
            ? `documents/${encodeURIComponent(at.documentId)}`
            : `sources/${encodeURIComponent(at.source)}/documents/${encodeURIComponent(at.key)}`;
        const path = `${of(at.collection)}/${place}${query({ wait: waits(options) })}`;
        return outcomeOf(await ask('DELETE', path, signal));
      },
      deleteSource: (_, at, signal) =>
        ask('DELETE', `${of(at.collection)}/sources/${encodeURIComponent(at.source)}`, signal),
      list: (_, collection, { after, ...rest }, signal) =>
        ask('GET', `${of(collection)}/documents${query({ ...rest, cursor: after })}`, signal),
    },
    search: (_, collection, request, signal) => ask('POST', `${of(collection)}/search`, signal, request),
    context: (_, collection, request, signal) => ask('POST', `${of(collection)}/context`, signal, request),
    searchMany: (_, request, signal) => ask('POST', '/v1/search', signal, request),
    contextMany: (_, request, signal) => ask('POST', '/v1/context', signal, request),
    backup: (_, request, signal) => ask('POST', '/v1/backup', signal, request),
    maintain: (_, signal) => ask('POST', '/v1/maintain', signal),
    why: (_, collection, request, signal) => ask('POST', `${of(collection)}/why`, signal, request),
    citations: {
      verify: (_, collection, request, signal) => ask('POST', `${of(collection)}/citations/verify`, signal, request),
    },
    jobs: {
      list: (_, { after, ...rest }, signal) => ask('GET', `/v1/jobs${query({ ...rest, cursor: after })}`, signal),
      get: (_, id, signal) => ask('GET', `/v1/jobs/${encodeURIComponent(id)}`, signal),
      control: (_, id, action, signal) => ask('POST', `/v1/jobs/${encodeURIComponent(id)}/${action}`, signal),
    },
    connectors: {
      list: (_, signal) => ask('GET', '/v1/connectors', signal),
      control: (_, at, action, signal) => ask('POST', `${sourcePath(at)}/${action}`, signal),
      preview: (_, at, signal) => withSummary(lines('POST', `${sourcePath(at)}/preview`, signal)),
    },
    status: (_, signal) => ask('GET', '/v1/status', signal),
    ingest: (_, collection, request, signal) => withSummary(lines('POST', `${of(collection)}/ingest`, signal, request)),
    verify: (_, collection, request, signal) => withSummary(lines('POST', `${of(collection)}/verify`, signal, request)),
    export: (_, collection, signal) => lines('GET', `${of(collection)}/export`, signal),
    dlq: {
      list: (_, collection, { after, limit }, signal) =>
        ask('GET', `${of(collection)}/dlq${query({ limit, cursor: after })}`, signal),
      get: (_, collection, id, signal) => ask('GET', `${of(collection)}/dlq/${encodeURIComponent(id)}`, signal),
      replay: (_, collection, id, signal) =>
        ask('POST', `${of(collection)}/dlq/${encodeURIComponent(id)}/replay`, signal),
      drop: (_, collection, id, signal) => ask('POST', `${of(collection)}/dlq/${encodeURIComponent(id)}/drop`, signal),
    },
    generations: {
      list: (_, collection, signal) => ask('GET', `${of(collection)}/generations`, signal),
      reindex: (_, collection, request, signal) => ask('POST', `${of(collection)}/reindex`, signal, request),
      drop: (_, collection, id, signal) =>
        ask('DELETE', `${of(collection)}/generations/${encodeURIComponent(id)}`, signal),
      releases: (_, collection, _limit, signal) => ask('GET', `${of(collection)}/releases`, signal),
      diff: (_, collection, request, signal) => ask('POST', `${of(collection)}/generations/diff`, signal, request),
    },
    keys: {
      create: (_, request, _anyTenant, signal) => ask('POST', '/v1/keys', signal, request),
      list: (_, _anyTenant, signal) => ask('GET', '/v1/keys', signal),
      revoke: (_, id, _anyTenant, signal) => ask('DELETE', `/v1/keys/${encodeURIComponent(id)}`, signal),
    },
    release: {
      get: (_, collection, signal) => ask('GET', `${of(collection)}/release`, signal),
      set: (_, collection, request, signal) => ask('PUT', `${of(collection)}/release`, signal, request),
    },
  };
}

/** A stream without its summary is not complete, however it ended. */
async function* withSummary<T extends { type: string }>(source: AsyncIterable<T>): AsyncGenerator<T> {
  let ended = false;
  for await (const event of source) {
    ended ||= event.type === 'summary';
    yield event;
  }
  if (!ended) throw new FootnoteError('unavailable', 'The server ended the work before it was complete.');
}

async function absent(asked: Promise<unknown>): Promise<boolean> {
  try {
    await asked;
    return false;
  } catch (error) {
    if (error instanceof FootnoteError && error.code === 'collection_not_found') return true;
    throw error;
  }
}

function waits(options: WriteOptions): 'true' | undefined {
  return options.waitMs === undefined ? undefined : 'true';
}

/** The HTTP answer of a write; a failed one was thrown as its problem. The ETag is not used by commands. */
function outcomeOf(body: DocumentApplied | DocumentAccepted): WriteOutcome {
  return 'job' in body ? { outcome: 'accepted', etag: '', body } : { outcome: 'applied', etag: '', body };
}

function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(values).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
  if (given.length === 0) return '';
  return `?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString()}`;
}
