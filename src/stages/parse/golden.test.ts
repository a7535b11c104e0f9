import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { changedWithoutVersion, type Golden, GOLDEN_FILE, goldenOutputs } from '../../../scripts/samples/golden.js';

const folder = fileURLToPath(new URL('../../../test/fixtures/parse', import.meta.url));

it('no parser changes its output without a new version (law 2)', async () => {
  const recorded = JSON.parse(readFileSync(`${folder}/${GOLDEN_FILE}`, 'utf8')) as Golden;
  const now = await goldenOutputs(folder);
  expect(
    changedWithoutVersion(recorded, now),
    'These outputs changed: raise the parser version in src/stages/parse/registry.ts, then run: npm run -s build && node dist/scripts/golden.js',
  ).toEqual([]);
  expect(now, 'Record the new outputs: npm run -s build && node dist/scripts/golden.js').toEqual(recorded);
});
