import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SourceChange } from '../../src/core/ports/connector.js';
import { allOf, readContext } from '../../test/support/connector.js';
import { files } from './index.js';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'footnote-files-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

async function list(...paths: string[]): Promise<SourceChange[]> {
  const changes: SourceChange[] = [];
  for await (const change of files.read(files.config.parse({ paths }), readContext())) changes.push(change);
  return changes.filter(({ kind }) => kind !== 'scopes');
}

describe('connector files', () => {
  it('lists a folder in order, without hidden files and machinery', async () => {
    await mkdir(join(dir, 'b/node_modules'), { recursive: true });
    await writeFile(join(dir, 'b/node_modules/x.md'), 'x');
    await writeFile(join(dir, 'b/ü.md'), 'x');
    await writeFile(join(dir, 'a#%.md'), 'x');
    await writeFile(join(dir, '.hidden.md'), 'x');
    const changes = await list(dir);
    expect(changes.map((change) => ('key' in change ? change.key : change.kind))).toEqual([
      'a#%.md',
      'b/ü.md',
      'complete',
    ]);
    expect(changes[0]).toMatchObject({ kind: 'item', scope: dir, bytes: 1, fresh: true, quick: { size: 1 } });
  });

  it('ends on a loop of links and reports broken ones', async () => {
    await mkdir(join(dir, 'a'));
    await symlink(dir, join(dir, 'a/loop'));
    await symlink(join(dir, 'nothing'), join(dir, 'broken'));
    await writeFile(join(dir, 'a/x.md'), 'x');
    const changes = await list(dir);
    expect(changes.map((change) => change.kind)).toEqual(['item', 'problem', 'complete']);
  });

  it('says which path is missing and which keys collide', async () => {
    await expect(list(join(dir, 'none'))).rejects.toMatchObject({ code: 'not_found' });
    await mkdir(join(dir, 'a'));
    await mkdir(join(dir, 'b'));
    await writeFile(join(dir, 'a/x.md'), 'x');
    await writeFile(join(dir, 'b/x.md'), 'x');
    await expect(list(join(dir, 'a'), join(dir, 'b'))).rejects.toMatchObject({ code: 'conflict' });
  });

  it('stops when asked', async () => {
    await writeFile(join(dir, 'x.md'), 'x');
    const read = files.read(files.config.parse({ paths: [dir] }), readContext({ signal: AbortSignal.abort() }));
    await expect(allOf(read)).rejects.toMatchObject({ code: 'cancelled' });
  });
});
