import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runConnectKills } from './connect-kill/run.js';

/** The whole proof: `node dist/test/faults/connect-kills.js --seeds 50 [--seed-from 1] [--out FILE.json]`. */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '50' },
    'seed-from': { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
const seeds = Number(values.seeds);
const first = Number(values['seed-from']);
const directory = await mkdtemp(join(tmpdir(), 'footnote-connect-kills-'));
const began = Date.now();
const shape = { steps: 4, killsPerStep: 2, additions: 10 };
const kills: Record<string, number> = {};
const violations: string[] = [];
let [brokenSteps, documents, deletions] = [0, 0, 0];
try {
  for (let seed = first; seed < first + seeds; seed += 1) {
    const place = join(directory, String(seed));
    const report = await runConnectKills({ seed, ...shape, directory: place });
    for (const [point, count] of Object.entries(report.kills)) kills[point] = (kills[point] ?? 0) + count;
    violations.push(...report.violations.map((each) => `seed ${seed}: ${each}`));
    brokenSteps += report.brokenSteps;
    documents += report.documents;
    deletions += report.deletions;
    console.error(
      `${((Date.now() - began) / 1000).toFixed(0)} s  seed ${seed}: ${report.violations.length} violations`,
    );
    await rm(place, { recursive: true, force: true });
  }
  const summary = {
    command: `node dist/test/faults/connect-kills.js --seeds ${seeds} --seed-from ${first}`,
    node: process.version,
    hardware: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    seconds: Math.round((Date.now() - began) / 1000),
    seeds,
    ...shape,
    kills: Object.values(kills).reduce((sum, each) => sum + each, 0),
    stepsWithASourceAway: brokenSteps,
    documents,
    deletions,
    violations,
    killsByPoint: Object.fromEntries(Object.entries(kills).sort()),
  };
  const text = `${JSON.stringify(summary, null, 2)}\n`;
  process.stdout.write(text);
  if (values.out !== undefined) await writeFile(values.out, text);
  if (violations.length > 0) process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}
