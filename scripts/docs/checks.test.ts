import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FAULT_POINTS } from '../../pipelines/ingest/fault-points.js';
import { REINDEX_FAULT_POINTS } from '../../pipelines/reindex/fault-points.js';
import { DOCUMENT_FAULT_POINTS } from '../../src/services/documents.js';
import { CONNECT_FAULT_POINTS, LISTING_FAULT_POINTS } from '../../src/services/listing.js';
import { temporaryFolder } from '../../test/support/fixtures.js';
import { checkHandwritten } from './checks.js';

const points = [...FAULT_POINTS, ...DOCUMENT_FAULT_POINTS, ...LISTING_FAULT_POINTS, ...CONNECT_FAULT_POINTS].map(
  (point) => `\`${point}\``,
);
const GOOD = {
  'README.md': '# Title\n\n[there](docs/README.md) and [a heading](docs/README.md#some-code-here)\n',
  'docs/README.md': '# Docs\n\n## Some `code` here\n\n[back](../README.md), [out](https://example.org/x), `src/a.ts`\n',
  'docs/paths/ingest.md': points.join(' '),
  'docs/paths/reindex.md': REINDEX_FAULT_POINTS.map((point) => `\`${point}\``).join(' '),
  'docs/dependencies.md': '| a |\n| - |\n| `zod` |\n\n| b |\n| - |\n| `vitest` |\n',
  'package.json': JSON.stringify({ dependencies: { zod: '1' }, devDependencies: { vitest: '1' } }),
  'src/a.ts': '',
};

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

async function problemsOf(changes: Partial<Record<keyof typeof GOOD, string>>): Promise<string[]> {
  for (const [path, text] of Object.entries({ ...GOOD, ...changes })) {
    await mkdir(dirname(join(folder.path, path)), { recursive: true });
    await writeFile(join(folder.path, path), text);
  }
  return checkHandwritten(folder.path);
}

describe('what is written by hand', () => {
  it('has nothing to say of good pages', async () => {
    expect(await problemsOf({})).toEqual([]);
  });

  it('names broken links, headings and files', async () => {
    const text = '[a](docs/gone.md) [b](docs/README.md#gone) `src/gone.ts` `src/NAME/*.ts`';
    expect(await problemsOf({ 'README.md': text })).toEqual([
      'README.md: there is no docs/gone.md',
      'README.md: docs/README.md has no heading #gone',
      'README.md: there is no src/gone.ts',
    ]);
  });

  it('names fault points that are not told of, and those that do not exist', async () => {
    const text = [...points.slice(1), '`apply:lunch`'].join(' ');
    expect(await problemsOf({ 'docs/paths/ingest.md': text })).toEqual([
      'docs/paths/ingest.md does not tell of apply:begin',
      'docs/paths/ingest.md: there is no point apply:lunch',
    ]);
  });

  it('names packages that only one of the two lists has', async () => {
    const text = '| a |\n| - |\n| `yaml` |\n\n| b |\n| - |\n| `vitest` |\n';
    expect(await problemsOf({ 'docs/dependencies.md': text })).toEqual([
      'docs/dependencies.md does not list zod',
      'docs/dependencies.md: yaml is not in package.json',
    ]);
  });
});
