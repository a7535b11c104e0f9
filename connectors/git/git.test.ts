import { chmod, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReadContext, SourceChange } from '../../src/core/ports/connector.js';
import { allOf, readContext } from '../../test/support/connector.js';
import { temporaryFolder } from '../../test/support/fixtures.js';
import { GitRepository } from '../../test/support/git-repository.js';
import { addressOf } from './config.js';
import { git } from './index.js';
import { permalinks } from './links.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let repository: GitRepository;
beforeEach(async () => {
  folder = await temporaryFolder();
  repository = await GitRepository.make(join(folder.path, 'repository'));
});
afterEach(() => folder.remove());

type Item = Extract<SourceChange, { kind: 'item' }>;
const own = () => join(folder.path, 'own');

/** One read: its changes in short, the contents of its items, and its cursor. */
async function read(options: Record<string, unknown> = {}, context: Partial<ReadContext> = {}) {
  const config = git.config.parse({ url: repository.path, ...options });
  const told: string[] = [];
  const texts: Record<string, string> = {};
  const items: Item[] = [];
  let cursor: unknown;
  for await (const change of git.read(config, readContext({ folder: own(), ...context }))) {
    if (change.kind === 'checkpoint') cursor = change.cursor;
    else told.push('key' in change ? `${change.kind} ${change.key}` : change.kind);
    if (change.kind !== 'item') continue;
    items.push(change);
    texts[change.key] = Buffer.concat((await allOf(change.open())) as Buffer[]).toString();
  }
  return { told, texts, items, cursor: cursor as NonNullable<ReadContext['from']> };
}

describe('connector git', () => {
  it('reads plain files only, of any name, at the commit', async () => {
    await repository.write('a #?%ü 漢.md', 'A');
    await repository.write('-b.md', 'B');
    await repository.write('deep/er/c.md', 'C'.repeat(300_000));
    await repository.write('empty.md', '');
    await symlink('/etc/passwd', join(repository.path, 'link.md'));
    await repository.commit();
    await repository.write('uncommitted.md', 'no');
    const { told, texts } = await read();
    expect(told).toEqual([
      'scopes',
      ...['-b.md', 'a #?%ü 漢.md', 'deep/er/c.md', 'empty.md'].map((key) => `item ${key}`),
      'complete',
    ]);
    expect(texts).toEqual({ '-b.md': 'B', 'a #?%ü 漢.md': 'A', 'deep/er/c.md': 'C'.repeat(300_000), 'empty.md': '' });
  });

  it('reports from a commit on what differs, across merges, rewritten history and other branches', async () => {
    for (const name of ['a.md', 'b.md', 'c.md']) await repository.write(name, name);
    await repository.commit();
    const first = await read();
    expect((await read({}, { from: first.cursor })).told).toEqual([]);
    await repository.write('a.md', 'new');
    await repository.rename('b.md', 'd.md');
    await repository.commit();
    const second = await read({}, { from: first.cursor });
    expect(second.told).toEqual(['item a.md', 'gone b.md', 'item d.md']);
    // Amended: the commit that was read is in no branch any more.
    await repository.write('c.md', 'amended');
    await repository.git('add', '--all');
    await repository.git('commit', '--quiet', '--amend', '--message', 'other');
    const third = await read({}, { from: second.cursor });
    expect(third.told).toEqual(['item c.md']);
    await repository.git('checkout', '--quiet', '-b', 'side', 'HEAD~1');
    expect((await read({ ref: 'side' }, { from: third.cursor })).told).toContain('complete');
  });

  it('reads everything when its copy or the commit is gone, and mends a copy that is damaged', async () => {
    await repository.write('a.md', 'A');
    await repository.commit();
    const { cursor } = await read();
    await repository.write('b.md', 'B');
    await repository.commit();
    await rm(own(), { recursive: true });
    expect((await read({}, { from: cursor })).told).toEqual(['scopes', 'item a.md', 'item b.md', 'complete']);
    await writeFile(join(own(), 'HEAD'), 'garbage');
    await writeFile(join(own(), 'shallow.lock'), '');
    expect((await read({}, { from: cursor })).told).toContain('complete');
    expect((await read({}, { from: { commit: 'f'.repeat(40), rules: 'x' } })).told).toContain('complete');
  });

  it('keeps links of unchanged files when it reads everything again', async () => {
    await repository.write('a.md', 'A');
    await repository.write('b.md', 'B');
    const old = await repository.commit();
    const options = { web: 'https://git.example.org/team/handbook', links: 'gitlab' };
    const first = await read(options);
    const known = new Map(first.items.map(({ key, quick }) => [key, quick]));
    await repository.write('b.md', 'B2');
    const now = await repository.commit();
    const { items } = await read(options, { known: async (key) => known.get(key) });
    expect(items.map(({ uri }) => uri)).toEqual([
      `https://git.example.org/team/handbook/-/blob/${old}/a.md`,
      `https://git.example.org/team/handbook/-/blob/${now}/b.md`,
    ]);
  });

  it('chooses files by globs, and reads everything when they change', async () => {
    for (const name of ['docs/a.md', 'docs/b.txt', 'src/c.md']) await repository.write(name, name);
    await repository.commit();
    const { told, cursor } = await read({ include: ['docs/**'], exclude: ['**/*.txt'] });
    expect(told).toEqual(['scopes', 'item docs/a.md', 'complete']);
    expect((await read({ include: ['docs/**'] }, { from: cursor })).told).toContain('item docs/b.txt');
  });

  it('forgets what was removed from the source, a read later', async () => {
    await repository.write('secret.md', 'a secret that nobody shall keep');
    await repository.commit();
    const oid = await repository.git('rev-parse', 'HEAD:secret.md');
    const first = await read();
    await repository.remove('secret.md');
    await repository.write('a.md', 'A');
    await repository.commit();
    const second = await read({}, { from: first.cursor });
    await repository.write('a.md', 'A2');
    await repository.commit();
    const third = await read({}, { from: second.cursor });
    expect(third.told).toEqual(['item a.md']);
    const objects = await readdir(join(own(), 'objects'), { recursive: true });
    expect(objects.some((name) => name.replaceAll('/', '').includes(oid))).toBe(false);
  });

  it('runs no program of the repository', async () => {
    await repository.write('a.md', 'A');
    await repository.commit();
    const trap = join(folder.path, 'trap.sh');
    const mark = join(folder.path, 'ran');
    await writeFile(trap, `#!/bin/sh\ntouch ${mark}\n`);
    await chmod(trap, 0o755);
    await mkdir(join(repository.path, '.git/hooks'), { recursive: true });
    for (const hook of ['pre-auto-gc', 'post-checkout', 'reference-transaction', 'post-update', 'pre-receive']) {
      await symlink(trap, join(repository.path, '.git/hooks', hook));
    }
    for (const setting of [
      'core.fsmonitor',
      'uploadpack.packObjectsHook',
      'diff.external',
      'core.sshCommand',
      'core.pager',
    ]) {
      await repository.git('config', setting, trap);
    }
    expect((await read()).told).toContain('item a.md');
    expect(existsSync(mark)).toBe(false);
  });

  it.each([
    ['ssh://git@example.org/x.git', 'https://'],
    ['git@example.org:x.git', 'https://'],
    ['ext::sh -c touch% /tmp/x', 'https://'],
    ['http://example.org/x.git', 'https://'],
    ['git://example.org/x.git', 'https://'],
    ['--upload-pack=touch /tmp/x', 'dash'],
    ['https://user:pass@example.org/x.git', '`token`'],
    ['https://user@example.org/x.git', '`token`'],
    ['https://example.org/x.git?a=b', 'query'],
    ['file://host/x', 'no host'],
    ['https://exa\nmple.org', 'control'],
    ['fd::17', 'https://'],
  ])('refuses %j', (url, says) => {
    const result = git.config.safeParse({ url });
    expect(result.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join()).toContain(says);
    expect(result.error?.issues[0]?.path).toEqual(['url']);
  });

  it.each(['-x', '--upload-pack=x', 'a..b', 'a b', 'a:b', '+a', 'a~1', 'a^', 'x.lock', 'a@{1}', '', '/a'])(
    'refuses the ref %j',
    (ref) => {
      expect(git.config.safeParse({ url: '/x', ref }).success).toBe(false);
    },
  );

  it('says what is wrong without its token', async () => {
    const token = 'sesame-0123456789';
    const away = read({ url: `https://127.0.0.1:9/${token}.git`, token });
    await expect(away).rejects.toMatchObject({ code: 'unavailable' });
    await expect(away).rejects.not.toThrow(token);
    await expect(read({ url: join(folder.path, 'none') })).rejects.toMatchObject({ code: 'not_found' });
    await repository.write('a.md', 'A');
    await repository.commit();
    await expect(read({ ref: 'no-such-branch' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(read({}, { env: { PATH: folder.path } })).rejects.toThrow('install it');
    expect(git.config.safeParse({ url: '/x', token }).success).toBe(false);
  });

  it('stops when asked', async () => {
    await repository.write('a.md', 'A');
    await repository.commit();
    await expect(read({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('goes on after somebody left an item in its middle', async () => {
    await repository.write('a.bin', Buffer.alloc(3_000_000, 65));
    await repository.write('b.md', 'B');
    await repository.commit();
    const texts: string[] = [];
    const config = git.config.parse({ url: repository.path });
    for await (const change of git.read(config, readContext({ folder: own() }))) {
      if (change.kind !== 'item') continue;
      const stream = change.open();
      if (change.key === 'a.bin') for await (const _ of stream) break;
      else texts.push(Buffer.concat((await allOf(stream)) as Buffer[]).toString());
    }
    expect(texts).toEqual(['B']);
  });
});

describe('permanent links', () => {
  it.each([
    ['https://github.com/o/r.git', {}, 'https://github.com/o/r/blob/C/a%20b/c.md'],
    ['https://gitlab.com/g/s/r', {}, 'https://gitlab.com/g/s/r/-/blob/C/a%20b/c.md'],
    ['https://codeberg.org/o/r.git', {}, 'https://codeberg.org/o/r/src/commit/C/a%20b/c.md'],
    ['https://bitbucket.org/o/r.git', {}, 'https://bitbucket.org/o/r/src/C/a%20b/c.md'],
    ['https://git.example.org/r.git', {}, 'git+https://git.example.org/r.git@C#a%20b/c.md'],
    ['https://git.example.org/r.git', { links: 'gitea' }, 'https://git.example.org/r/src/commit/C/a%20b/c.md'],
    ['/srv/r', {}, 'git+file:///srv/r@C#a%20b/c.md'],
    ['/srv/r', { web: 'https://github.com/o/r/' }, 'https://github.com/o/r/blob/C/a%20b/c.md'],
    ['https://github.com/o/r.git', { links: 'none' }, 'git+https://github.com/o/r.git@C#a%20b/c.md'],
  ])('%s %j', (url, options, link) => {
    const config = git.config.parse({ url, ...options });
    expect(permalinks(config, addressOf(url, '/'))('a b/c.md', 'C')).toBe(link);
  });
});
