import { chmod } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/fixtures.js';
import { describeWith } from '../support/needs.js';
import { violations } from './proxy/compare.js';
import type { End } from './proxy/inspect.js';
import { runProxy } from './proxy/run.js';
import { WIRES, type WireName } from './proxy/wires.js';

/** A tenth of the whole proof, which is `node dist/test/faults/proxies.js`. */
const SEEDS = 20;

for (const name of Object.keys(WIRES) as WireName[]) {
  const kind = WIRES[name];
  describeWith(kind.variable, `behind a proxy that breaks requests: ${name}`, () => {
    describe(`behind a proxy that breaks requests: ${name}`, () => {
      it(`every history comes to the end that it has without one (${SEEDS} seeds)`, async () => {
        const place = await temporaryFolder();
        // A server that refuses to run as root gets a user of its own, who must reach its folder.
        await chmod(place.path, 0o755);
        try {
          const wire = await kind.open(place.path);
          try {
            const report = await runProxy({ wire, first: 1, seeds: SEEDS, directory: place.path });
            expect(report.violations).toEqual([]);
            expect(Object.keys(wire.plan.struck).sort()).toEqual([...kind.faults].sort());
            for (const each of report.ends) expectSeen(each.clean);
          } finally {
            await wire.close();
          }
        } finally {
          await place.remove();
        }
      }, 1_800_000);
    });
  });
}

/** What makes the comparison worth something: whatever is taken away, changed or added is found, and called by its name. */
function expectSeen(clean: End): void {
  const against = (struck: Partial<End>): string[] => violations({ ...clean, ...struck }, clean);
  const [first] = clean.canonical;
  const { key } = first!;
  const others = clean.canonical.filter((line) => line.key !== key);
  expect(against({})).toEqual([]);
  expect(against({ canonical: others })).toContain(`lost: ${key}`);
  const changed = clean.canonical.map((line) => (line.key === key ? { ...line, policySha256: 'other' } : line));
  expect(against({ canonical: changed })).toContainEqual(expect.stringContaining(`stale: ${key}: `));
  const more = [...clean.canonical, { ...first!, id: 'x', key: 'deleted.md' }];
  expect(against({ canonical: more })).toContain('resurrected: deleted.md');
  expect(against({ points: [...clean.points, clean.points[0]!] })).not.toEqual([]);
  expect(against({ blobs: clean.blobs.slice(1) })).not.toEqual([]);
  expect(against({ blobs: [...clean.blobs, 'd original x'] })).not.toEqual([]);
  expect(against({ letters: [...clean.letters, 'd corrupt_document'] })).not.toEqual([]);
  expect(against({ problems: ['still points_left: p'] })).not.toEqual([]);
}
