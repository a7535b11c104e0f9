import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { JobView } from '../../src/core/schemas/jobs.js';
import type { Status } from '../../src/core/schemas/operations.js';
import type { SearchResult } from '../../src/core/schemas/query.js';
import type { SourceList } from '../../src/core/schemas/connectors.js';
import { endOf, runCli, startCli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';
import { describeWith } from '../support/needs.js';
import { serverStores } from '../support/stores.js';

/** A process that was killed counts as dead after 12 seconds, and its source's lease ends after 30. */
const HANDOVER_MS = 60_000;
const SOURCES = ['north', 'south', 'east'];

interface Started {
  readonly child: ChildProcess;
  readonly url: string | undefined;
  readonly ended: ReturnType<typeof endOf>;
}

function describeProcesses(): void {
  describe('serve, workers and connect as processes of their own', () => {
    let place: Awaited<ReturnType<typeof temporaryFolder>>;
    const running = new Map<string, Started>();
    const below = (...parts: string[]): string => join(place.path, ...parts);

    /** Ready when it has told so in a line of JSON, with its address where it has one. */
    async function start(name: string, ...args: string[]): Promise<Started> {
      const child = startCli([...args, '--json'], { cwd: place.path });
      const ended = endOf(child);
      const lines = createInterface({ input: child.stdout! });
      const told = (async () => {
        for (;;) {
          const [line] = (await once(lines, 'line')) as [string];
          const { url } = JSON.parse(line) as { url?: string };
          if (url !== undefined) return url;
        }
      })();
      const url = await Promise.race([told, ended]);
      if (typeof url !== 'string') throw new Error(`${name} ended: ${url.stderr}`);
      const started = { child, url, ended };
      running.set(name, started);
      return started;
    }
    async function kill(name: string, signal: NodeJS.Signals): Promise<Awaited<ReturnType<typeof endOf>>> {
      const { child, ended } = running.get(name)!;
      running.delete(name);
      child.kill(signal);
      return ended;
    }
    async function ask<T>(path: string, init: { method?: string; json?: unknown; text?: string } = {}): Promise<T> {
      const answer = await fetch(`${running.get('serve')!.url}${path}`, {
        method: init.method ?? (init.json === undefined ? 'GET' : 'POST'),
        ...(init.json === undefined
          ? {}
          : { body: JSON.stringify(init.json), headers: { 'content-type': 'application/json' } }),
        ...(init.text === undefined ? {} : { body: init.text, headers: { 'content-type': 'text/plain' } }),
      });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as T;
    }
    const status = () => ask<Status>('/v1/status');
    const documents = async () => (await status()).collections['harbour']?.documents;
    const search = async (query: string) =>
      (await ask<SearchResult>('/v1/collections/harbour/search', { json: { query, mode: 'lexical' } })).hits;
    const put = (source: string, name: string, text: string) => writeFile(below('docs', source, name), text);

    beforeAll(async () => {
      place = await temporaryFolder();
      const sources = SOURCES.map((source) => ({
        connector: 'files',
        collection: 'harbour',
        source,
        everyMs: 2000,
        watch: false,
        options: { paths: [`./docs/${source}`] },
      }));
      await writeFile(
        below('footnote.yaml'),
        stringify({
          data: './data',
          ingest: { partitions: 6 },
          stores: serverStores(),
          embedding: { model: 'test-hash' },
          log: { level: 'silent' },
          collections: [{ name: 'harbour', defaultPolicy: { principals: ['local'] } }],
          sources,
        }),
      );
      for (const source of SOURCES) {
        await mkdir(below('docs', source), { recursive: true });
        for (let n = 0; n < 20; n += 1)
          await put(source, `${n}.md`, `# Berth ${n}\n\nThe ${source} berth ${n} is dry.\n`);
      }
    }, 60_000);
    afterAll(async () => {
      await Promise.all([...running.keys()].map((name) => kill(name, 'SIGTERM')));
      await place.remove();
    }, 60_000);

    it('bring what the sources hold into an index that is served', async () => {
      await start('serve', 'serve', '--port', '0');
      expect((await status()).warnings).toEqual([expect.stringContaining('footnote worker')]);
      for (const n of [1, 2, 3]) await start(`worker ${n}`, 'worker', '--port', '0');
      for (const n of [1, 2]) await start(`connect ${n}`, 'connect', '--port', '0');
      await expect.poll(documents, { timeout: 60_000, interval: 500 }).toMatchObject({ live: 60, pending: 0 });
      const told = await status();
      expect(told.processes!.map(({ role }) => role).sort()).toEqual([
        'connect',
        'connect',
        'serve',
        'worker',
        'worker',
        'worker',
      ]);
      expect(told.warnings).toEqual([]);
      expect((await search('north berth dry'))[0]).toMatchObject({ source: 'north' });
      for (const name of ['worker 1', 'connect 1']) {
        const { url } = running.get(name)!;
        expect((await fetch(`${url}/readyz`)).status).toBe(200);
        expect(await (await fetch(`${url}/metrics`)).text()).toContain('footnote_searchable_seconds_count');
        expect((await fetch(`${url}/v1/collections`)).status).toBe(404);
      }
    }, 180_000);

    it('answer a write when another process has applied it', async () => {
      const answer = await ask<{ state: string; chunks: number }>(
        '/v1/collections/harbour/sources/api/documents/tide?wait=true',
        { method: 'PUT', text: 'The tide is out.' },
      );
      expect(answer).toMatchObject({ state: 'live' });
      expect((await search('tide out'))[0]).toMatchObject({ key: 'tide' });
    });

    it('tell of the sources that others keep, and pause and run them', async () => {
      const { running: kept, sources } = await ask<SourceList>('/v1/connectors');
      expect(kept).toBe(true);
      expect(sources.map(({ last }) => last?.outcome)).toEqual(['ok', 'ok', 'ok']);
      await ask('/v1/connectors/harbour/east/pause', { method: 'POST' });
      const states = async () =>
        (await ask<SourceList>('/v1/connectors')).sources.map(({ source, state }) => [source, state]);
      expect(await states()).toContainEqual(['east', 'paused']);
      await put('east', '0.md', '# Berth 0\n\nThe east berth is flooded.\n');
      await put('north', '0.md', '# Berth 0\n\nThe north berth is flooded.\n');
      const flooded = async () => new Set((await search('flooded')).map(({ source }) => source));
      await expect.poll(flooded, { timeout: 30_000, interval: 500 }).toEqual(new Set(['north']));
      await ask('/v1/connectors/harbour/east/resume', { method: 'POST' });
      await expect.poll(flooded, { timeout: 30_000, interval: 500 }).toEqual(new Set(['north', 'east']));
    }, 90_000);

    it('go on when a worker and a connector die', async () => {
      await Promise.all([kill('worker 1', 'SIGKILL'), kill('connect 1', 'SIGKILL')]);
      for (const source of SOURCES) {
        await put(source, 'new.md', `# New\n\nA crane stands at the ${source} berth.\n`);
        await rm(below('docs', source, '1.md'));
      }
      const cranes = async () => new Set((await search('crane stands')).map(({ source }) => source));
      await expect.poll(cranes, { timeout: HANDOVER_MS, interval: 500 }).toEqual(new Set(SOURCES));
      // 60 and a written one; three came, three went.
      await expect.poll(documents, { timeout: HANDOVER_MS, interval: 500 }).toMatchObject({ live: 61, pending: 0 });
      await expect
        .poll(async () => (await status()).processes!.length, { timeout: HANDOVER_MS, interval: 500 })
        .toBe(4);
    }, 200_000);

    it('reindex in a worker, and serve the new generation', async () => {
      const before = await ask<{ generation: string }>('/v1/collections/harbour/release');
      const job = await ask<JobView>('/v1/collections/harbour/reindex', {
        json: { chunker: { targetTokens: 64 }, switch: true },
      });
      const state = async () => (await ask<JobView>(`/v1/jobs/${job.id}`)).state;
      await expect.poll(state, { timeout: 60_000, interval: 500 }).toBe('succeeded');
      expect((await ask<{ generation: string }>('/v1/collections/harbour/release')).generation).not.toBe(
        before.generation,
      );
      expect(new Set((await search('crane stands')).map(({ source }) => source))).toEqual(new Set(SOURCES));
    }, 90_000);

    it('delete a collection that others follow, and make it anew', async () => {
      const pier = '/v1/collections/pier';
      for (const text of ['The first pier is wooden.', 'The second pier is stone.']) {
        await ask(pier, { method: 'PUT', json: {} });
        const put = `${pier}/sources/api/documents/pier?wait=true`;
        expect(await ask(put, { method: 'PUT', text })).toMatchObject({ state: 'live' });
        const { hits } = await ask<SearchResult>(`${pier}/search`, { json: { query: 'pier', mode: 'lexical' } });
        expect(hits.map((hit) => hit.text)).toEqual([text]);
        const gone = await fetch(`${running.get('serve')!.url}${pier}`, { method: 'DELETE' });
        expect(gone.ok).toBe(true);
        await expect(ask(`${pier}/search`, { json: { query: 'pier' } })).rejects.toThrow(/404/);
      }
    }, 120_000);

    it('have an index that verifies, and end when they are told to', async () => {
      const verified = await runCli(['verify', '--json'], { cwd: place.path });
      expect(verified.stderr).toBe('');
      expect(verified.code).toBe(0);
      for (const name of [...running.keys()].filter((each) => each !== 'serve'))
        expect(await kill(name, 'SIGTERM')).toMatchObject({ code: 0 });
      await expect
        .poll(async () => (await status()).processes!.map(({ role }) => role), { timeout: 10_000 })
        .toEqual(['serve']);
      // A command finds no worker: it applies changes itself.
      const ingested = await runCli(
        ['ingest', './docs/north', '--collection', 'harbour', '--source', 'by-hand', '--json', '--data', './other'],
        { cwd: place.path },
      );
      expect(ingested.code).toBe(0);
      expect(await kill('serve', 'SIGTERM')).toMatchObject({ code: 0 });
    }, 120_000);
  });
}

describeWith('KAFKA_BROKERS', 'processes on servers', () =>
  describeWith('POSTGRES_URL', 'processes on servers', () =>
    describeWith('S3_ENDPOINT', 'processes on servers', () =>
      describeWith('QDRANT_URL', 'processes on servers', describeProcesses),
    ),
  ),
);
