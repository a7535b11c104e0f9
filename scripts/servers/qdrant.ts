import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, startProcess, untilReady, type ServerKind } from './server.js';

/** One node, with a key made for this run; its data stays in the directory. */
export const qdrant: ServerKind = {
  name: 'qdrant',
  variable: 'QDRANT_URL',
  async missing() {
    if (process.env['QDRANT_BIN'] !== undefined) return undefined;
    return 'QDRANT_BIN names no binary; no registry ships one, elsewhere Qdrant comes as an image';
  },
  async start(directory) {
    const [http, grpc] = [await freePort(), await freePort()];
    const apiKey = randomBytes(24).toString('hex');
    const configuration = join(directory, 'config.yaml');
    await mkdir(directory, { recursive: true });
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
      service: { host: '127.0.0.1', http_port: http, grpc_port: grpc, api_key: apiKey, enable_static_content: false },
    };
    await writeFile(configuration, JSON.stringify(settings, undefined, 2), { mode: 0o600 });
    const server = startProcess({
      command: process.env['QDRANT_BIN'] as string,
      arguments: ['--config-path', configuration, '--disable-telemetry'],
      cwd: directory,
      logFile: join(directory, 'qdrant.log'),
    });
    const url = `http://127.0.0.1:${http}`;
    try {
      await untilReady(server, async () => {
        const answer = await fetch(`${url}/readyz`);
        if (!answer.ok) throw new Error(`Qdrant answered ${answer.status}`);
      });
    } catch (error) {
      await server.stop();
      throw error;
    }
    return { environment: { QDRANT_URL: url, QDRANT_API_KEY: apiKey }, pid: server.pid, stop: () => server.stop() };
  },
};
