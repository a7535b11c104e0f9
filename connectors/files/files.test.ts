import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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

describe('what connector files leaves out', () => {
  const keysOf = (changes: readonly SourceChange[]) =>
    changes.flatMap((change) => (change.kind === 'item' ? [change.key] : []));
  async function read(options: Record<string, unknown> = {}): Promise<SourceChange[]> {
    return allOf(files.read(files.config.parse({ paths: [dir], ...options }), readContext()));
  }
  async function write(name: string, text = 'x'): Promise<void> {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }

  it('goes by globs, and does not enter what they exclude', async () => {
    for (const name of ['a.md', 'b.txt', 'drafts/c.md', 'deep/drafts/d.md', 'deep/e.md']) await write(name);
    expect(keysOf(await read({ include: ['**/*.md'], exclude: ['drafts/**'] }))).toEqual([
      'a.md',
      'deep/drafts/d.md',
      'deep/e.md',
    ]);
    expect(keysOf(await read({ exclude: ['**/drafts'] }))).toEqual(['a.md', 'b.txt', 'deep/e.md']);
  });

  it('goes by ignore files, the deepest first', async () => {
    for (const name of ['a.log', 'b.md', 'out/c.md', 'sub/a.log', 'sub/keep.log', 'sub/deep/b.md', 'sub/x/y.md']) {
      await write(name);
    }
    await write('.gitignore', '*.log\n/out/\n');
    await write('sub/.gitignore', '!keep.log\n/deep/\n');
    await write('sub/.footnoteignore', 'x/*\n');
    expect(keysOf(await read())).toEqual(['b.md', 'sub/keep.log']);
    expect(keysOf(await read({ ignoreFiles: ['.footnoteignore'] }))).not.toContain('sub/x/y.md');
    expect(keysOf(await read({ ignoreFiles: [] }))).toHaveLength(7);
  });

  it('follows links inside, and others only when told', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'footnote-files-'));
    try {
      await writeFile(join(outside, 'secret.md'), 'x');
      await write('real/a.md');
      await symlink(join(dir, 'real'), join(dir, 'alias'));
      await symlink(outside, join(dir, 'away'));
      await symlink(join(outside, 'secret.md'), join(dir, 'link.md'));
      expect(keysOf(await read())).toEqual(['alias/a.md', 'real/a.md']);
      expect(keysOf(await read({ links: 'skip' }))).toEqual(['real/a.md']);
      expect(keysOf(await read({ links: 'follow' }))).toEqual(['alias/a.md', 'away/secret.md', 'link.md', 'real/a.md']);
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  it('says what it could not look into, and that what lies below stays', async () => {
    await write('a.md');
    await symlink(join(dir, 'not-mounted'), join(dir, 'mount'));
    const problems = (await read()).filter(({ kind }) => kind === 'problem');
    expect(problems).toMatchObject([{ key: 'mount', prefix: 'mount/', code: 'unavailable' }]);
  });

  it('refuses an ignore file that it cannot read, rather than reading what it hides', async () => {
    await write('a.md');
    await mkdir(join(dir, '.gitignore'));
    expect(keysOf(await read())).toEqual(['a.md']);
    await rm(join(dir, '.gitignore'), { recursive: true });
    await write('.gitignore', '#'.repeat(1024 * 1024 + 1));
    await expect(read()).rejects.toMatchObject({ code: 'unavailable' });
  });
});
