import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/core/schemas/jobs.js';
import type { CanonicalChunk } from '../../src/core/schemas/operations.js';
import type { SearchResult } from '../../src/core/schemas/query.js';
import { runCli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';
import { ingest } from '../support/ingest.js';
import type { SmallDisk } from '../support/mounts.js';
import { canMount, readOnlyView, smallDisk } from '../support/mounts.js';
import type { ServedEngine } from '../support/served-engine.js';
import { serveEngine } from '../support/served-engine.js';

const DOCUMENTS = 12;
const text = (n: number) => `# Note ${n}\n\n${`Of metal ${n}, at length and in many words. `.repeat(400)}\n`;

describe.skipIf(!(await canMount()))('the engine on a disk of its own (needs the right to mount)', () => {
  let disk: SmallDisk;
  let docs: Awaited<ReturnType<typeof temporaryFolder>>;
  let served: ServedEngine;
  let reach: (point: string) => void = () => undefined;
  beforeEach(async () => {
    [disk, docs] = await Promise.all([smallDisk(48), temporaryFolder()]);
    for (let n = 0; n < DOCUMENTS; n += 1) await writeFile(join(docs.path, `${n}.md`), text(n));
    served = await serveEngine(join(disk.path, 'data'), {}, { faults: { reach: async (point) => reach(point) } });
    await served.in('c')('PUT', '', { json: {} });
  });
  afterEach(async () => {
    reach = () => undefined;
    disk.free();
    await served.close();
    await Promise.all([disk.remove(), docs.remove()]);
  });

  const call = (...args: Parameters<ReturnType<ServedEngine['in']>>) => served.in('c')(...args);
  const put = (key: string, body: string, wait: 'true' | 'false') =>
    call('PUT', '/sources/{source}/documents/{key}', {
      params: { source: 'api', key },
      query: { wait },
      headers: { 'content-type': 'text/markdown' },
      body,
    });
  const search = async (query: string) =>
    ((await call('POST', '/search', { json: { query, mode: 'lexical' } })).body as SearchResult).hits;
  /** What a clean engine with the same documents would dump, in a form that ids of collections do not matter to. */
  const dump = async () => (await call('GET', '/export')).body as CanonicalChunk[];
  const sound = async () => {
    const lines = (await call('POST', '/verify', {})).body as { type: string }[];
    expect(lines.at(-1)).toMatchObject({ type: 'summary', ok: true, problems: 0 });
  };

  it('that is full refuses writes by name, answers still, and goes on by itself when there is space', async () => {
    await put('first', 'Of copper.', 'true');
    disk.fill();
    const refused = await put('second', text(99), 'true');
    expect(refused.body).toMatchObject({ status: 507, code: 'disk_full' });
    expect((refused.body as { detail: string }).detail).toMatch(/free/);
    expect(await search('copper')).toMatchObject([{ key: 'first' }]);
    await expect(ingest(served.engine, 'c', docs.path)).rejects.toMatchObject({ code: 'disk_full' });
    disk.free();
    expect((await put('second', text(99), 'true')).body).toMatchObject({ state: 'live' });
    const { summary } = await ingest(served.engine, 'c', docs.path);
    expect(summary.failed).toBe(0);
    expect((await ingest(served.engine, 'c', docs.path)).summary).toMatchObject({ unchanged: DOCUMENTS, embedded: 0 });
    expect((await search('metal 7')).length).toBeGreaterThan(0);
    await sound();
  });

  it.each(['apply:parsed', 'apply:embedded', 'apply:points-written', 'consume:applied'])(
    'that fills up at %s keeps an accepted write waiting, and applies it when there is space',
    async (at) => {
      await put('first', 'Of copper.', 'true');
      reach = (point) => {
        if (point !== at) return;
        reach = () => undefined;
        disk.fill();
      };
      const accepted = await put('second', text(1), 'false');
      expect(accepted.status).toBe(202);
      const { job } = accepted.body as { job: JobView };
      await delay(1500);
      expect(await search('copper')).toMatchObject([{ key: 'first' }]);
      disk.free();
      for (;;) {
        const now = (await served.client.call('GET', '/v1/jobs/{id}', { params: { id: job.id } })).body as JobView;
        if (now.state === 'succeeded') break;
        expect(['queued', 'running']).toContain(now.state);
        await delay(50);
      }
      expect(await search('metal 1')).not.toEqual([]);
      const before = await dump();
      await sound();
      await served.close();
      served = await serveEngine(join(disk.path, 'data'));
      expect(await dump()).toEqual(before);
      expect(await served.engine.surface.status(served.engine.caller, AbortSignal.timeout(5000))).toMatchObject({
        collections: { c: { documents: { live: 2, pending: 0, failed: 0 }, lag: 0, deadLetters: 0 } },
      });
    },
  );

  it('that is read-only is refused with what to look at', async () => {
    await put('first', 'Of copper.', 'true');
    await served.close();
    const view = await readOnlyView(disk.path);
    try {
      for (const command of [['status'], ['serve', '--port', '0'], ['search', 'copper', '--collection', 'c']]) {
        const result = await runCli([...command, '--data', join(view.path, 'data'), '--json'], { cwd: docs.path });
        expect(result, command[0]).toMatchObject({ code: 1, stdout: '' });
        expect(JSON.parse(result.stderr), command[0]).toMatchObject({
          error: { code: 'read_only', message: expect.stringMatching(/permissions and mount/) as string },
        });
      }
    } finally {
      await view.remove();
    }
  });
});
