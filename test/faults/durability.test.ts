import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CALLER, COLLECTION } from './kill/work.js';
import { workerCommand } from './kill/worker.js';
import { EXEMPT, check } from './trace/check.js';
import type { CheckOptions } from './trace/check.js';
import type { Call } from './trace/strace.js';
import { hasStrace, straced } from './trace/strace.js';

const present = hasStrace();
if (!present && process.env['CI']) throw new Error('strace is missing: install it.');

/** Documents that are ingested, edited, broken and mended, re-permissioned and deleted. */
const SCRIPT = { seed: 3, documents: 40, steps: 8 };

describe.skipIf(!present)('under strace (needs strace)', () => {
  let root: string;
  beforeAll(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'footnote-test-')));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  async function trace(name: string, maxInFlight: number): Promise<{ calls: Call[]; options: CheckOptions }> {
    const scratch = join(root, name);
    await mkdir(scratch);
    const data = join(scratch, 'data');
    const marks = join(scratch, 'marks');
    const calls = await straced(
      workerCommand({ data, scratch, script: SCRIPT, marks, maxInFlight }),
      join(scratch, 'trace'),
    );
    const { tenant } = CALLER;
    return { calls, options: { data, marks, tenant, collection: COLLECTION, alone: maxInFlight === 1 } };
  }

  for (const maxInFlight of [1, 16]) {
    describe(`${maxInFlight} documents under way at once`, () => {
      let traced: Awaited<ReturnType<typeof trace>>;
      beforeAll(async () => {
        traced = await trace(`at-once-${maxInFlight}`, maxInFlight);
      });

      it('every file below the data directory is synced before the position that covers it is committed', () => {
        const proof = check(traced.calls, traced.options);
        expect(proof.violations).toEqual([]);
        expect(proof.applied).toBeGreaterThan(80);
        expect(proof.commits).toBeGreaterThan(20);
        expect(proof.storeVersions).toBeGreaterThan(20);
        expect([...proof.exempted].sort()).toEqual(EXEMPT.map(({ reason }) => reason).sort());
      });

      /** Without these fsyncs the same trace must not pass. */
      const removed: Record<string, RegExp> = {
        'of the rows of points': /\/vectors\/.*\.lance\/data\/[^/]+\.lance$/,
        "of the tables' manifests": /\/vectors\/.*\/_versions\/\d+\.manifest$/,
        "of the tables' folders": /\/vectors\/.*\.lance\/data$/,
        "of the store's record": /\/vectors\/[^/]+\.durable$/,
        'of the catalog': /\/catalog\.db-wal$/,
        'of the log': /\/log\.db-wal$/,
        'of the vector cache': /\/cache\.db-wal$/,
        'of blobs': /\/blobs\/\.tmp\//,
        "of blobs' folders": /\/blobs\/.*[0-9a-f-]{36}$/,
        'of the folders above': /\/blobs\/.*\/[0-9a-f]{2}$/,
      };
      for (const [name, files] of Object.entries(removed)) {
        it(`finds it when fsyncs ${name} are missing`, () => {
          const left = traced.calls.filter(
            (call) => !(call.name.endsWith('sync') && files.test(call.handles[0]?.path ?? '')),
          );
          expect(left.length).toBeLessThan(traced.calls.length);
          expect(check(left, traced.options).violations).not.toEqual([]);
        });
      }
    });
  }
});
