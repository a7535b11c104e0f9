import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SourceList, SourceView } from '../../src/core/schemas/connectors.js';
import type { Answer } from '../support/openapi-client.js';
import type { SearchResult } from '../../src/core/schemas/query.js';
import { GitRepository } from '../support/git-repository.js';
import { runCli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';
import type { ServedEngine } from '../support/served-engine.js';
import { engineConfig, serveEngine } from '../support/served-engine.js';
import type { ConfigInput } from '../../src/core/config.js';
import { openEngine } from '../../src/engine.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let served: ServedEngine | undefined;
beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder.path, 'docs'));
});
afterEach(async () => {
  await served?.close();
  served = undefined;
  await folder.remove();
});

const data = () => join(folder.path, 'data');
let stamp = 0;
async function write(name: string, text: string): Promise<void> {
  const path = join(folder.path, 'docs', name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  stamp += 60;
  await utimes(path, 1_700_000_000 + stamp, 1_700_000_000 + stamp);
}
const remove = (name: string) => rm(join(folder.path, 'docs', name));

const source = (change: Record<string, unknown> = {}): ConfigInput => ({
  sources: [
    {
      collection: 'boats',
      source: 'docs',
      connector: 'files',
      options: { paths: [join(folder.path, 'docs')] },
      everyMs: 3_600_000,
      brake: { share: 0.3, least: 2 },
      ...change,
    },
  ],
});
const at = { params: { collection: 'boats', source: 'docs' } };
const client = () => served!.client;
const list = async () => (await client().call('GET', '/v1/connectors')).body as SourceList;
const view = async (): Promise<SourceView> => (await list()).sources[0]!;
const act = (action: string): Promise<Answer> =>
  client().call('POST', `/v1/connectors/{collection}/{source}/${action}`, at);

/** Polls until it holds; the test's own time limit ends what never does. */
async function until<T>(look: () => Promise<T>, holds: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look();
    if (holds(found)) return found;
    await delay(50);
  }
}
const keys = async (): Promise<string[]> => {
  const answer = await client().call('GET', '/v1/collections/{c}/documents', { params: { c: 'boats' } });
  if (answer.status !== 200) return [];
  const { documents } = answer.body as { documents: { key: string; state: string }[] };
  return documents
    .filter(({ state }) => state === 'live')
    .map(({ key }) => key)
    .sort();
};
const reach = (wanted: readonly string[]) => until(keys, (found) => found.join() === [...wanted].sort().join());
/** The next run that began after this one has ended. */
const ran = (before: SourceView) =>
  until(view, (now) => now.state !== 'running' && now.last !== undefined && now.last.fence !== before.last?.fence);

describe('a source under a running server', () => {
  it('is read at the start, watched, and kept in step', async () => {
    await write('a.md', '# A\n\nThe anchor is heavy.\n');
    await write('deep/b.md', '# B\n\nThe buoy is red.\n');
    served = await serveEngine(data(), source({ watch: true }));
    await reach(['a.md', 'deep/b.md']);
    await until(view, ({ watch, state }) => watch === 'on' && state === 'idle');
    await write('deep/c.md', '# C\n\nThe chain is long.\n');
    await remove('a.md');
    await reach(['deep/b.md', 'deep/c.md']);
    const { last, fence, connector, failures } = await until(view, ({ state }) => state === 'idle');
    expect({ connector, failures, outcome: last?.outcome }).toEqual({ connector: 'files', failures: 0, outcome: 'ok' });
    expect(fence).toBe(last?.fence);
    expect((await list()).running).toBe(true);
  });

  it('stops before its brake, tells it, and goes on when that is confirmed', async () => {
    for (const name of ['a.md', 'b.md', 'c.md', 'd.md']) await write(name, `# ${name}\n\nText of ${name}.\n`);
    served = await serveEngine(data(), source());
    await reach(['a.md', 'b.md', 'c.md', 'd.md']);
    expect((await act('confirm')).status).toBe(409);
    for (const name of ['a.md', 'b.md', 'c.md']) await remove(name);
    const before = await until(view, ({ state }) => state === 'idle');
    const preview = await act('preview');
    expect(preview.body).toEqual([
      ...['a.md', 'b.md', 'c.md'].map((key) => ({ type: 'item', action: 'delete', key })),
      expect.objectContaining({ type: 'summary', delete: 3, unchanged: 1, stopped: expect.anything() as unknown }),
    ]);
    expect((await act('run')).status).toBe(200);
    const stopped = await ran(before);
    expect(stopped).toMatchObject({ state: 'stopped', stopped: { gone: 3, total: 4 }, last: { outcome: 'stopped' } });
    expect(stopped.stopped?.message).toContain('footnote connect confirm boats docs');
    expect(await keys()).toEqual(['a.md', 'b.md', 'c.md', 'd.md']);
    // A restart does not forget.
    await served.close();
    served = await serveEngine(data(), source());
    expect(await view()).toMatchObject({ state: 'stopped', stopped: { gone: 3 } });
    expect((await act('confirm')).status).toBe(200);
    await reach(['d.md']);
    expect((await until(view, ({ state }) => state === 'idle')).confirmed).toBeUndefined();
  });

  it('pauses, stays so over a restart, and goes on', async () => {
    await write('a.md', '# A\n\nText.\n');
    served = await serveEngine(data(), source());
    await reach(['a.md']);
    await until(view, ({ state }) => state === 'idle');
    expect((await act('pause')).body).toMatchObject({ state: 'paused' });
    expect((await act('run')).status).toBe(409);
    await write('b.md', '# B\n\nText.\n');
    await served.close();
    served = await serveEngine(data(), source());
    expect(await view()).toMatchObject({ state: 'paused' });
    expect(await keys()).toEqual(['a.md']);
    expect((await act('resume')).status).toBe(200);
    await reach(['a.md', 'b.md']);
  });

  it('waits after an error, tells it, and recovers', async () => {
    await write('a.md', '# A\n\nText.\n');
    const away = join(folder.path, 'away');
    served = await serveEngine(data(), source({ options: { paths: [join(folder.path, 'docs'), away] } }));
    const failed = await until(view, ({ state }) => state === 'waiting');
    expect(failed).toMatchObject({ failures: 1, last: { outcome: 'failed', error: { code: 'not_found' } } });
    expect(failed.nextAt).toBeDefined();
    await mkdir(away);
    await act('run');
    expect(await until(view, ({ state }) => state === 'idle')).toMatchObject({ failures: 0, last: { outcome: 'ok' } });
  });

  it('gives documents the policy of the configuration, and takes it away with the next run', async () => {
    await write('a.md', '# A\n\nThe anchor is heavy.\n');
    served = await serveEngine(data(), source({ policy: { principals: ['local'] } }));
    await reach(['a.md']);
    await served.close();
    served = await serveEngine(data(), source({ policy: { principals: ['captain'] } }));
    await reach([]);
  });
});

describe('a repository under a running server', () => {
  it('is searchable by commit, cited by permanent links to its lines', async () => {
    const repository = await GitRepository.make(join(folder.path, 'repository'));
    await repository.write('docs/a.md', '# Moorings\n\nFirst.\n\nThe shackle is galvanised.\n');
    await repository.write('docs/b.md', '# Other\n\nNothing here.\n');
    const first = await repository.commit();
    const git = source({
      connector: 'git',
      options: { url: repository.path, web: 'https://github.com/o/r', include: ['docs/**'] },
    });
    served = await serveEngine(data(), git);
    await reach(['docs/a.md', 'docs/b.md']);
    const cited = async () => {
      const call = { params: { c: 'boats' }, json: { query: 'galvanised', mode: 'lexical' } };
      const answer = await client().call('POST', '/v1/collections/{c}/search', call);
      return (answer.body as SearchResult).hits.map(({ citation }) => citation.uri);
    };
    expect(await cited()).toEqual([`https://github.com/o/r/blob/${first}/docs/a.md?plain=1#L1-L5`]);
    await repository.remove('docs/b.md');
    const second = await repository.commit();
    const before = await until(view, ({ state }) => state === 'idle');
    await act('run');
    const { cursor, last } = await ran(before);
    expect(cursor).toMatchObject({ commit: second });
    expect(last?.counts).toMatchObject({ sent: 0, deleted: 1, unchanged: 0 });
    await reach(['docs/a.md']);
    expect(await cited()).toEqual([`https://github.com/o/r/blob/${first}/docs/a.md?plain=1#L1-L5`]);
  });
});

describe('sources and other processes', () => {
  it('are the business of one tenant, and only of configured names', async () => {
    served = await serveEngine(data(), source({ tenant: 'others' }));
    expect((await list()).sources).toEqual([]);
    expect((await act('run')).status).toBe(404);
  });

  it('are run once by the command line, which tells what came of it', async () => {
    await write('a.md', '# A\n\nText.\n');
    await writeFile(
      join(folder.path, 'footnote.yaml'),
      JSON.stringify({ embedding: { model: 'test-hash' }, ...source({ options: { paths: ['./docs'] } }) }),
    );
    const cli = (...args: string[]) => runCli([...args, '--data', data()], { cwd: folder.path });
    const dry = await cli('connect', '--dry-run');
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining('1 read, 0 delete')]);
    const once = await cli('connect', '--once');
    expect([once.code, once.stdout]).toEqual([0, 'boats docs: idle, last run ok: 1 sent\n']);
    const status = JSON.parse((await cli('connect', 'status', '--json')).stdout) as SourceList;
    expect(status).toMatchObject({ running: false, sources: [{ state: 'idle', last: { counts: { sent: 1 } } }] });
    expect((await cli('connect', 'confirm', 'boats', 'docs')).code).toBe(1);
    expect((await cli('connect', 'pause', 'boats', 'nope')).code).toBe(1);
  });

  it('are refused with the path of what is wrong', async () => {
    const refused = openEngine(engineConfig(data(), source({ options: { paths: [], nope: 1 }, watch: true })));
    await expect(refused).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringMatching(
        /sources\.0\.options\.paths: .*sources\.0\.options\.nope: is not a known setting/s,
      ) as string,
    });
    await expect(openEngine(engineConfig(data(), source({ connector: 'gopher' })))).rejects.toMatchObject({
      message: expect.stringContaining('sources.0.connector: there is no connector gopher: one of files') as string,
    });
  });
});
