import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { newAdminToken, readServerFile, removeServerFile, writeServerFile } from './server-file.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'footnote-server-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const content = { address: 'http://127.0.0.1:7470', token: 't', pid: 1, startedAt: '2026-01-01T00:00:00.000Z' };

it('is readable by its owner only, and holds what was written', async () => {
  await writeFile(join(directory, 'server.json'), 'old', { mode: 0o644 });
  await writeServerFile(directory, content);
  expect((await stat(join(directory, 'server.json'))).mode & 0o777).toBe(0o600);
  expect(await readServerFile(directory)).toEqual(content);
  expect(await readdir(directory)).toEqual(['server.json']);
});

it('is removed only by the server whose it is', async () => {
  expect(await readServerFile(directory)).toBeUndefined();
  await writeServerFile(directory, content);
  await removeServerFile(directory, 'another');
  expect(await readServerFile(directory)).toEqual(content);
  await removeServerFile(directory, 't');
  expect(await readServerFile(directory)).toBeUndefined();
});

it('says so when it cannot be understood', async () => {
  await writeFile(join(directory, 'server.json'), '{');
  await expect(readServerFile(directory)).rejects.toMatchObject({ code: 'data_corrupt' });
});

it('has a new token each time', () => {
  expect(newAdminToken()).not.toBe(newAdminToken());
  expect(newAdminToken()).toMatch(/^[\w-]{43}$/);
});
