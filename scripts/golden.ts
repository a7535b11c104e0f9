/**
 * Records what each parser makes of the fixtures, after its version was raised.
 * Run: npm run -s build && node dist/scripts/golden.js
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { changedWithoutVersion, type Golden, GOLDEN_FILE, goldenOutputs } from './samples/golden.js';

const folder = join(process.cwd(), 'test/fixtures/parse');
const file = join(folder, GOLDEN_FILE);
const recorded = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Golden) : {};
const now = await goldenOutputs(folder);
const changed = changedWithoutVersion(recorded, now);
if (changed.length > 0) {
  console.error(
    `Raise the version in src/stages/parse/registry.ts first; these outputs changed: ${changed.join(', ')}`,
  );
  process.exitCode = 1;
} else writeFileSync(file, `${JSON.stringify(now, null, 2)}\n`);
