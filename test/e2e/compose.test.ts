import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SearchResult } from '../../src/core/schemas/query.js';
import type { Status } from '../../src/core/schemas/operations.js';
import { freePort } from '../../scripts/servers/server.js';
import { type Addresses, ComposeByHand } from '../support/compose-by-hand.js';
import type { CliResult } from '../support/cli.js';
import { endOf } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';
import { TestCluster } from '../support/kafka.js';
import { describeWith } from '../support/needs.js';
import { dropSchema } from '../support/postgres.js';
import { dropBucket } from '../support/s3.js';

/** Until what was started is healthy, or has been applied, on a machine that has other work, too. */
const PATIENCE = { timeout: 120_000, interval: 500 };

/**
 * What docker-compose.yml would run, run by hand: its services' commands and environments and the files it mounts, word for
 * word but for what a container gives: host names, ports and folders.
 */
function describeCompose(): void {
  const own = randomUUID();
  const schema = `t_${own.replaceAll('-', '')}`;
  const env = process.env;
  let place: Awaited<ReturnType<typeof temporaryFolder>>;
  let compose: ComposeByHand;
  let addresses: Addresses;
  let secret: string;

  beforeAll(async () => {
    place = await temporaryFolder();
    const documents = join(place.path, 'documents');
    await mkdir(documents);
    await writeFile(join(documents, 'crane.md'), '# Crane\n\nThe harbour crane lifts nine tons.\n');
    addresses = {
      kafka: env['KAFKA_BROKERS']!,
      postgres: new URL(env['POSTGRES_URL']!),
      s3: env['S3_ENDPOINT']!,
      qdrant: env['QDRANT_URL'],
      ports: { api: await freePort(), worker: await freePort(), connect: await freePort() },
    };
    compose = await ComposeByHand.open(place.path, {
      addresses,
      environment: {
        POSTGRES_PASSWORD: decodeURIComponent(addresses.postgres.password),
        QDRANT_API_KEY: env['QDRANT_API_KEY'] ?? 'none',
        S3_ACCESS_KEY_ID: env['S3_ACCESS_KEY_ID']!,
        S3_SECRET_ACCESS_KEY: env['S3_SECRET_ACCESS_KEY']!,
        DOCUMENTS: documents,
      },
      // The servers are others', too: what is made on them has names of its own.
      own: { schema, bucket: `test-${own}`, topics: `test-${own}`, collections: `t${own}-`, region: env['S3_REGION']! },
    });
  }, 60_000);
  afterAll(async () => {
    await compose.stop();
    await dropSchema(env['POSTGRES_URL']!, schema);
    await dropBucket(`test-${own}`);
    const cluster = await TestCluster.open(env['KAFKA_BROKERS']!);
    const topics = (await cluster.admin.listTopics()).filter((topic) => topic.startsWith(`test-${own}`));
    if (topics.length > 0) await cluster.admin.deleteTopics({ topics });
    await cluster.close();
    await place.remove();
  }, 120_000);

  /** A one-off command, to its end. */
  async function once(service: string, command?: readonly string[]): Promise<CliResult> {
    return endOf(compose.start(service, command));
  }

  describe('its jobs', () => {
    it('fetch the model', async () => {
      expect(await once('models')).toMatchObject({ code: 0, stdout: expect.stringContaining('MiniLM') as string });
    }, 240_000);

    it('make the bucket, the tables and the topics, and change nothing the second time', async () => {
      const first = await once('migrate');
      expect(first).toMatchObject({ code: 0 });
      expect(first.stdout).toMatch(/^The bucket was made\.\nReady: log \(kafka\), catalog \(postgres\), /);
      const again = await once('migrate');
      expect(again).toMatchObject({ code: 0 });
      expect(again.stdout).toMatch(/^Ready: /);
    }, 240_000);
  });

  describeWith('QDRANT_URL', 'its processes', () => {
    const running: { name: string; child: ChildProcess; ended: Promise<CliResult> }[] = [];

    function start(name: string, service: string, change?: Parameters<ComposeByHand['start']>[2]): void {
      const child = compose.start(service, undefined, change);
      running.push({ name, child, ended: endOf(child) });
    }
    async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
      const answer = await fetch(`http://127.0.0.1:${addresses.ports.api}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${secret}`, ...init.headers },
      });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as T;
    }
    const json = (method: string, value: unknown): RequestInit => ({
      method,
      body: JSON.stringify(value),
      headers: { 'content-type': 'application/json' },
    });
    const texts = async (collection: string, query: string): Promise<string[]> =>
      (await ask<SearchResult>(`/v1/collections/${collection}/search`, json('POST', { query, limit: 3 }))).hits.map(
        (hit) => hit.text,
      );

    afterAll(async () => {
      for (const { child, ended } of running) {
        child.kill('SIGKILL');
        await ended;
      }
    }, 60_000);

    it('want a key before they are served beyond loopback', async () => {
      expect(await once('api')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('footnote keys create') as string,
      });
      const scopes = ['read', 'write', 'admin'].flatMap((scope) => ['--scope', scope]);
      const made = await once('api', ['keys', 'create', ...scopes, '--principal', 'local', '--json']);
      expect(made).toMatchObject({ code: 0 });
      ({ secret } = JSON.parse(made.stdout) as { secret: string });
    }, 240_000);

    it('are healthy by the health checks of the file', async () => {
      start('api', 'api');
      start('worker 1', 'worker');
      // In a container of its own it would have the same port.
      const second = await freePort();
      start('worker 2', 'worker', { port: second });
      start('connect', 'connect');
      for (const service of ['api', 'worker', 'connect', 'qdrant']) {
        await expect.poll(() => compose.health(service), PATIENCE).toBe(0);
      }
      await expect.poll(() => compose.health('worker', { port: second }), PATIENCE).toBe(0);
      const { processes = [], warnings } = await ask<Status>('/v1/status');
      expect(processes.map(({ role }) => role).sort()).toEqual(['connect', 'serve', 'worker', 'worker']);
      expect(warnings).toEqual([]);
    }, 400_000);

    it('make what the API is given, and what lies in the folder, searchable', async () => {
      await ask('/v1/collections/notes', json('PUT', { defaultPolicy: { principals: ['local'] } }));
      const put = await ask<{ state: string }>('/v1/collections/notes/sources/api/documents/tide.md?wait=true', {
        method: 'PUT',
        body: 'The tide turns at noon.',
        headers: { 'content-type': 'text/markdown' },
      });
      expect(put).toMatchObject({ state: 'live' });
      expect((await texts('notes', 'when does the tide turn?'))[0]).toContain('turns at noon');
      const crane = () => texts('documents', 'how much does the crane lift?').catch(() => []);
      await expect.poll(crane, PATIENCE).toEqual([expect.stringContaining('nine tons')]);
    }, 300_000);

    it('have an index that verifies', async () => {
      const verified = await once('api', ['verify', '--json', '--collection', 'notes']);
      expect(verified).toMatchObject({ code: 0 });
      for (const name of ['notes', 'documents'])
        await ask(`/v1/collections/${name}`, { method: 'DELETE' }).catch(() => 0);
    }, 240_000);

    it('end in order on SIGTERM', async () => {
      for (const { child, name, ended } of running.splice(0).reverse()) {
        child.kill('SIGTERM');
        expect([name, await ended]).toEqual([name, expect.objectContaining({ code: 0, signal: null })]);
      }
      expect(await compose.health('api')).not.toBe(0);
    }, 240_000);
  });
}

describeWith('KAFKA_BROKERS', 'docker-compose.yml by hand', () =>
  describeWith('POSTGRES_URL', 'docker-compose.yml by hand', () =>
    describeWith('S3_ENDPOINT', 'docker-compose.yml by hand', () =>
      describe('docker-compose.yml by hand', describeCompose),
    ),
  ),
);
