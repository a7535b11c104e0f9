import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { createIsolatedParsing } from '../../src/adapters/parsing/isolated.js';
import { DETECT_BYTES, identify } from '../../src/stages/parse/detect.js';
import { describeParsingContract } from './parsing.js';

const folders: string[] = [];

afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

describeParsingContract(
  'isolated processes',
  (limits) => createIsolatedParsing({ identify, headBytes: DETECT_BYTES, processes: 2, ...limits }),
  async (bytes) => {
    const folder = await mkdtemp(join(tmpdir(), 'footnote-test-'));
    folders.push(folder);
    const path = join(folder, 'large.txt');
    const file = await open(path, 'w');
    // Sparse: it takes no room on the disk.
    await file.truncate(bytes);
    await file.close();
    return path;
  },
);
