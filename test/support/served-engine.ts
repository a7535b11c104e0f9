import type { ConfigInput } from '../../src/core/config.js';
import type { Engine, EngineOptions } from '../../src/engine.js';
import { openApiDocument, openEngine } from '../../src/engine.js';
import type { Answer, ApiClient, Call } from './openapi-client.js';
import { openApiClient } from './openapi-client.js';

/** A real engine on a real data directory behind a real server. */
export interface ServedEngine {
  readonly engine: Engine;
  readonly url: string;
  /** Holds every request and answer against the OpenAPI document. */
  readonly client: ApiClient;
  /** A call below `/v1/collections/{c}` of one collection; `path` begins with a slash, or is empty. */
  in(collection: string): (method: string, path: string, call?: Call) => Promise<Answer>;
  close(): Promise<void>;
}

/** Without a model unless the configuration names one: vectors are hashes, which suits whatever is not about meaning. */
export function engineConfig(data: string, config: ConfigInput = {}): ConfigInput {
  return {
    ...config,
    data,
    http: { port: 0, ...config.http },
    embedding: { model: 'test-hash', ...config.embedding },
    log: { level: 'silent', ...config.log },
  };
}

export async function serveEngine(
  data: string,
  config: ConfigInput = {},
  options: EngineOptions = {},
): Promise<ServedEngine> {
  const engine = await openEngine(engineConfig(data, config), options);
  const { url } = await engine.serve();
  const client = openApiClient(url, openApiDocument());
  return {
    engine,
    url,
    client,
    in:
      (collection) =>
      (method, path, call = {}) =>
        client.call(method, `/v1/collections/{c}${path}`, { ...call, params: { c: collection, ...call.params } }),
    close: () => engine.close(),
  };
}
