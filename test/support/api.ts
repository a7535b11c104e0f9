import type { Logger } from 'pino';
import pino from 'pino';
import type { ApiOptions } from '../../src/api/app.js';
import { createApi } from '../../src/api/app.js';
import { openApiDocument } from '../../src/api/openapi.js';
import type { RunningServer, ServerOptions } from '../../src/api/server.js';
import { startServer } from '../../src/api/server.js';
import type { EngineSurface } from '../../src/core/surface.js';
import type { Telemetry } from '../../src/runtime/telemetry.js';
import { createTelemetry } from '../../src/runtime/telemetry.js';
import type { ApiClient } from './openapi-client.js';
import { openApiClient } from './openapi-client.js';

export interface TestApi {
  readonly client: ApiClient;
  readonly server: RunningServer;
  readonly telemetry: Telemetry;
  readonly routes: readonly { readonly method: string; readonly path: string }[];
  /** Log lines so far. */
  readonly log: Record<string, unknown>[];
  close(graceMs?: number): Promise<void>;
}

export const TOKEN = 'a-token-of-the-tests';

/** A real server on a free port over a handed-in surface. */
export async function startTestApi(
  surface: EngineSurface,
  options: Partial<ApiOptions> = {},
  serverOptions: Partial<ServerOptions> = {},
): Promise<TestApi> {
  const log: Record<string, unknown>[] = [];
  const logger: Logger = pino(
    { level: 'debug' },
    { write: (line: string) => void log.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const telemetry = createTelemetry();
  const api = createApi(surface, {
    logger,
    telemetry,
    hosts: [],
    origins: [],
    adminToken: TOKEN,
    documentBytes: 1024 * 1024,
    jsonBytes: 64 * 1024,
    requestTimeoutMs: 10_000,
    ...options,
  });
  const server = await startServer(api, { host: '127.0.0.1', port: 0, maxConnections: 64, ...serverOptions });
  return {
    client: openApiClient(server.address, openApiDocument()),
    server,
    telemetry,
    routes: api.routes,
    log,
    async close(graceMs) {
      await server.close(graceMs);
      telemetry.close();
    },
  };
}
