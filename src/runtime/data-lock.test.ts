import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDataDirectory, type DataDirectory } from './data-lock.js';

describe('lockDataDirectory', () => {
  let path: string;
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'footnote-test-'));
  });
  afterEach(() => rm(path, { recursive: true, force: true }));

  const owner = (change: object) =>
    JSON.stringify({
      token: '00000000-0000-4000-8000-000000000000',
      pid: process.pid,
      host: hostname(),
      at: '2026-01-01T00:00:00.000Z',
      ...change,
    });

  async function deadPid(): Promise<number> {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    return child.pid!;
  }

  it('has one owner at a time, and names it', async () => {
    const first = await lockDataDirectory(join(path, 'data'));
    await expect(lockDataDirectory(join(path, 'data'))).rejects.toMatchObject({
      code: 'data_in_use',
      message: expect.stringContaining(`process ${process.pid}`) as string,
    });
    await first.release();
    await first.release();
    const second = await lockDataDirectory(join(path, 'data'));
    expect(await readdir(join(path, 'data'))).toEqual(['format.json', 'lock']);
    await second.release();
    expect(await readdir(join(path, 'data'))).toEqual(['format.json']);
  });

  it('is taken over from a dead process by exactly one of 50', async () => {
    await writeFile(join(path, 'lock'), owner({ pid: await deadPid() }));
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => lockDataDirectory(path)));
    const won = results.filter((each): each is PromiseFulfilledResult<DataDirectory> => each.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const each of results) {
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'data_in_use' });
    }
    expect(await readdir(path)).toEqual(['format.json', 'lock']);
    await won[0]!.value.release();
  });

  it('is taken over when a heir died too, and when the pid now belongs to another process', async () => {
    const token = '00000000-0000-4000-8000-000000000001';
    await writeFile(join(path, 'lock'), owner({ pid: await deadPid() }));
    await writeFile(join(path, 'lock.00000000-0000-4000-8000-000000000000'), owner({ token, started: 'boot 1' }));
    const lock = await lockDataDirectory(path);
    expect(await readdir(path)).toEqual(['format.json', 'lock']);
    await lock.release();
  });

  it('of another host holds while it is touched', async () => {
    await writeFile(join(path, 'lock'), owner({ host: 'elsewhere', pid: 1 }));
    await expect(lockDataDirectory(path)).rejects.toMatchObject({
      code: 'data_in_use',
      message: expect.stringContaining('elsewhere') as string,
    });
    await utimes(join(path, 'lock'), new Date(0), new Date(0));
    await (await lockDataDirectory(path)).release();
  });

  it('ends with its process, however that dies', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
    await once(child, 'spawn');
    await writeFile(join(path, 'lock'), owner({ pid: child.pid }));
    await expect(lockDataDirectory(path)).rejects.toMatchObject({ code: 'data_in_use' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await lockDataDirectory(path)).release();
  });

  it('refuses a directory of newer software and a damaged one, without keeping the lock', async () => {
    const file = join(path, 'format.json');
    await (await lockDataDirectory(path)).release();
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ format: 1 });
    await writeFile(file, '{"format": 99}');
    await expect(lockDataDirectory(path)).rejects.toMatchObject({ code: 'data_newer' });
    for (const text of ['no json', '{}']) {
      await writeFile(file, text);
      await expect(lockDataDirectory(path)).rejects.toMatchObject({ code: 'data_corrupt' });
    }
    expect(await readdir(path)).toEqual(['format.json']);
    await writeFile(join(path, 'lock'), 'torn');
    await expect(lockDataDirectory(path)).rejects.toMatchObject({ code: 'data_corrupt' });
  });
});
