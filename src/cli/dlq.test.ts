import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOKEN, startTestApi, type TestApi } from '../../test/support/api.js';
import { runCli } from '../../test/support/cli.js';
import { fakeSurface } from '../../test/support/fake-surface.js';
import { temporaryFolder } from '../../test/support/fixtures.js';
import { writeServerFile } from '../api/server-file.js';
import { FootnoteError } from '../core/errors.js';

describe('letters that a newer state settles while all are worked on', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let api: TestApi;
  const run = (...args: string[]) => runCli(['dlq', ...args, '--collection', 'demo'], { cwd: folder.path });
  const settled = (id: string): FootnoteError => new FootnoteError('not_found', `There is no dead letter ${id}.`);

  beforeAll(async () => {
    folder = await temporaryFolder();
    const { dlq } = fakeSurface();
    const letter = await dlq.get({ tenant: 'default', principals: [] }, 'demo', 'd-1', new AbortController().signal);
    const surface = fakeSurface({
      dlq: {
        ...dlq,
        list: async () => ({ deadLetters: ['d-1', 'd-2'].map((id) => ({ ...letter, id })) }),
        async replay(_, __, id) {
          if (id === 'd-1') throw settled(id);
          return { id, outcome: 'replayed' };
        },
        async drop(_, __, id) {
          if (id === 'd-1') throw settled(id);
        },
      },
    });
    api = await startTestApi(surface);
    await mkdir(join(folder.path, 'data'));
    await writeFile(join(folder.path, 'footnote.yaml'), 'data: data\n');
    await writeServerFile(join(folder.path, 'data'), {
      address: api.server.address,
      token: TOKEN,
      pid: process.pid,
      startedAt: new Date().toISOString(),
    });
  });
  afterAll(async () => {
    await api.close(0);
    await folder.remove();
  });

  it('are told as superseded, and the others are replayed', async () => {
    const { code, stdout } = await run('replay', '--all', '--json');
    expect({ code, ...(JSON.parse(stdout) as object) }).toEqual({
      code: 0,
      results: [
        { id: 'd-1', outcome: 'superseded' },
        { id: 'd-2', outcome: 'replayed' },
      ],
    });
  });

  it('are nothing to drop, and the others are dropped', async () => {
    expect(await run('drop', '--all')).toMatchObject({ code: 0, stdout: 'Dropped 1 dead letter.\n' });
  });

  it('are an error where one was asked for by its id', async () => {
    const { code, stderr } = await run('replay', 'd-1');
    expect(code).toBe(1);
    expect(stderr).toContain('no dead letter d-1');
  });
});
