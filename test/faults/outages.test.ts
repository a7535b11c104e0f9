import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kafka } from '../../scripts/servers/kafka.js';
import { postgres } from '../../scripts/servers/postgres.js';
import { qdrant } from '../../scripts/servers/qdrant.js';
import { s3 } from '../../scripts/servers/s3.js';
import type { RunningServer, ServerKind } from '../../scripts/servers/server.js';
import type { CanonicalChunk } from '../../src/core/schemas/operations.js';
import { temporaryFolder } from '../support/fixtures.js';
import { describeWith } from '../support/needs.js';
import type { ServedEngine } from '../support/served-engine.js';
import { serveEngine } from '../support/served-engine.js';
import { serverStores } from '../support/stores.js';

const DOCUMENTS = 40;
const TRIES = 300;

type Store = 'log' | 'catalog' | 'blobs' | 'vectors';

/** By the check of `/readyz` that tells of it. Vectors are in Qdrant where a binary of it is named, else embedded. */
const KINDS: Readonly<Partial<Record<Store, ServerKind>>> = {
  log: kafka,
  catalog: postgres,
  blobs: s3,
  ...(process.env['QDRANT_BIN'] === undefined ? {} : { vectors: qdrant }),
};
const STORES = Object.keys(KINDS) as Store[];

const text = (n: number, round: number) => `# Buoy ${n}\n\nThe lamp of buoy ${n} was lit ${round} times.\n`;

/** What is written, in order; the end of each document is the last of its lines. */
const WRITES = [
  ...Array.from({ length: DOCUMENTS }, (_, n) => ({ n, round: 1 })),
  ...Array.from({ length: DOCUMENTS / 2 }, (_, n) => ({ n: 2 * n, round: 2 })),
  ...Array.from({ length: DOCUMENTS / 4 }, (_, n) => ({ n: 4 * n, round: 0 })),
];

describeWith('KAFKA_BROKERS', 'outages', () =>
  describeWith('POSTGRES_URL', 'outages', () => describeWith('S3_ENDPOINT', 'outages', () => outages())),
);

function outages(): void {
  describe('while a server is away', () => {
    let place: Awaited<ReturnType<typeof temporaryFolder>>;
    let served: ServedEngine;
    let call: ReturnType<ServedEngine['in']>;
    const running = new Map<string, RunningServer>();
    const start = async (name: Store): Promise<void> => {
      const folder = join(place.path, name);
      await mkdir(folder, { recursive: true, mode: 0o755 });
      running.set(name, await KINDS[name]!.start(folder));
    };

    beforeAll(async () => {
      place = await temporaryFolder();
      await chmod(place.path, 0o755);
      await Promise.all(STORES.map(start));
      const environment = Object.assign(
        {},
        ...[...running.values()].map((each) => each.environment),
      ) as NodeJS.ProcessEnv;
      const stores = serverStores(environment);
      served = await serveEngine(join(place.path, 'data'), {
        ingest: { partitions: 4 },
        stores,
        log: { level: 'error' },
      });
      call = served.in('buoys');
      await call('PUT', '', { json: {} });
    });
    afterAll(async () => {
      await served.close();
      await Promise.all([...running.values()].map((server) => server.stop()));
      await place.remove();
    });

    /** As a client does it: until it is accepted. @returns refusals on the way, by code */
    async function write(to: ServedEngine, { n, round }: (typeof WRITES)[number]): Promise<string[]> {
      const url = `${to.url}/v1/collections/buoys/sources/api/documents/buoy-${n}.md`;
      const refused: string[] = [];
      for (let attempt = 0; attempt < TRIES; attempt += 1) {
        const answer = await fetch(url, {
          method: round === 0 ? 'DELETE' : 'PUT',
          ...(round === 0 ? {} : { headers: { 'content-type': 'text/markdown' }, body: text(n, round) }),
        });
        if (answer.status < 300) return refused;
        // Deleted before the answer to the first try was lost.
        if (answer.status === 404 && round === 0 && refused.length > 0) return refused;
        const problem = (await answer.json()) as { code: string };
        if (answer.status !== 503) throw new Error(`${answer.status}: ${JSON.stringify(problem)}`);
        refused.push(problem.code);
        await sleep(200);
      }
      throw new Error(`buoy-${n} was not accepted: ${[...new Set(refused)].join()}`);
    }

    const ready = async (): Promise<{ ready: boolean; checks: Record<string, { ok: boolean }> }> =>
      (await (await fetch(`${served.url}/readyz`)).json()) as Awaited<ReturnType<typeof ready>>;
    const becomes = (wanted: boolean) =>
      expect.poll(async () => (await ready()).ready, { timeout: 90_000, interval: 250 }).toBe(wanted);

    it('waits, says so, and goes on; nothing that was accepted is lost', async () => {
      const refused: string[] = [];
      const share = Math.ceil(WRITES.length / STORES.length);
      for (const [i, name] of STORES.entries()) {
        const writing = (async () => {
          for (const each of WRITES.slice(i * share, (i + 1) * share)) {
            refused.push(...(await write(served, each)));
            await sleep(30);
          }
        })();
        // A failure is told where it is awaited.
        writing.catch(() => undefined);
        await sleep(300);
        // Without a chance to write anything to its disk.
        if (name === 'vectors') process.kill(running.get(name)!.pid, 'SIGKILL');
        await running.get(name)!.stop();
        await becomes(false);
        expect((await ready()).checks[name]).toMatchObject({ ok: false });
        // Who may read metrics stands in the catalog.
        if (name !== 'catalog') {
          const metrics = await (await fetch(`${served.url}/metrics`)).text();
          expect(metrics).toMatch(/^footnote_stores_away 1$/m);
        }
        expect(
          (await served.engine.surface.status(served.engine.caller, new AbortController().signal)).stores,
        ).toMatchObject({
          [name]: { ok: false },
        });
        await start(name);
        await becomes(true);
        await writing;
      }
      expect(refused.every((code) => code === 'unavailable')).toBe(true);
      await expect.poll(() => served.engine.pending(), { timeout: 120_000, interval: 250 }).toBe(0);

      // The same writes, on stores that were never away.
      const clean = await serveEngine(join(place.path, 'clean'));
      await clean.in('buoys')('PUT', '', { json: {} });
      for (const each of WRITES) await write(clean, each);
      await expect.poll(() => clean.engine.pending(), { interval: 100, timeout: 60_000 }).toBe(0);
      const dump = async (of: ServedEngine) => (await of.in('buoys')('GET', '/export')).body as CanonicalChunk[];
      expect(await dump(served)).toEqual(await dump(clean));
      await clean.close();
      const counts = (await served.engine.surface.status(served.engine.caller, new AbortController().signal))
        .collections['buoys'];
      expect(counts).toMatchObject({ documents: { live: DOCUMENTS * 0.75, failed: 0 }, deadLetters: 0 });
    }, 600_000);
  });
}
