import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, startProcess, untilReady, type ServerKind } from './server.js';

interface Service {
  readonly http_port: number;
  readonly grpc_port: number;
  readonly api_key: string;
}

/** One node. Ports, key and data stay when the folder has been used before. */
export const qdrant: ServerKind = {
  name: 'qdrant',
  variable: 'QDRANT_URL',
  async missing() {
    if (process.env['QDRANT_BIN'] !== undefined) return undefined;
    return 'QDRANT_BIN names no binary; no registry ships one, elsewhere Qdrant comes as an image';
  },
  async start(directory) {
    const configuration = join(directory, 'config.yaml');
    await mkdir(directory, { recursive: true });
    const known = await readFile(configuration, 'utf8').catch(() => undefined);
    const { http_port, grpc_port, api_key }: Service = known
      ? (JSON.parse(known) as { service: Service }).service
      : {
          http_port: await freePort(),
          grpc_port: await freePort(),
          api_key: randomBytes(24).toString('hex'),
        };
    // JSON is YAML.
    const settings = {
      log_level: 'WARN',
      telemetry_disabled: true,
      storage: {
        storage_path: join(directory, 'storage'),
        snapshots_path: join(directory, 'snapshots'),
        // Small segments and logs: collections come and go in tests.
        wal: { wal_capacity_mb: 1 },
        optimizers: { default_segment_number: 2 },
      },
      service: { host: '127.0.0.1', http_port, grpc_port, api_key, enable_static_content: false },
    };
    await writeFile(configuration, JSON.stringify(settings, undefined, 2), { mode: 0o600 });
    const server = startProcess({
      command: process.env['QDRANT_BIN'] as string,
      arguments: ['--config-path', configuration, '--disable-telemetry'],
      cwd: directory,
      logFile: join(directory, 'qdrant.log'),
    });
    const url = `http://127.0.0.1:${http_port}`;
    try {
      await untilReady(server, async () => {
        const answer = await fetch(`${url}/readyz`);
        if (!answer.ok) throw new Error(`Qdrant answered ${answer.status}`);
      });
    } catch (error) {
      await server.stop();
      throw error;
    }
    return { environment: { QDRANT_URL: url, QDRANT_API_KEY: api_key }, pid: server.pid, stop: () => server.stop() };
  },
};
